"""Rows of JSON files, tables, Parquet files and hub data sets, as dictionaries by field."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from elmo_lite.errors import CorpusError, one_line
from elmo_lite.text.hub_data_sets import open_data_set
from elmo_lite.text.kinds import Kind
from elmo_lite.text.records import json_values
from elmo_lite.text.tables import table_rows

SEPARATORS: dict[Kind, str] = {"csv": ",", "tsv": "\t"}


def read_rows(
    name: str | Path, kind: Kind, *, has_header: bool = True, content: IO[bytes] | None = None
) -> Iterator[tuple[dict[str, Any], str, int]]:
    """Yield the rows of an input.

    Args:
        name: Path, or name of a hub data set.
        kind: Its kind, other than "text" and "columns".
        has_header: Whether the first line of a table holds the names of its columns. If not, they are "1", "2", ...
        content: JSON that is open already, as that of a pipe. Defaults to that of the file.

    Yields:
        Values by field, place (file and line or record) for error messages, and number of the line or record, from 1.

    Raises:
        CorpusError: The input cannot be read, or a value of a JSON file is not an object.
    """
    if kind in SEPARATORS:
        yield from table_rows(name, SEPARATORS[kind], has_header=has_header)
    elif kind == "parquet":
        for number, (row, _) in enumerate(parquet_rows(name), start=1):
            yield row, f"{name}, record {number}", number
    elif kind == "hub":
        for number, row in enumerate(open_data_set(str(name))[0], start=1):
            yield row, f"{name}, record {number}", number
    else:
        for value, where, number in json_values(name, is_array=kind == "json", content=content):
            if not isinstance(value, dict):
                raise CorpusError(f"{where}: expected a JSON object, found {type(value).__name__}")
            yield value, where, number


def parquet_rows(
    name: str | Path, choose: Callable[[Sequence[str]], list[str]] = list
) -> Iterator[tuple[dict[str, Any], float]]:
    """Yield the rows of a Parquet file.

    Args:
        name: Path of the file.
        choose: Function from the names of the columns to those that are read. Defaults to all.

    Yields:
        Values by column, and fraction of the rows that have been read.

    Raises:
        CorpusError: The file is not a Parquet file.
    """
    import pyarrow
    from pyarrow import parquet

    try:
        table = parquet.ParquetFile(name)
        columns = choose(table.schema_arrow.names)
        total, done = max(1, table.metadata.num_rows), 0
        for batch in table.iter_batches(batch_size=1024, columns=columns):
            for row in batch.to_pylist():
                done += 1
                yield row, done / total
    except (OSError, pyarrow.ArrowException) as error:
        raise CorpusError(f"{name}: expected a Parquet file: {one_line(error)}") from None
