"""Sentences with labels, and sentences to tag: their words, from records, column files and text."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from elmo_lite import CorpusError
from elmo_lite.text import (
    NAME_OF,
    ColumnReader,
    Kind,
    Pipe,
    decoded_lines,
    is_data_set_name,
    is_read_once,
    kind_of,
    open_pipe,
    read_rows,
)
from tasks.files import without_end

log = logging.getLogger("elmo_lite")

Column = int | str | None
"""A column by its number, from 0, or negative to count from the end; by its name; None if it is detected."""
WORD_FIELDS = ("tokens", "words")
TAG_FIELDS = ("ner_tags", "tags", "labels")
RECORDS: tuple[Kind, ...] = ("jsonl", "json", "parquet", "hub")
"""Kinds of files that hold a sentence in a record."""


@dataclass(frozen=True)
class TaggedSentence:
    """A sentence with a tag for each word, and its place in the source."""

    words: tuple[str, ...]
    tags: tuple[str, ...]
    """Label of each word. Tags of entities are well-formed BIOES if ``read_tagged`` returned them."""
    source: str = ""
    """Path or name of the source."""
    line: int = 0
    """Line of the first word, or number of the record, from 1."""
    marked: tuple[int, ...] = field(default=(), kw_only=True)
    """Indices of the words that the labels are about, such as a predicate; empty if there are none."""
    document: int = field(default=0, kw_only=True)
    """Number of its document in the source, from 1; 0 if it is unknown."""


def field_of(row: dict[str, Any], names: Sequence[str], where: str) -> list[Any]:
    """The list in the first of some fields that a record has.

    Raises:
        CorpusError: The record has none of them, or it is no list.
    """
    for name in names:
        if name in row:
            if not isinstance(row[name], list):
                raise CorpusError(f"{where}: expected a list in {name!r}, found {type(row[name]).__name__}")
            return list(row[name])
    raise CorpusError(f"{where}: expected a field {' or '.join(names)}, found {', '.join(map(str, row)) or 'none'}")


def words_of(row: dict[str, Any], where: str) -> tuple[str, ...]:
    """The words of a record, which may be none.

    Raises:
        CorpusError: The record has no list of words, or a word is not a string or empty.
    """
    words = field_of(row, WORD_FIELDS, where)
    return checked_words(words, where) if words else ()


def checked_words(words: list[Any], where: str) -> tuple[str, ...]:
    """Words as strings.

    Raises:
        CorpusError: There are no words, or a word is not a string or empty.
    """
    if not words:
        raise CorpusError(f"{where}: expected a sentence with words, found none")
    for word in words:
        if not isinstance(word, str) or not word.strip():
            raise CorpusError(f"{where}: expected words that are not empty, found {word!r:.60}")
    return tuple(map(str, words))


Row = tuple[str | Sequence[str], Mapping[str, Any]]
"""A sentence to tag, and the other fields of its record."""


class SentenceStream:
    """The sentences of a file, to tag them, one after another. Iterating raises CorpusError, see ``read_sentences``."""

    def __init__(self, name: str, word_column: int | None = None) -> None:
        """Find out what the file is; arguments and errors are those of ``read_sentences``."""
        self.name, self.word_column = name, word_column
        self._kind: Kind | None = None if is_read_once(name) else "hub" if is_data_set_name(name) else kind_of(name)
        self.description = ""
        """What it was read as, in words, at its end."""

    def __iter__(self) -> Iterator[Row]:
        """Read the sentences."""
        number = 0
        for number, row in enumerate(self._rows(), start=1):  # noqa: B007
            yield row
        if not number:
            raise CorpusError(f"{self.name}: expected sentences, found none")
        log.info("%s: read as %s; sentences: %s", self.name, self.description, f"{number:,}")

    def _rows(self) -> Iterator[Row]:
        if self._kind is not None:
            yield from self._of_kind(self._kind)
            return
        with open_pipe(self.name) as pipe:
            self.name = pipe.name
            yield from self._of_kind(pipe.kind, pipe)

    def _of_kind(self, kind: Kind, pipe: Pipe | None = None) -> Iterator[Row]:
        self.description = NAME_OF[kind]
        if kind in RECORDS:
            rows = read_rows(self.name, kind, content=None if pipe is None else pipe.content)
            yield from (_sentence_of(row, where) for row, where, _ in rows)
            return
        lines = None if pipe is None else pipe.lines()
        if kind == "text":
            yield from ((without_end(line), {}) for _, line in lines or decoded_lines(self.name))
            return
        reader = ColumnReader(self.name, self.word_column, with_tags=False, lines=lines)
        yield from ((words, {}) for words, _, _ in reader)
        self.description = str(reader)


def read_sentences(name: str, word_column: int | None = None) -> list[str | Sequence[str]]:
    """Read the sentences of a file, to tag them.

    Args:
        name: A text file with one sentence per line, JSON or Parquet with ``tokens``, ``words`` or ``text``, a column
            file, the tags of which are ignored, or "-" for any of these but Parquet on standard input. A blank line of
            text is a sentence without words, so that input and output have the same number of lines.
        word_column: Column of the words in a column file, from 0. Detected by default.

    Raises:
        CorpusError: The file is missing or has no sentences, or a line is malformed.
    """
    return [sentence for sentence, _ in SentenceStream(name, word_column)]


def _sentence_of(row: dict[str, Any], where: str) -> Row:
    """The text or the words of a record, and its other fields; the text is kept beside words that were read."""
    text = row.get("text")
    words_field = next((name for name in WORD_FIELDS if name in row), None)
    if isinstance(text, str) and words_field is None:
        return text, row
    return words_of(row, where), {name: value for name, value in row.items() if name != words_field}
