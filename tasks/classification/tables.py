"""Rows of tables, JSON and Parquet files and hub data sets: a text or two, the label and the line."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import IO, Any

from elmo_lite import CorpusError
from elmo_lite.text import NAME_OF, SEPARATORS, Kind, column_names, open_data_set, read_rows, table_rows
from tasks.classification.columns import Chosen, Columns
from tasks.classification.label_values import label_of, labels_of


@dataclass(frozen=True)
class Row:
    """A text or a pair of texts, and its label, before tokenisation."""

    text: str | list[str]
    """Text, or list of words."""
    label: str | None
    """Label, or number as it is written. None if it is missing and not required, or if there may be several."""
    line: int
    """Line in the file, or number of the record, from 1."""
    pair: str | list[str] | None = None
    """Second text of a pair, or its words."""
    labels: tuple[str, ...] = ()
    """Labels, if there may be several."""
    others: Mapping[str, Any] = field(default_factory=dict, compare=False)
    """Other fields of the row, if they are kept."""


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
    keeps_others: bool = False
    """Whether rows keep their other fields."""
    content: IO[bytes] | None = None
    """JSON that is open already, as that of a pipe. Defaults to that of the file."""
    chosen: Chosen | None = None
    """Columns of the first row."""

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
        for record, where, number in read_rows(source, kind, has_header=has_header, content=self.content):
            yield self._row(record, where, number)

    def _row(self, record: dict[str, Any], where: str, line: int, features: Any = None) -> Row:
        chosen = self.columns.find(list(record), where)
        self.chosen = self.chosen or chosen
        value = None if chosen.label is None else record[chosen.label]
        names = getattr((features or {}).get(chosen.label), "names", None)  # the class id of missing labels is -1
        if names and isinstance(value, int):
            value = names[value] if 0 <= value < len(names) else None
        names = getattr(getattr((features or {}).get(chosen.label), "feature", None), "names", None)
        if names and isinstance(value, list):
            value = [names[number] for number in value if isinstance(number, int) and 0 <= number < len(names)]
        texts = [_text(record[name], where, name) for name in (chosen.text, chosen.pair) if name is not None]
        others = {name: record[name] for name in record if name not in chosen[:2]} if self.keeps_others else {}
        return _row(texts, value, self.columns, where, line, others)

    def __str__(self) -> str:
        """What the source was read as, in words."""
        text, pair, label = self.chosen or (None, None, None)
        columns = [
            f"{what} in {name!r}"
            for what, name in (("text", text), ("second text", pair), ("label", label))
            if name is not None
        ]
        return ", ".join([NAME_OF[self.kind], *columns])


def looks_like_table(path: Path, columns: Columns) -> bool:
    """Whether a file is a table by its content: the columns by name, and as many cells in each row.

    A label column must be there too, unless there are two text columns.
    """
    names = column_names(path)
    with_label = dataclasses.replace(columns, needs_label=True)
    two_texts = dataclasses.replace(columns, needs_label=False, label=None)
    if not (_has(names, with_label) or (columns.pairs and _has(names, two_texts))):
        return False
    try:
        return sum(1 for _ in islice(table_rows(path), 10)) > 0
    except CorpusError:
        return False


def _has(names: Sequence[str], columns: Columns) -> bool:
    try:
        columns.find(names, "")
    except CorpusError:
        return False
    return True


def row_of(text: object, label: object, columns: Columns, where: str, number: int) -> Row:
    """The row of a text, or of a pair of texts, and its label in memory.

    Raises:
        CorpusError: The text is neither a string nor a list of words, there are not two of a pair, or the label is not
            what ``columns.kind`` says.
    """
    if not columns.pairs:
        return _row([_text(text, where)], label, columns, where, number, {})
    if not isinstance(text, list | tuple) or len(text) != 2:
        raise CorpusError(f"{where}: expected a pair of texts, found {text!r:.60}")
    return _row([_text(part, where) for part in text], label, columns, where, number, {})


def _row(
    texts: Sequence[str | list[str]],
    value: object,
    columns: Columns,
    where: str,
    line: int,
    others: Mapping[str, Any],
) -> Row:
    several = columns.kind == "several"
    return Row(
        texts[0],
        None if several else label_of(value, columns, where),
        line,
        texts[1] if len(texts) == 2 else None,
        labels_of(value, columns, where) if several else (),
        others,
    )


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
