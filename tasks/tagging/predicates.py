"""Sentences with a marked predicate: a sentence with k predicates is k examples, one for each.

Column files are those of the CoNLL shared tasks on semantic roles: a column has - at words that are no predicates, and
further ones hold the arguments of one predicate each, in the order of the predicates, as brackets or as tags:

    Al       -     (ARG0*    *        B-ARG0   O
    Zaman    -     *)        *        I-ARG0   O
    said     say   (V*)      *    or  B-V      O
    it       -     (ARG1*    (A0*)    B-ARG1   B-A0
    left     leave *)        (V*)     I-ARG1   B-V

Records have the index of the predicate, or a list of indices, in a field. The span V is the predicate itself, which is
known: it is left out of what is learned.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import IO, Any

from elmo_lite import ConfigError, CorpusError
from elmo_lite.text import (
    NAME_OF,
    Kind,
    decoded_lines,
    is_data_set_name,
    is_read_once,
    is_tag,
    kind_of,
    open_pipe,
    read_rows,
)
from tasks.files import without_end
from tasks.tagging.prediction import PREDICATE, Marked
from tasks.tagging.readers import any_label, labelled, number_of
from tasks.tagging.sentences import RECORDS, TAG_FIELDS, WORD_FIELDS, Column, TaggedSentence, field_of, words_of
from tasks.tagging.tags import OUTSIDE

log = logging.getLogger("elmo_lite")

_NO_PREDICATE = ("-", "_", "")
_CELL = re.compile(r"(?:\(([^()*\s]+))?\*(\)?)")
_BLANKS = re.compile(r"[ \t]+")

Row = tuple[int, list[str]]
"""Number of a line, from 1, and its columns."""


def labelled_predicates(
    name: str, column: Column, word_column: Column, predicate_column: Column
) -> tuple[list[TaggedSentence], str]:
    """The predicates of a file with their arguments, and what the file was read as.

    Args:
        name: Path of the file.
        column: Column of the arguments of the first predicate, or field of the labels. Defaults to the column after
            that of the predicates.
        word_column: Column of the words. Defaults to 0.
        predicate_column: Column, or field, of the predicates.

    Raises:
        CorpusError: The file does not exist, or a line is malformed.
        ConfigError: A column is given by name in a file whose columns have none, or the other way round.
    """
    kind = _kind(name)
    if kind in RECORDS:
        fields = TAG_FIELDS if column is None else (str(column),)
        return list(_labelled_records(name, kind, fields, _field(predicate_column, name))), NAME_OF[kind]
    word, predicate = _columns(name, word_column, predicate_column)
    first = number_of(column, "column", name)
    first = predicate + 1 if first is None else first
    found: list[TaggedSentence] = []
    for rows in _sentences(name, 1 + max(word, predicate)):
        words, predicates = _marked(rows, word, predicate)
        if len(rows[0][1]) < first + len(predicates):
            counted = f"{len(predicates)} columns of arguments from column {first}, one for each predicate"
            raise CorpusError(f"{name}, line {rows[0][0]}: expected {counted}, found {len(rows[0][1]) - first}")
        for number, place in enumerate(predicates):
            tags = _tags(rows, first + number, name)
            found.append(TaggedSentence(words, tags, name, rows[0][0], marked=(place,)))
    return found, f"words in column {word}, predicates in column {predicate}, arguments from column {first}"


def predicates_to_tag(
    name: str, word_column: Column, predicate_column: Column
) -> Iterator[tuple[Marked, Mapping[str, Any]]]:
    """The predicates of a file, to find their arguments, one after another, and the other fields of their records.

    Errors are as in ``labelled_predicates``.
    """
    number = 0
    for number, row in enumerate(_rows_to_tag(name, word_column, predicate_column), start=1):  # noqa: B007
        yield row
    if not number:
        raise CorpusError(f"{name}: expected predicates, found none")
    log.info("%s: read as sentences with marked predicates; predicates: %s", name, f"{number:,}")


def _rows_to_tag(
    name: str, word_column: Column, predicate_column: Column
) -> Iterator[tuple[Marked, Mapping[str, Any]]]:
    if is_read_once(name):
        with open_pipe(name) as pipe:
            if pipe.kind not in RECORDS:
                found = NAME_OF[pipe.kind]
                raise CorpusError(f"{pipe.name}: expected JSON with marked predicates, or a file, found {found}")
            yield from _of_records(pipe.name, pipe.kind, predicate_column, pipe.content)
        return
    kind = _kind(name)
    if kind in RECORDS:
        yield from _of_records(name, kind, predicate_column)
        return
    word, predicate = _columns(name, word_column, predicate_column)
    for rows in _sentences(name, 1 + max(word, predicate)):
        words, predicates = _marked(rows, word, predicate)
        yield from ((Marked(words, (place,)), {}) for place in predicates)


def _of_records(
    name: str, kind: Kind, predicate_column: Column, content: IO[bytes] | None = None
) -> Iterator[tuple[Marked, Mapping[str, Any]]]:
    field = _field(predicate_column, name)
    for record, where, _ in read_rows(name, kind, content=content):
        marked = Marked(words_of(record, where), _places(record, field, where))
        read = field, next(word_field for word_field in WORD_FIELDS if word_field in record)
        yield marked, {other: value for other, value in record.items() if other not in read}


def _kind(name: str) -> Kind:
    return "hub" if is_data_set_name(name) else kind_of(name)


def _field(column: Column, name: str) -> str:
    if not isinstance(column, str):
        raise ConfigError(f"predicate_column: expected the name of a field of {name}, found {column}")
    return column


def _columns(name: str, word_column: Column, predicate_column: Column) -> tuple[int, int]:
    word = number_of(word_column, "word_column", name) or 0
    predicate = number_of(predicate_column, "predicate_column", name)
    if predicate is None or min(word, predicate) < 0:
        given = word if predicate is not None and predicate >= 0 else predicate
        raise ConfigError(f"predicate_column: expected columns of words and predicates from 0, found {given}")
    return word, predicate


def _labelled_records(name: str, kind: Kind, fields: Sequence[str], field: str) -> Iterator[TaggedSentence]:
    for row, where, number in read_rows(name, kind):
        sentence = labelled(words_of(row, where), field_of(row, fields, where), where, name, number, any_label)
        tags = tuple(OUTSIDE if tag[1:] == f"-{PREDICATE}" else tag for tag in sentence.tags)
        yield TaggedSentence(sentence.words, tags, name, number, marked=_places(row, field, where))


def _places(row: dict[str, Any], field: str, where: str) -> tuple[int, ...]:
    """The indices of the words of the predicate of a record."""
    if field not in row:
        raise CorpusError(f"{where}: expected a field {field}, found {', '.join(map(str, row)) or 'none'}")
    places = row[field] if isinstance(row[field], list) else [row[field]]
    length = len(words_of(row, where))
    if not places or not all(type(place) is int and 0 <= place < length for place in places):
        expected = f"indices of words in 0..{length - 1} in {field!r}"
        raise CorpusError(f"{where}: expected {expected}, found {row[field]!r:.60}")
    return tuple(places)


def _sentences(name: str, needed: int) -> Iterator[list[Row]]:
    """The rows of each sentence, with ``needed`` columns or more. Lines such as #begin document lie between two."""
    rows: list[Row] = []
    for number, raw in chain(decoded_lines(name), [(0, "")]):
        line = without_end(raw)
        columns = line.split("\t") if "\t" in line else _BLANKS.split(line.strip(" "))
        if not line.strip(" \t") or (line.startswith("#") and len(columns) < needed):
            if rows:
                yield rows
            rows = []
        elif len(columns) >= needed:
            rows.append((number, columns))
        else:
            found = f"{len(columns)} in {line!r:.80}"
            raise CorpusError(f"{name}, line {number}: expected {needed} columns or more, found {found}")


def _marked(rows: Sequence[Row], word: int, predicate: int) -> tuple[tuple[str, ...], list[int]]:
    """The words of a sentence, and the indices of its predicates."""
    predicates = [place for place, (_, row) in enumerate(rows) if row[predicate].strip() not in _NO_PREDICATE]
    return tuple(row[word].strip() for _, row in rows), predicates


def _tags(rows: Sequence[Row], column: int, name: str) -> tuple[str, ...]:
    """IOB2 tags from a column of brackets or of tags, without the predicate itself."""
    tags: list[str] = []
    inside = ""
    for number, row in rows:
        cell = row[column].strip() if column < len(row) else ""
        found = _CELL.fullmatch(cell)
        if found is None and not is_tag(cell):
            raise CorpusError(f"{name}, line {number}: expected (LABEL*, *, *) or a tag, found {cell!r:.60}")
        if found is None:
            tags.append(cell)
            continue
        starts, ends = found.groups()
        inside = starts or inside
        tags.append(f"{'B' if starts else 'I'}-{inside}" if inside else OUTSIDE)
        inside = "" if ends else inside
    return tuple(OUTSIDE if tag[1:] == f"-{PREDICATE}" else tag for tag in tags)
