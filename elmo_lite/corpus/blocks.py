"""Encoding of blocks of text as word ids, in a pool of processes.

Each block is encoded independently, so the result does not depend on the number of processes.
"""

from __future__ import annotations

import os
import signal
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait
from typing import NamedTuple

import numpy as np

from elmo_lite.corpus.corpus import BOUNDARY_ID
from elmo_lite.errors import CorpusError
from elmo_lite.text.blocks import Block, block_records
from elmo_lite.text.documents import Record, sentences_of
from elmo_lite.text.tokenization import Tokenization


class Numbering(dict[str, int]):
    """Numbers of words, 1, 2, 3 ... in order of first occurrence."""

    def __missing__(self, word: str) -> int:
        """Assign the next number to a new word."""
        self[word] = number = len(self) + 1
        return number


class EncodedBlock(NamedTuple):
    """Sentences as numbers of the distinct words of the block, each sentence followed by the boundary id."""

    words: bytes
    """Distinct words in order of their numbers, from 1, joined by line breaks."""
    ids: bytes
    """Numbers of the words, as int32."""
    documents: tuple[int, ...]
    """Positions in ``ids`` where a document may begin: after a blank line, or at a record."""


class _Encoder:
    def __init__(self, tokenization: Tokenization, keep_empty: bool) -> None:
        self.tokenization = tokenization
        self.keep_empty = keep_empty
        self.numbers = Numbering()
        self.ids: list[int] = []
        self.documents: list[int] = []

    def add_sentence(self, words: Iterable[str]) -> None:
        self.ids.extend(map(self.numbers.__getitem__, words))
        self.ids.append(BOUNDARY_ID)

    def add_line(self, line: str) -> None:
        sentences = self.tokenization.line_sentences(line)
        for sentence in sentences:
            self.add_sentence(sentence)
        if self.keep_empty and not sentences:
            self.ids.append(BOUNDARY_ID)

    def add_text(self, text: str) -> None:
        """Add lines of a file. A blank line ends a document."""
        for line in _lines(text):
            if not line or line.isspace():
                self.documents.append(len(self.ids))
            self.add_line(line)

    def add_record(self, record: Record) -> None:
        self.documents.append(len(self.ids))
        if isinstance(record, str):
            for line in _lines(record):
                self.add_line(line)
            return
        for words in sentences_of(record):
            if words or self.keep_empty:
                self.add_sentence(map(self.tokenization.normalize, words))

    def result(self) -> EncodedBlock:
        words = "\n".join(self.numbers).encode()
        return EncodedBlock(words, np.array(self.ids, dtype=np.int32).tobytes(), tuple(self.documents))


def _lines(text: str) -> list[str]:
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    return lines


def encode_block(block: Block, tokenization: Tokenization, field: str | None, keep_empty: bool) -> EncodedBlock:
    """Decode, check and tokenise a block.

    Raises:
        CorpusError: The text is not UTF-8 or holds a NUL, or a record is not as expected.
    """
    encoder = _Encoder(tokenization, keep_empty)
    if block.kind == "text":
        encoder.add_text(block.text())
    else:
        for record in block_records(block, field):
            encoder.add_record(record)
    return encoder.result()


def _start_worker() -> None:
    """Leave interrupts to the parent process, and end with it, even if it is killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = parent_process()
    assert parent is not None

    def end_with_parent() -> None:
        wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=end_with_parent, daemon=True).start()


def encode_blocks(
    blocks: Iterable[tuple[int, Block]],
    tokenization: Tokenization,
    field: str | None,
    keep_empty: bool,
    num_processes: int,
) -> Iterator[tuple[int, EncodedBlock]]:
    """Encode blocks in order, in a pool of processes if there is more than one.

    At most two blocks per process and two more are in progress, so memory does not grow with the text.

    Args:
        blocks: Index of the input and block.
        tokenization: Tokenisation of text.
        field: Field of records. None means the only one of text, words and tokens.
        keep_empty: Whether a blank line is an empty sentence.
        num_processes: Number of processes, 1 or more. 1 starts no new process.

    Yields:
        Index of the input and encoded block.

    Raises:
        CorpusError: A block is not as expected, or a process of the pool has ended.
    """
    encode = partial(encode_block, tokenization=tokenization, field=field, keep_empty=keep_empty)
    if num_processes == 1:
        yield from ((source, encode(block)) for source, block in blocks)
        return
    # Spawned, not forked: the caller may have threads (torch, Lightning), and forking those can hang.
    pool = ProcessPoolExecutor(num_processes, get_context("spawn"), _start_worker)
    waiting: deque[tuple[int, Future[EncodedBlock]]] = deque()
    try:
        for source, block in blocks:
            waiting.append((source, pool.submit(encode, block)))
            if len(waiting) > 2 * num_processes + 2:
                first, future = waiting.popleft()
                yield first, future.result()
        for first, future in waiting:
            yield first, future.result()
    except BrokenExecutor:
        raise CorpusError(
            f"tokenisation: expected {num_processes} processes that run to the end, found one that ended before: it "
            "was killed, for want of memory perhaps, or the script that starts them does so outside of "
            'if __name__ == "__main__"; num_processes=1 starts none'
        ) from None
    finally:
        pool.shutdown(cancel_futures=True)
