"""Sentences with labels of any kind, from CoNLL-U, column files, JSON, Parquet and hub data sets."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from elmo_lite import ConfigError, CorpusError
from elmo_lite.text import (
    NAME_OF,
    ColumnReader,
    Kind,
    begins_document,
    decoded_lines,
    is_data_set_name,
    is_read_once,
    kind_of,
    open_data_set,
    read_rows,
)
from tasks.tagging.conllu import LABELS, WORDS, column_of, names_of_columns, read_blocks
from tasks.tagging.sentences import RECORDS, TAG_FIELDS, Column, TaggedSentence, field_of, words_of

LabelOf = Callable[[Any, str], str]
"""Function from a value and its place to a label; it raises CorpusError for a value that is none."""


def any_label(value: Any, where: str) -> str:
    """A label of any kind: a string that is not empty, or a class number.

    Raises:
        CorpusError: The value is neither.
    """
    if isinstance(value, str) and value.strip():
        return str(value)
    if type(value) is int:
        return str(value)
    raise CorpusError(f"{where}: expected labels that are not empty, found {value!r:.60}")


def labelled_sentences(name: str, column: Column, word_column: Column) -> tuple[list[TaggedSentence], str]:
    """The labelled sentences of a file or hub data set, and what it was read as.

    Args:
        name: Path or name of the source.
        column: Column or field of the labels.
        word_column: Column of the words in CoNLL-U and column files.

    Raises:
        CorpusError: The source does not exist, or a line is malformed.
        ConfigError: A given column does not exist.
    """
    kind: Kind = "hub" if is_data_set_name(name) else kind_of(name)
    if kind in RECORDS:
        if isinstance(column, int):
            raise ConfigError(f"column: expected the name of a field of {name}, found {column}")
        fields = TAG_FIELDS if column is None else (column,)
        records = list(labelled_records(name, kind, fields, any_label))
        return with_words(records), NAME_OF[kind] + skipped(records)
    names = names_of_columns(name)
    if names is not None:
        return _of_conllu(name, names, column, word_column)
    word, label = number_of(word_column, "word_column", name), number_of(column, "column", name)
    reader = ColumnReader(name, word, label, any_label=True)
    found = [TaggedSentence(words, labels, name, line, document=reader.document) for words, labels, line in reader]
    return found, str(reader)


def _of_conllu(
    name: str, names: Sequence[str], column: Column, word_column: Column
) -> tuple[list[TaggedSentence], str]:
    words = column_of(names, word_column, WORDS, "word_column", name)
    labels = column_of(names, column, LABELS, "column", name)
    found = []
    document = 0
    for block in read_blocks(name, names, words):
        document += sum(begins_document(line, line.startswith("#")) for line in block.lines)
        if block.rows:
            values = [any_label(row[labels], f"{name}, line {line}") for line, row in block.rows]
            found.append(TaggedSentence(block.words, tuple(values), name, block.rows[0][0], document=document))
    return found, f"CoNLL-U, words in column {names[words]}, labels in column {names[labels]}"


def number_of(column: Column, title: str, name: str) -> int | None:
    """A column that must be given by its number, because the columns of the file have no names.

    Raises:
        ConfigError: It is given by name.
        CorpusError: The file is empty.
    """
    if isinstance(column, str):
        if not is_read_once(name) and not any(text.strip() for _, text in decoded_lines(name)):
            raise CorpusError(f"{name}: expected one word per line, found none")
        expected = f"the number of a column of {name}, which names none"
        raise ConfigError(f"{title}: expected {expected}, found {column!r}")
    return column


def with_words(records: Sequence[TaggedSentence]) -> list[TaggedSentence]:
    """The records that have words."""
    return [sentence for sentence in records if sentence.words]


def skipped(records: Sequence[TaggedSentence]) -> str:
    """What is said of records without words; empty if there are none."""
    return next((f", records without words skipped, first at {s.line}" for s in records if not s.words), "")


def labelled_records(name: str, kind: Kind, fields: Sequence[str], label_of: LabelOf) -> Iterator[TaggedSentence]:
    """Sentences of records, which may have no words. Class ids of a hub data set become names of classes.

    Args:
        name: Path or name of the source.
        kind: Its kind, one of ``RECORDS``.
        fields: Fields that may hold the labels.
        label_of: Function from a value to a label.

    Raises:
        CorpusError: The source does not exist, or a record is malformed.
    """
    names: list[str] | None = None
    if kind == "hub":
        of_hub, features = open_data_set(name)
        field = next((field for field in fields if field in features), "")
        names = getattr(getattr(features.get(field), "feature", None), "names", None)
        rows: Any = ((row, f"{name}, record {number}", number) for number, row in enumerate(of_hub, start=1))
    else:
        rows = read_rows(name, kind)
    for row, where, number in rows:
        words, labels = words_of(row, where), field_of(row, fields, where)
        yield labelled(words, [_named(label, names) for label in labels], where, name, number, label_of)


def _named(label: Any, names: Sequence[str] | None) -> Any:
    """The name of a class that is given by its number."""
    return names[label] if isinstance(label, int) and names is not None and 0 <= label < len(names) else label


def labelled(
    words: tuple[str, ...], labels: Sequence[Any], where: str, source: str, line: int, label_of: LabelOf
) -> TaggedSentence:
    """A sentence with its labels.

    Args:
        words: Its words.
        labels: A label of each word.
        where: Its place, for errors.
        source: Path or name of the source.
        line: Number of the line or record.
        label_of: Function from a value to a label.

    Raises:
        CorpusError: The numbers of words and labels differ, or a value is no label.
    """
    if len(labels) != len(words):
        raise CorpusError(f"{where}: expected one tag for each of {len(words)} words, found {len(labels)}")
    return TaggedSentence(words, tuple(label_of(label, where) for label in labels), source, line)
