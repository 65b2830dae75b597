"""The sentences of a text in which words may occur, each with its place, and the number of occurrences of all words.

A text is read once, so that it may be a pipe; its sentences wait in memory or in a temporary file.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import IO, Any, NamedTuple

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from elmo_lite.corpus.corpus import BOUNDARY_ID, Corpus
from elmo_lite.errors import CorpusError
from elmo_lite.files import STANDARD_INPUT, STANDARD_STREAM
from elmo_lite.text.blocks import Block
from elmo_lite.text.documents import Record, sentences_of
from elmo_lite.text.sentence_files import placed_records
from elmo_lite.text.sources import Source, find_sources
from elmo_lite.text.tokenization import Tokenization

_SPOOL_BYTES = 1 << 24
"""Size in bytes from which sentences wait in a temporary file."""
_STREAM_BLOCK = 1 << 22
"""Number of word ids of a corpus that are searched at once."""


class Context(NamedTuple):
    """A sentence and its place."""

    words: list[str]
    place: str
    """Such as ``text.txt, line 3``, or ``train, sentence 3`` in a corpus directory."""


@dataclass
class Contexts:
    """Sentences that hold one of the words in question, in the order of the text."""

    name: str
    """Name of the text, for messages."""
    tokenization: Tokenization
    """How running text is split."""
    counts: Counter[str]
    """Number of occurrences of every word of the text."""
    spool: IO[bytes]

    def add(self, words: list[str], place: str) -> None:
        """Keep a sentence."""
        self.spool.write(json.dumps([words, place]).encode() + b"\n")

    def __iter__(self) -> Iterator[Context]:
        """Iterate over the sentences from the first one."""
        self.spool.seek(0)
        for line in self.spool:
            yield Context(*json.loads(line))


@contextmanager
def text_contexts(
    source: str,
    tokenization: Tokenization,
    words: Iterable[str] | None = None,
    text_field: str | None = None,
    numbered_lines: bool = False,
    progress: bool = False,
) -> Iterator[Contexts]:
    """Read a text; inside the block, its sentences can be iterated over.

    Args:
        source: Path, glob or hub name of any kind of ``text.kinds.Kind``, or "-" for standard input. Running text is
            split into sentences; lists of words are sentences.
        tokenization: Tokenisation of strings.
        words: Words whose sentences are kept. Defaults to all sentences.
        text_field: Field of records. Defaults to the only one of text, words and tokens.
        numbered_lines: Whether to remove a number and a TAB at the beginning of each line of text. Defaults to False.
        progress: Whether to show a progress bar on standard error. Defaults to False.

    Raises:
        CorpusError: The text cannot be read or has no word.
    """
    wanted = None if words is None else frozenset(words)
    files = find_sources([source], numbered_lines=numbered_lines)
    size = sum(file.stored_size for file in files)
    with (
        tempfile.SpooledTemporaryFile(_SPOOL_BYTES) as spool,
        tqdm(total=size or None, unit="B", unit_scale=True, disable=not progress, file=sys.stderr) as bar,
    ):
        name = STANDARD_INPUT if source == STANDARD_STREAM else source
        found = Contexts(name, tokenization, Counter(), spool)
        for block in chain.from_iterable(_counted(file, text_field, bar) for file in files):
            for place, record in placed_records(block, text_field):
                for sentence in _sentences(record, tokenization):
                    found.counts.update(sentence)
                    if sentence and (wanted is None or not wanted.isdisjoint(sentence)):
                        found.add(sentence, place)
        bar.close()
        if not found.counts:
            raise CorpusError(f"{name}: expected words, found none")
        yield found


def _counted(file: Source, text_field: str | None, bar: Any) -> Iterator[Block]:
    """The blocks of a file, whose bytes move a progress bar."""
    before = 0
    for block in file.blocks(text_field):
        yield block
        bar.update(file.position - before)
        before = file.position


def _sentences(record: Record, tokenization: Tokenization) -> list[list[str]]:
    if isinstance(record, str):
        return tokenization.sentences(record)
    return [list(map(tokenization.normalize, words)) for words in sentences_of(record)]


@contextmanager
def corpus_contexts(corpus: Corpus, words: Iterable[str] | None = None) -> Iterator[Contexts]:
    """Search both parts of a corpus directory; see ``text_contexts``.

    Args:
        corpus: The corpus.
        words: Words whose sentences are kept. Defaults to all sentences.
    """
    wanted = None if words is None else set(words)
    ids = [number for number, word in enumerate(corpus.words, 1) if wanted is None or word in wanted]
    parts = {"train": corpus.train, "held out": corpus.held_out}
    number_of = np.zeros(len(corpus.words) + 1, dtype=np.int64)
    for stream in parts.values():
        for start in range(0, len(stream), _STREAM_BLOCK):
            number_of += np.bincount(stream[start : start + _STREAM_BLOCK], minlength=len(number_of))
    counts = Counter({word: number for word, number in zip(corpus.words, number_of[1:].tolist(), strict=True)})
    with tempfile.SpooledTemporaryFile(_SPOOL_BYTES) as spool:
        found = Contexts(str(corpus.directory), corpus.tokenization, counts, spool)
        is_wanted = np.zeros(len(number_of), dtype=bool)
        is_wanted[ids] = True
        for part, stream in parts.items():
            for sentence, start, end in _spans(stream, is_wanted):
                found.add([corpus.words[k - 1] for k in stream[start:end].tolist()], f"{part}, sentence {sentence:,}")
        yield found


def _spans(stream: npt.NDArray[np.int32], is_wanted: npt.NDArray[np.bool_]) -> Iterator[tuple[int, int, int]]:
    """Iterate over the sentences of a stream that hold a wanted word id.

    Args:
        stream: Word ids ``0 w w 0 w 0``.
        is_wanted: (num_words + 1,): whether each word id is wanted.

    Yields:
        Number of the sentence, from 1, its first position and the position after its last.
    """
    before, first = 0, 0  # number of sentences before the block, and the position of the boundary that begins it
    while first < len(stream) - 1:
        block = np.asarray(stream[first : first + _STREAM_BLOCK])
        boundaries = np.flatnonzero(block == BOUNDARY_ID)
        if len(boundaries) < 2:  # one sentence is longer than the block
            rest = np.flatnonzero(stream[first + 1 :] == BOUNDARY_ID)
            block = np.asarray(stream[first : first + 2 + int(rest[0])])
            boundaries = np.array([0, len(block) - 1])
        hits = np.unique(np.searchsorted(boundaries, np.flatnonzero(is_wanted[block[: boundaries[-1]]])))
        for sentence in hits.tolist():  # the sentence that ends at this boundary
            yield before + sentence, first + int(boundaries[sentence - 1]) + 1, first + int(boundaries[sentence])
        before += len(boundaries) - 1
        first += int(boundaries[-1])
