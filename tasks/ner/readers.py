"""Sentences with their tags from column files, JSON, Parquet and hub data sets, and sentences to tag."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from elmo_lite import CorpusError
from elmo_lite.files import STANDARD_STREAM
from elmo_lite.text import (
    NAME_OF,
    ColumnReader,
    Kind,
    decoded_lines,
    is_data_set_name,
    is_tag,
    is_untyped_tag,
    kind_of,
    open_data_set,
    read_rows,
    standard_input_lines,
)
from tasks.files import without_end

log = logging.getLogger("elmo_lite")

WORD_FIELDS = ("tokens", "words")
TAG_FIELDS = ("ner_tags", "tags", "labels")
ENTITY_TYPE = "ENT"
"""Default type of tags without one: B, I and O."""
_RECORDS: tuple[Kind, ...] = ("jsonl", "json", "parquet", "hub")


@dataclass(frozen=True)
class TaggedSentence:
    """A sentence with a tag for each word, and its place in the source."""

    words: tuple[str, ...]
    tags: tuple[str, ...]
    """Tag of each word: well-formed BIOES if returned by ``read_tagged``, otherwise in any scheme."""
    source: str = ""
    """Path or name of the source."""
    line: int = 0
    """Line of the first word, or number of the record, from 1."""
    document: int = 0
    """Number of its document in the source, from 1; 0 if it is unknown."""


@dataclass(frozen=True, kw_only=True)
class ColumnChoice:
    """Settings for reading column files."""

    word_column: int | None = None
    """Column of the words, from 0, or negative to count from the end. Detected by default."""
    tag_column: int | None = None
    """Column of the tags, counted in the same way. Detected by default."""
    entity_type: str = ENTITY_TYPE
    """Type of tags without one."""


def tagged_sentences(name: str, columns: ColumnChoice) -> tuple[list[TaggedSentence], str]:
    """The labelled sentences of a file or hub data set, and what it was read as.

    Raises:
        CorpusError: The source does not exist, or a line is malformed.
        ConfigError: A given column does not exist.
    """
    kind: Kind = "hub" if is_data_set_name(name) else kind_of(name)
    if kind in _RECORDS:
        records = list(_tagged_records(name, kind, columns.entity_type))
        found = [sentence for sentence in records if sentence.words]
        skipped = next((f", records without words skipped, first at {s.line}" for s in records if not s.words), "")
        return found, NAME_OF[kind] + skipped
    reader = ColumnReader(name, columns.word_column, columns.tag_column, entity_type=columns.entity_type)
    found = [TaggedSentence(words, tags, name, line, reader.document) for words, tags, line in reader]
    _warn_of_choice(reader)
    return found, str(reader)


def _warn_of_choice(reader: ColumnReader) -> None:
    """Warn if several columns hold tags, unless one was chosen."""
    if len(tags := reader.layout.tags) > 1:
        listed = ", ".join(map(str, tags))
        reader_says = f"columns {listed} hold tags, and those of column {tags[0]} are read"
        log.warning("%s: %s (choose with --tag_column)", reader.name, reader_says)


def _tagged_records(name: str, kind: Kind, entity_type: str) -> Iterator[TaggedSentence]:
    """Sentences of records. Class ids of a hub data set become the class names in its features."""
    if kind == "hub":
        rows, features = open_data_set(name)
        tag_field = next((field for field in TAG_FIELDS if field in features), "")
        names: list[str] | None = getattr(getattr(features.get(tag_field), "feature", None), "names", None)
        for number, row in enumerate(rows, start=1):
            where = f"{name}, record {number}"
            words = words_of(row, where)
            yield tagged(words, _field(row, TAG_FIELDS, where), where, name, number, entity_type, names)
        return
    for row, where, number in read_rows(name, kind):
        words = words_of(row, where)
        yield tagged(words, _field(row, TAG_FIELDS, where), where, name, number, entity_type)


def _field(row: dict[str, Any], names: Sequence[str], where: str) -> list[Any]:
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
    words = _field(row, WORD_FIELDS, where)
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


def tagged(
    words: tuple[str, ...],
    tags: list[Any],
    where: str,
    source: str,
    line: int,
    entity_type: str = ENTITY_TYPE,
    names: list[str] | None = None,
) -> TaggedSentence:
    """A sentence with its tags, given by name or by class id.

    Args:
        words: Its words.
        tags: A tag of each word, or its index in ``names``.
        where: Its place, for errors.
        source: Path or name of the source.
        line: Number of the line or record.
        entity_type: Type of tags without one.
        names: Names of the classes.

    Raises:
        CorpusError: The numbers of words and tags differ, or a tag is unknown.
    """
    if len(tags) != len(words):
        raise CorpusError(f"{where}: expected one tag for each of {len(words)} words, found {len(tags)}")
    return TaggedSentence(words, tuple(_tag(tag, names, entity_type, where) for tag in tags), source, line)


def _tag(tag: Any, names: list[str] | None, entity_type: str, where: str) -> str:
    if isinstance(tag, int) and names is not None and 0 <= tag < len(names):
        tag = names[tag]
    if isinstance(tag, str) and is_untyped_tag(tag):
        return f"{tag}-{entity_type}"
    if not isinstance(tag, str) or not is_tag(tag):
        raise CorpusError(f"{where}: expected O or B-, I-, E- or S- and a type, found {tag!r:.60}")
    return str(tag)


Row = tuple[str | Sequence[str], Mapping[str, Any]]
"""A sentence to tag, and the other fields of its record."""


class SentenceStream:
    """The sentences of a file, to tag them, one after another. Iterating raises CorpusError, see ``read_sentences``."""

    def __init__(self, name: str, word_column: int | None = None) -> None:
        """Find out what the file is; arguments and errors are those of ``read_sentences``."""
        self.name, self.word_column = name, word_column
        self.kind: Kind = "text" if name == STANDARD_STREAM else "hub" if is_data_set_name(name) else kind_of(name)
        self.description = NAME_OF[self.kind]
        """What it was read as, in words; of a column file at its end."""

    def __iter__(self) -> Iterator[Row]:
        """Read the sentences."""
        number = 0
        for number, row in enumerate(self._rows(), start=1):  # noqa: B007
            yield row
        if not number:
            raise CorpusError(f"{self.name}: expected sentences, found none")
        log.info("%s: read as %s; sentences: %s", self.name, self.description, f"{number:,}")

    def _rows(self) -> Iterator[Row]:
        if self.name == STANDARD_STREAM:
            yield from ((without_end(line), {}) for _, line in standard_input_lines())
        elif self.kind == "text":
            yield from ((without_end(line), {}) for _, line in decoded_lines(self.name))
        elif self.kind in _RECORDS:
            yield from (_sentence_of(row, where) for row, where, _ in read_rows(self.name, self.kind))
        else:
            reader = ColumnReader(self.name, self.word_column, with_tags=False)
            yield from ((words, {}) for words, _, _ in reader)
            self.description = str(reader)


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
    return [sentence for sentence, _ in SentenceStream(name, word_column)]


def _sentence_of(row: dict[str, Any], where: str) -> Row:
    """The text or the words of a record, and its other fields; the text is kept beside words that were read."""
    text = row.get("text")
    words_field = next((name for name in WORD_FIELDS if name in row), None)
    if isinstance(text, str) and words_field is None:
        return text, row
    return words_of(row, where), {name: value for name, value in row.items() if name != words_field}
