"""The tables of curves that a pretraining run writes, ``metrics.csv``, one for each start: read in bounded memory."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TextIO

from elmo_lite.errors import CheckpointError, one_line
from elmo_lite.report.content import Point
from elmo_lite.report.series import Series

TABLE = "metrics.csv"
STEP = "step"
MAX_LINE = 1 << 16
"""Number of characters of a line."""
MAX_STEP = 1 << 53


class StepLog:
    """Curves over the steps of a run, from the tables of all its starts."""

    def __init__(self, folder: Path, columns: Sequence[str]) -> None:
        """Read the tables of a folder, which may be absent.

        Steps that a resumed run repeats count as it measured them last.

        Args:
            folder: Folder of the tables.
            columns: Columns to read; a table may lack some.

        Raises:
            CheckpointError: A table is damaged.
        """
        self._series = {column: Series() for column in columns}
        self.num_steps = 0
        """Number of steps up to the last one in the tables."""
        tables = _tables(folder)
        self.num_starts = len(tables)
        for path in tables:
            self._read(path)

    def points(self, column: str) -> list[Point]:
        """The curve of a column, steps counted from 1."""
        return [(step + 1, value) for step, value in self._series[column].points]

    def note(self, column: str) -> str:
        """What the curve of a column leaves out; empty if it has every value."""
        series = self._series[column]
        notes = [f"a point is the mean of up to {series.merged:,} values"] if series.merged > 1 else []
        notes += [f"{series.skipped:,} values that are not finite are left out"] if series.skipped else []
        return "; ".join(notes)

    def _read(self, path: Path) -> None:
        """Read a table; a last line that is still being written does not count."""
        fresh, line_number = set(self._series), 1
        try:
            with path.open(encoding="utf-8", newline="") as file:
                rows = csv.reader(_lines(file))
                place_of = {name: place for place, name in enumerate(next(rows, []))}
                columns = [(place_of[column], column) for column in self._series if column in place_of]
                for row in rows:
                    line_number = rows.line_num
                    for place, column in columns:
                        if row and row[place]:
                            self._add(column, int(row[place_of[STEP]]), float(row[place]), fresh)
        except OSError as error:
            raise CheckpointError(f"{path}: expected a readable table, found {one_line(error)}") from None
        except (ValueError, LookupError, csv.Error) as error:
            found = one_line(error)
            raise CheckpointError(
                f"{path}, line {line_number}: expected a row of numbers, found {found:.200}"
            ) from None

    def _add(self, column: str, step: int, value: float, fresh: set[str]) -> None:
        """Add a value; the first one of a table, whose column is still ``fresh``, is where that start began."""
        if step < 0 or step >= MAX_STEP:
            raise ValueError(f"step {step}")
        if column in fresh:
            self._series[column].forget_from(step)
            fresh.discard(column)
        self._series[column].add(step, value)
        self.num_steps = step + 1


def _tables(folder: Path) -> list[Path]:
    """The tables of a folder in the order of the starts: metrics-1.csv, metrics-2.csv, ..., metrics.csv."""
    paths = {path: path.stem.partition("-")[2] for path in folder.glob("metrics-*.csv")}
    numbered = {path: int(number) for path, number in paths.items() if number.isdecimal()}
    tables = [*sorted(numbered, key=numbered.__getitem__), folder / TABLE]
    return [path for path in tables if path.is_file()]


def _lines(file: TextIO) -> Iterator[str]:
    """The complete lines of a file.

    Raises:
        ValueError: A line is too long.
    """
    while line := file.readline(MAX_LINE):
        if line.endswith("\n"):
            yield line
        elif len(line) == MAX_LINE:
            raise ValueError(f"a line of more than {MAX_LINE:,} characters")
