"""Parts of an input: consecutive rows of one Parquet file, which one worker reads at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from elmo_lite.errors import CorpusError, one_line
from elmo_lite.text.documents import choose_field

if TYPE_CHECKING:
    from pyarrow import parquet

PART_BYTES = 1 << 20
"""Approximate size of the text of a part in bytes: 200,000 words of English."""


@dataclass(frozen=True)
class Place:
    """Where a row comes from."""

    id: int
    """Number of the row in the whole input, from 0, skipped rows included."""
    file: str
    line: int
    """Number of the line, or of the record of a Parquet file, from 1."""
    unit: str = "line"
    """What the number counts, for error messages."""

    def __str__(self) -> str:
        """The place as in error messages, such as ``text.txt, line 3``."""
        return f"{self.file}, {self.unit} {self.line}"


@dataclass(frozen=True)
class Part:
    """Consecutive rows of a Parquet file."""

    part: int
    """Number of the part, from 0, in the order of the input."""
    path: str
    """The file that is read."""
    first_row: int
    num_rows: int
    first_id: int
    """``Place.id`` of the first row; of row 0 of the file where its rows have places of their own."""
    source: str
    """Name of the file for its rows, which are its records; empty where they have places of their own."""

    def rows(self, field: str | None = None) -> Iterator[tuple[Place, Any]]:
        """Read the rows.

        Args:
            field: Column of the documents. Defaults to the only one of text, words and tokens.

        Yields:
            Place and document of each row; nothing is checked.

        Raises:
            CorpusError: The file cannot be read, or has no such column.
        """
        with _opened(self.path, self.source or self.path) as file:
            names = file.schema_arrow.names
            columns = [choose_field(names, field, self.source, "column")] if self.source else names
            for number, row in enumerate(_slice(file, columns, self.first_row, self.num_rows)):
                if self.source:
                    line = self.first_row + number + 1
                    yield Place(self.first_id + number, self.source, line, "record"), row[columns[0]]
                else:
                    place = Place(self.first_id + row["id"], row["file"], row["line"])
                    yield place, row["text"] if row["words"] is None else row["words"]


@contextmanager
def _opened(path: str, name: str) -> Iterator[parquet.ParquetFile]:
    """Open a Parquet file, which error messages call ``name``.

    Raises:
        CorpusError: It is none, or is damaged.
    """
    import pyarrow
    from pyarrow import parquet

    try:
        with parquet.ParquetFile(path) as file:
            yield file
    except (OSError, pyarrow.ArrowException) as error:
        raise CorpusError(f"{name}: expected a Parquet file: {one_line(error)}") from None


def _slice(file: parquet.ParquetFile, columns: list[str], first: int, number: int) -> Iterator[dict[str, Any]]:
    """Yield ``number`` rows from row ``first`` on; only the row groups that hold them are read."""
    start = 0
    for group in range(file.num_row_groups):
        size = file.metadata.row_group(group).num_rows
        if start + size <= first:
            start += size
            continue
        for batch in file.iter_batches(batch_size=1024, row_groups=[group], columns=columns):
            skipped = min(max(0, first - start), batch.num_rows)
            wanted = batch.slice(skipped, number)
            start, number = start + batch.num_rows, number - wanted.num_rows
            yield from wanted.to_pylist()
            if number == 0:
                return


def parts_of_file(path: str, name: str, field: str | None, number: int, first_id: int) -> list[Part]:
    """Divide a Parquet file of a user into parts of about ``PART_BYTES``, by its metadata alone.

    Args:
        path: The file, by its absolute path.
        name: Its name as it was given, for its rows and error messages.
        field: Column of the documents. Defaults to the only one of text, words and tokens.
        number: Number of the first part.
        first_id: ``Place.id`` of the first row.

    Raises:
        CorpusError: It is no Parquet file, or has no such column.
    """
    with _opened(path, name) as file:
        column = choose_field(file.schema_arrow.names, field, name, "column")
        total, size = file.metadata.num_rows, 0
        for group in range(file.num_row_groups):
            found = file.metadata.row_group(group)
            chunks = [found.column(index) for index in range(found.num_columns)]
            size += sum(
                chunk.total_uncompressed_size for chunk in chunks if f"{chunk.path_in_schema}.".startswith(f"{column}.")
            )
    rows = max(1, total * PART_BYTES // max(size, PART_BYTES))
    starts = range(0, total, rows)
    return [
        Part(number + index, path, start, min(rows, total - start), first_id + start, name)
        for index, start in enumerate(starts)
    ]
