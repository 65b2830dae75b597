"""Rows of TSV, CSV and JSONL files and of hub data sets: a text and its label, with the place where they stand."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from elmo_lite import CorpusError
from elmo_lite.text import decoded_lines, json_objects, open_data_set
from tasks.files import without_end

TEXT_NAMES = ("text", "sentence", "review", "content", "phrase", "document", "words", "tokens")
LABEL_NAMES = ("label", "sentiment", "polarity", "class", "category", "rating", "stars")
"""Columns that are taken, in this order, where none is named."""


@dataclass(frozen=True)
class Row:
    """One labelled text as it was found."""

    text: str | list[str]
    """Text, or its words."""
    label: str | None
    """None where there is none and none is needed."""
    line: int
    """Line of the file or number of the record, from 1."""


@dataclass(frozen=True)
class Columns:
    """Where text and label are; None is detected by name."""

    text: str | None = None
    label: str | None = None
    needs_label: bool = True

    @property
    def are_numbers(self) -> bool:
        """Whether the file has no header and its columns are counted from 1."""
        given = [column for column in (self.text, self.label) if column is not None]
        return bool(given) and all(column.isdigit() for column in given)

    def find(self, names: Sequence[str], where: str) -> tuple[str, str | None]:
        """Names of the text's and the label's column, as the header spells them.

        Raises:
            CorpusError: there is no such column.
        """
        lower = {name.strip().lower(): name for name in reversed(names)}
        text = self.text if self.text in names else _first(lower, TEXT_NAMES) if self.text is None else None
        label = self.label if self.label in names else _first(lower, LABEL_NAMES) if self.label is None else None
        if text is None or (label is None and (self.needs_label or self.label is not None)):
            expected = f"{self.text or 'text'!r}" + (f" and {self.label or 'label'!r}" if self.needs_label else "")
            hint = "choose with --data.text_column and --data.label_column"
            raise CorpusError(
                f"{where}: expected columns {expected}, found {', '.join(map(repr, names))[:80]} ({hint})"
            )
        return text, label


def _first(names: dict[str, str], wanted: Iterable[str]) -> str | None:
    return next((names[name] for name in wanted if name in names), None)


def table_rows(path: Path, columns: Columns, separator: str) -> Iterator[Row]:
    """Rows of a table; the first line is the header unless columns are given by number.

    CSV is quoted as spreadsheets do and a text may hold line breaks. TSV is not quoted: data sets in that format have
    quotation marks that belong to the text.

    Raises:
        CorpusError: no such columns, a row with another number of columns, broken quotes, an empty label.
    """
    records = _csv_records(path) if separator == "," else _tsv_records(path)
    first = next(records, None)
    if first is None:
        return
    header = [str(number) for number in range(1, len(first[1]) + 1)] if columns.are_numbers else first[1]
    text, label = columns.find(header, f"{path}, line {first[0]}")
    text_at, label_at = header.index(text), None if label is None else header.index(label)
    if columns.are_numbers:
        records = _chain(first, records)
    for line, cells in records:
        if len(cells) != len(header):
            raise CorpusError(f"{path}, line {line}: expected {len(header)} columns, found {len(cells)}")
        value = None if label_at is None else cells[label_at]
        yield Row(cells[text_at], _label(value, columns, f"{path}, line {line}"), line)


def _chain(first: tuple[int, list[str]], rest: Iterator[tuple[int, list[str]]]) -> Iterator[tuple[int, list[str]]]:
    yield first
    yield from rest


def _tsv_records(path: Path) -> Iterator[tuple[int, list[str]]]:
    for number, line in decoded_lines(path):
        if line.strip():
            yield number, without_end(line).split("\t")


def _csv_records(path: Path) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader((line for _, line in decoded_lines(path)), strict=True)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise CorpusError(f"{path}, line {line}: expected comma-separated values: {error}") from None
        if cells:
            yield line, cells


def json_rows(path: Path, columns: Columns) -> Iterator[Row]:
    """Rows of a JSONL file: objects with a text or its words, and a label.

    Raises:
        CorpusError: a line is no JSON object or lacks a field, or a value is of the wrong type.
    """
    for record, where, line in json_objects(path):
        yield _record_row(record, columns, where, line)


def hub_rows(source: str, columns: Columns) -> Iterator[Row]:
    """Rows of a hub data set: ``owner/name``, ``owner/name:split`` or ``owner/name:config:split``.

    Numbers of classes become the names that the data set gives them.

    Raises:
        CorpusError: there is no such data set, or its rows do not have the columns.
    """
    rows, features = open_data_set(source)
    for number, record in enumerate(rows, 1):
        yield _record_row(record, columns, f"{source}, record {number}", number, features)


def _record_row(record: dict[str, Any], columns: Columns, where: str, line: int, features: Any = None) -> Row:
    text_name, label_name = columns.find(list(record), where)
    value = None if label_name is None else record[label_name]
    names = getattr((features or {}).get(label_name), "names", None)  # a data set without labels has -1 everywhere
    if names and isinstance(value, int):
        value = names[value] if 0 <= value < len(names) else None
    return Row(_text(record[text_name], where, text_name), _label(value, columns, where), line)


def row_of(text: object, label: object, where: str, number: int) -> Row:
    """The row of a text and its label in memory, checked.

    Raises:
        CorpusError: The text is neither a string nor a list of words, or the label neither text nor a whole number.
    """
    return Row(_text(text, where), _label(label, Columns(), where), number)


def _text(value: object, where: str, column: str = "") -> str | list[str]:
    """A text or its words, checked."""
    if isinstance(value, str):
        return str(value)
    if isinstance(value, list | tuple) and all(isinstance(word, str) for word in value):
        return list(map(str, value))
    place = f" in {column!r}" if column else ""
    raise CorpusError(f"{where}: expected text or a list of words{place}, found {type(value).__name__}")


def _label(value: object, columns: Columns, where: str) -> str | None:
    """A label as text, checked.

    Raises:
        CorpusError: it is needed and missing, or neither text nor a whole number.
    """
    if isinstance(value, str) and value.strip():
        return value.strip()
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if columns.needs_label:
        found = "none" if value is None or value == "" else repr(value)
        raise CorpusError(f"{where}: expected a label (text or a whole number), found {found}")
    return None
