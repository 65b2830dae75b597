"""Rows of tables, JSON and Parquet files and hub data sets: a text, its label and its line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from elmo_lite import CorpusError
from elmo_lite.text import NAME_OF, SEPARATORS, Kind, column_names, open_data_set, read_rows, table_rows

TEXT_NAMES = (
    "text",
    "sentence",
    "review",
    "content",
    "phrase",
    "document",
    "reviewtext",
    "comment",
    "tweet",
    "words",
    "tokens",
)
LABEL_NAMES = ("label", "sentiment", "polarity", "class", "category", "rating", "stars", "overall")
"""Columns to detect if none is given, in order of preference."""
_WHOLE = re.compile(r"(-?\d+)\.0+")
"""A whole number as a float, such as 5.0, which is the same label as 5."""


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


@dataclass
class RowReader:
    """Reader of the rows of a table, JSON file, Parquet file or hub data set.

    A table has a header unless the columns are given by number. Class ids of a hub data set (``owner/name``,
    ``owner/name:split`` or ``owner/name:config:split``) become the class names in its features.

    Iterating raises CorpusError if the source cannot be read, a column does not exist, a value has the wrong type, or a
    required label is missing.
    """

    source: str
    kind: Kind
    columns: Columns
    chosen: tuple[str, str | None] | None = None
    """Columns of the text and the label of the first row."""

    def __iter__(self) -> Iterator[Row]:
        """Read the rows."""
        source, kind = self.source, self.kind
        if kind == "hub":
            rows, features = open_data_set(source)
            for number, record in enumerate(rows, 1):
                yield self._row(record, f"{source}, record {number}", number, features)
            return
        has_header = not self.columns.are_numbers
        if kind in SEPARATORS and (names := column_names(source, SEPARATORS[kind])):
            numbers = list(map(str, range(1, len(names) + 1)))
            self.columns.find(names if has_header else numbers, f"{source}, line 1")  # even if there are no rows
        for record, where, number in read_rows(source, kind, has_header=has_header):
            yield self._row(record, where, number)

    def _row(self, record: dict[str, Any], where: str, line: int, features: Any = None) -> Row:
        text_name, label_name = self.columns.find(list(record), where)
        self.chosen = self.chosen or (text_name, label_name)
        value = None if label_name is None else record[label_name]
        names = getattr((features or {}).get(label_name), "names", None)  # the class id of missing labels is -1
        if names and isinstance(value, int):
            value = names[value] if 0 <= value < len(names) else None
        return Row(_text(record[text_name], where, text_name), _label(value, self.columns, where), line)

    def __str__(self) -> str:
        """What the source was read as, in words."""
        text, label = self.chosen or (None, None)
        columns = [f"{what} in {name!r}" for what, name in (("text", text), ("label", label)) if name is not None]
        return ", ".join([NAME_OF[self.kind], *columns])


def looks_like_table(path: Path) -> bool:
    """Whether a file is a table by its content: a text and a label column by name, and as many cells in each row."""
    names = {name.strip().lower() for name in column_names(path)}
    if not (names.intersection(TEXT_NAMES) and names.intersection(LABEL_NAMES)):
        return False
    try:
        return sum(1 for _ in islice(table_rows(path), 10)) > 0
    except CorpusError:
        return False


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
    if value is None:
        return ""
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
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, str) and value.strip():
        return _WHOLE.sub(r"\1", value.strip()) if _WHOLE.fullmatch(value.strip()) else value.strip()
    if columns.needs_label:
        found = "none" if value is None or value == "" else repr(value)
        raise CorpusError(f"{where}: expected a label (text or a whole number), found {found}")
    return None
