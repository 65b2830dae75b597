"""Rows of CSV and TSV files, as dictionaries by column name.

CSV may have quoted cells, which may have line breaks; where the header has no comma, semicolons or TABs separate the
cells. TSV has quoted cells only if it was written so, as by pandas: in most TSV data sets, quotation marks belong to
the text. The beginning of the file decides.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import chain, islice
from pathlib import Path

from elmo_lite.errors import CorpusError
from elmo_lite.text.lines import LineLimit, decoded_lines

Record = tuple[int, list[str]]
"""Line number of a row, from 1, and its cells."""
_SAMPLE_LINES = 200
_QUOTED = re.compile(r'"(?:[^"]|"")*"')


def table_rows(
    name: str | Path, separator: str | None = None, *, has_header: bool = True
) -> Iterator[tuple[dict[str, str], str, int]]:
    """Yield the rows of a table.

    Args:
        name: Path of the file.
        separator: "," for CSV, TAB for TSV. Defaults to what the first line has.
        has_header: Whether the first line holds the names of the columns. If not, they are "1", "2", ...

    Yields:
        Cells by column name, place (file and line) for error messages, and line number, from 1.

    Raises:
        CorpusError: The file cannot be read, the quoting is invalid, or a row has another number of columns.
    """
    records = _records(name, separator)
    first = next(records, None)
    if first is None:
        return
    header = first[1] if has_header else [str(number) for number in range(1, len(first[1]) + 1)]
    for line, cells in records if has_header else chain([first], records):
        where = f"{name}, line {line}"
        if len(cells) != len(header):
            raise CorpusError(f"{where}: expected {len(header)} columns, found {len(cells)}")
        row: dict[str, str] = {}
        for column, cell in zip(header, cells, strict=True):
            row.setdefault(column, cell)  # of two columns of one name, the first
        yield row, where, line


def column_names(name: str | Path, separator: str | None = None) -> list[str]:
    """The cells of the first row of a table; see ``table_rows``."""
    return next(_records(name, separator), (0, []))[1]


def _records(name: str | Path, separator: str | None) -> Iterator[Record]:
    first = next((line for _, line in decoded_lines(name) if line.strip()), "")
    if separator is None or separator not in first:
        separator = next((mark for mark in (separator or "", "\t", ",", ";") if mark and mark in first), ",")
    if separator != "\t" or _is_quoted(name):
        return _quoted_records(decoded_lines(name), name, separator)
    return (
        (number, line.removesuffix("\n").removesuffix("\r").split("\t"))
        for number, line in decoded_lines(name)
        if line.strip()
    )


def _is_quoted(name: str | Path) -> bool:
    """Whether a TSV file has quoted cells: rows are whole only so, or all quotation marks are those of quoted cells."""
    sample = [line for _, line in islice(decoded_lines(name), _SAMPLE_LINES)]
    plain = [line.rstrip("\r\n").split("\t") for line in sample if line.strip()]
    begun = [cell for row in plain for cell in row if cell.startswith('"')]
    if not begun:
        return False
    if len({len(row) for row in plain}) == 1:
        is_whole = all(_QUOTED.fullmatch(cell) for cell in begun)
        return is_whole and (any('""' in cell[1:-1] for cell in begun) or len(begun) == sum(map(len, plain)))
    widths: Counter[int] = Counter()
    with suppress(CorpusError):  # the sample may cut the last row
        widths.update(len(row) for _, row in _quoted_records(enumerate(sample, 1), name, "\t"))
    return len(widths) == 1 and len(plain[0]) in widths


def _quoted_records(lines: Iterable[tuple[int, str]], name: str | Path, separator: str) -> Iterator[Record]:
    csv.field_size_limit(max(csv.field_size_limit(), LineLimit.num_bytes))
    reader = csv.reader((line for _, line in lines), delimiter=separator, strict=True)
    kind = {"\t": "TAB", ",": "comma", ";": "semicolon"}[separator]
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise CorpusError(f"{name}, line {line}: expected {kind}-separated values: {error}") from None
        if cells:
            yield line, cells
