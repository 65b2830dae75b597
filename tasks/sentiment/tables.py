"""Rows of TSV, CSV and JSONL files and of hub data sets: a text, its label and its line."""

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
"""Columns to detect if none is given, in order of preference."""


@dataclass(frozen=True)
class Row:
    """A text and its label, before tokenisation."""

    text: str | list[str]
    """Text, or list of words."""
    label: str | None
    """Label. None if it is missing and not required."""
    line: int
    """Line in the file, or number of the record, from 1."""


@dataclass(frozen=True)
class Columns:
    """The columns of the text and the label."""

    text: str | None = None
    """Name or number, from 1, of the text column. Detected by name by default."""
    label: str | None = None
    """Name or number, from 1, of the label column. Detected by name by default."""
    needs_label: bool = True
    """Whether every row must have a label."""

    @property
    def are_numbers(self) -> bool:
        """Whether all given columns are numbers, which means that the file has no header."""
        given = [column for column in (self.text, self.label) if column is not None]
        return bool(given) and all(column.isdigit() for column in given)

    def find(self, names: Sequence[str], where: str) -> tuple[str, str | None]:
        """Find the names of the text and label columns in a header.

        Args:
            names: Column names of the header.
            where: Place of the header, for errors.

        Returns:
            The text column, and the label column or None if it is missing and not required.

        Raises:
            CorpusError: A column does not exist, or cannot be detected.
        """
        lower = {name.strip().lower(): name for name in reversed(names)}
        text = self.text if self.text in names else _first(lower, TEXT_NAMES) if self.text is None else None
        label = self.label if self.label in names else _first(lower, LABEL_NAMES) if self.label is None else None
        if text is None or (label is None and (self.needs_label or self.label is not None)):
            expected = f"{self.text or 'text'!r}" + (f" and {self.label or 'label'!r}" if self.needs_label else "")
            hint = "choose with --data.text_column" + (" and --data.label_column" if self.needs_label else "")
            raise CorpusError(
                f"{where}: expected columns {expected}, found {', '.join(map(repr, names))[:80]} ({hint})"
            )
        return text, label


def _first(names: dict[str, str], wanted: Iterable[str]) -> str | None:
    return next((names[name] for name in wanted if name in names), None)


def table_rows(path: Path, columns: Columns, separator: str) -> Iterator[Row]:
    """Read the rows of a table. The first line is the header unless the columns are given by number.

    CSV may have quoted cells, which may have line breaks. TSV has no quoting, since quotation marks in TSV data sets
    usually belong to the text.

    Raises:
        CorpusError: A column does not exist, a row has another number of columns, the quoting is invalid, or a required
            label is missing.
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
    """Read the rows of a JSONL file, which has objects with a text, or its words, and a label.

    Raises:
        CorpusError: A line is not a JSON object or lacks a field, or a value has the wrong type.
    """
    for record, where, line in json_objects(path):
        yield _record_row(record, columns, where, line)


def hub_rows(source: str, columns: Columns) -> Iterator[Row]:
    """Read the rows of a hub data set: ``owner/name``, ``owner/name:split`` or ``owner/name:config:split``.

    Class ids become the class names of the data set.

    Raises:
        CorpusError: The data set does not exist, its rows lack a column, or a value has the wrong type.
    """
    rows, features = open_data_set(source)
    for number, record in enumerate(rows, 1):
        yield _record_row(record, columns, f"{source}, record {number}", number, features)


def _record_row(record: dict[str, Any], columns: Columns, where: str, line: int, features: Any = None) -> Row:
    text_name, label_name = columns.find(list(record), where)
    value = None if label_name is None else record[label_name]
    names = getattr((features or {}).get(label_name), "names", None)  # the class id of missing labels is -1
    if names and isinstance(value, int):
        value = names[value] if 0 <= value < len(names) else None
    return Row(_text(record[text_name], where, text_name), _label(value, columns, where), line)


def row_of(text: object, label: object, where: str, number: int) -> Row:
    """The row of a text and its label in memory.

    Raises:
        CorpusError: The text is neither a string nor a list of words, or the label is neither text nor an integer.
    """
    return Row(_text(text, where), _label(label, Columns(), where), number)


def _text(value: object, where: str, column: str = "") -> str | list[str]:
    """A text or its words.

    Raises:
        CorpusError: It is neither a string nor a list of words.
    """
    if isinstance(value, str):
        return str(value)
    if isinstance(value, list | tuple) and all(isinstance(word, str) for word in value):
        return list(map(str, value))
    place = f" in {column!r}" if column else ""
    raise CorpusError(f"{where}: expected text or a list of words{place}, found {type(value).__name__}")


def _label(value: object, columns: Columns, where: str) -> str | None:
    """A label as text, or None if it is missing and not required.

    Raises:
        CorpusError: A required label is missing, or is neither text nor an integer.
    """
    if isinstance(value, str) and value.strip():
        return value.strip()
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if columns.needs_label:
        found = "none" if value is None or value == "" else repr(value)
        raise CorpusError(f"{where}: expected a label (text or a whole number), found {found}")
    return None
