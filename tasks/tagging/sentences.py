"""Sentences with labels, and sentences to tag: their words, from records, column files and text."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from elmo_lite import CorpusError
from elmo_lite.files import STANDARD_STREAM
from elmo_lite.text import (
    NAME_OF,
    ColumnReader,
    Kind,
    is_data_set_name,
    kind_of,
    read_rows,
    standard_input_lines,
)
from tasks.files import read_lines, without_end

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


def read_sentences(name: str, word_column: int | None = None) -> list[str | Sequence[str]]:
    """Read the sentences of a file, to tag them.

    Args:
        name: A text file with one sentence per line, JSON or Parquet with ``tokens``, ``words`` or ``text``, a column
            file, the tags of which are ignored, or "-" for text on standard input. A blank line of text is a sentence
            without words, so that input and output have the same number of lines.
        word_column: Column of the words in a column file, from 0. Detected by default.

    Raises:
        CorpusError: The file is missing or has no sentences, or a line is malformed.
    """
    sentences: list[str | Sequence[str]]
    kind: Kind = "text" if name == STANDARD_STREAM else "hub" if is_data_set_name(name) else kind_of(name)
    description = NAME_OF[kind]
    if name == STANDARD_STREAM:
        sentences = [without_end(line) for _, line in standard_input_lines()]
    elif kind == "text":
        sentences = list(read_lines(Path(name)))
    elif kind in RECORDS:
        sentences = [_sentence_of(row, where) for row, where, _ in read_rows(name, kind)]
    else:
        reader = ColumnReader(name, word_column, with_tags=False)
        sentences = [words for words, _, _ in reader]
        description = str(reader)
    if not sentences:
        raise CorpusError(f"{name}: expected sentences, found none")
    log.info("%s: read as %s; sentences: %s", name, description, f"{len(sentences):,}")
    return sentences


def _sentence_of(row: dict[str, Any], where: str) -> str | tuple[str, ...]:
    text = row.get("text")
    has_words = any(field in row for field in WORD_FIELDS)
    return text if isinstance(text, str) and not has_words else words_of(row, where)
