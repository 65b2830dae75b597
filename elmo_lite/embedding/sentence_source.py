"""The sentences of a file, counted once and then read again."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

from elmo_lite.text.lines import is_read_once
from elmo_lite.text.sentence_files import read_sentences
from elmo_lite.text.tokenization import Tokenization

_SPOOL_BYTES = 1 << 24
"""Size in bytes from which the sentences of a pipe wait in a temporary file."""


@dataclass
class CountedSentences:
    """The numbers of a text, and its sentences."""

    num_sentences: int = 0
    num_words: int = 0
    num_bytes: int = 0
    """Total length of the words in UTF-8 bytes."""
    source: str = ""
    tokenization: Tokenization | None = None
    text_field: str | None = None
    numbered_lines: bool = False
    spool: IO[bytes] | None = None

    def count(self, words: list[str]) -> None:
        """Add a sentence to the numbers."""
        self.num_sentences += 1
        self.num_words += len(words)
        self.num_bytes += sum(map(len, map(str.encode, words)))

    def __iter__(self) -> Iterator[list[str]]:
        """Read the sentences again."""
        if self.spool is None:
            assert self.tokenization is not None
            yield from read_sentences(self.source, self.tokenization, self.text_field, self.numbered_lines)
            return
        self.spool.seek(0)
        for line in self.spool:
            yield json.loads(line)


@contextmanager
def counted_sentences(
    source: str, tokenization: Tokenization, text_field: str | None = None, numbered_lines: bool = False
) -> Iterator[CountedSentences]:
    """Read and check all sentences, and count them; they can be read again inside the block.

    The sentences of a pipe, which can be read only once, wait in memory or in a temporary file.

    Args:
        source: Path, glob or hub name, or "-" for standard input; see ``read_sentences``.
        tokenization: Tokenisation of strings.
        text_field: Field of records.
        numbered_lines: Whether to remove a number and a TAB at the beginning of each line of text. Defaults to False.

    Raises:
        CorpusError: As for ``read_sentences``.
    """
    found = CountedSentences(
        source=source, tokenization=tokenization, text_field=text_field, numbered_lines=numbered_lines
    )
    with tempfile.SpooledTemporaryFile(_SPOOL_BYTES) as spool:
        found.spool = spool if is_read_once(source) else None
        for words in read_sentences(source, tokenization, text_field, numbered_lines):
            found.count(words)
            if found.spool is not None:
                found.spool.write(json.dumps(words).encode() + b"\n")
        yield found
