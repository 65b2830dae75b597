"""Any input as parts of Parquet files: text and JSON lines are first written to Parquet, with the place of each row."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from glob import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from elmo_lite.cluster import parts
from elmo_lite.cluster.parts import Part, parts_of_file
from elmo_lite.cluster.skipped_rows import SkippedRow
from elmo_lite.errors import CorpusError
from elmo_lite.files import STANDARD_INPUT
from elmo_lite.text.blocks import Block
from elmo_lite.text.documents import Record, size_of
from elmo_lite.text.kinds import NAME_OF
from elmo_lite.text.saved_data_sets import is_saved_data_set
from elmo_lite.text.sentence_files import as_sentence, placed_records
from elmo_lite.text.sources import Source, find_sources

if TYPE_CHECKING:
    pass


def find_inputs(given: str, numbered_lines: bool) -> list[Source]:
    """The files of an input: those of a path or a glob, or all Parquet files below a directory, sorted by name.

    Raises:
        CorpusError: There is none, or one is neither Parquet nor JSON lines nor text.
    """
    path = Path(given)
    if path.is_dir() and not is_saved_data_set(path):
        files = sorted(map(str, path.rglob("*.parquet")))
        if not files:
            hint = f"give a glob such as {path / '*.txt'} for other files"
            raise CorpusError(f"{given}: expected a directory of Parquet files, found none in it ({hint})")
        found = find_sources(map(escape, files))
    else:
        found = find_sources([given], numbered_lines=numbered_lines)
    for source in found:
        if source.kind not in ("parquet", "jsonl", "text") or source.is_standard_input:
            kind = STANDARD_INPUT if source.is_standard_input else NAME_OF[source.kind]
            hint = "--engine local reads it"
            raise CorpusError(f"{source.name}: expected files of Parquet, JSON lines or text, found {kind} ({hint})")
    return found


def write_parts(
    sources: list[Source], field: str | None, target: Path, final: Path, skip: bool
) -> tuple[list[Part], list[SkippedRow]]:
    """Divide files into parts; files that are not Parquet are first written to it.

    Args:
        sources: The files, as ``find_inputs`` gives them.
        field: Field of the documents. Defaults to the only one of text, words and tokens.
        target: Directory for the Parquet files.
        final: Where this directory will lie when the parts are read.
        skip: Whether a line that cannot be read is left out.

    Returns:
        The parts in the order of the input, and the lines that were left out.

    Raises:
        CorpusError: A file or, unless ``skip`` is set, a line cannot be read; or there is no row at all.
    """
    found: list[Part] = []
    skipped: list[SkippedRow] = []
    first_id = 0
    for number, source in enumerate(sources):
        if source.kind == "parquet":
            added = parts_of_file(str(Path(source.name).absolute()), source.name, field, len(found), first_id)
            first_id += sum(part.num_rows for part in added)
        else:
            name = f"{number:06}.parquet"
            writer = _PlacedRows(target / name, str(final / name), len(found), first_id)
            try:
                skipped += writer.write(source, field, skip)
            finally:
                writer.close()
            added, first_id = writer.parts, first_id + writer.num_lines
        found += added
    if not found and not skipped:
        raise CorpusError(f"{sources[0].name}: expected records, found none")
    return found, skipped


class _PlacedRows:
    """A Parquet file of lines and their places, one part per row group."""

    def __init__(self, path: Path, final: str, first_part: int, first_id: int) -> None:
        import pyarrow as pa
        from pyarrow import parquet

        document = [("text", pa.string()), ("words", pa.list_(pa.string()))]  # one of them is null
        self.schema = pa.schema([("id", pa.int64()), ("file", pa.string()), ("line", pa.int64()), *document])
        self.file = parquet.ParquetWriter(path, self.schema, compression="zstd")
        self.final, self.first_part, self.first_id = final, first_part, first_id
        self.parts: list[Part] = []
        self.num_lines = self.num_written = self.size = 0
        self.rows: list[dict[str, Any]] = []

    def write(self, source: Source, field: str | None, skip: bool) -> Iterator[SkippedRow]:
        """Write the lines of a file, and yield those that cannot be read."""
        for block in source.blocks(field):
            for line, record in enumerate(_records(block, field, skip), block.first_line):
                if isinstance(record, CorpusError):
                    yield SkippedRow(source.name, line, str(record))
                else:
                    self._add(source.name, line, record)
                self.num_lines += 1

    def _add(self, file: str, line: int, record: Record) -> None:
        words = None if isinstance(record, str) else record
        text = record if words is None else None
        self.rows.append({"id": self.num_lines, "file": file, "line": line, "text": text, "words": words})
        self.size += size_of(record)
        if self.size >= parts.PART_BYTES:
            self._flush()

    def _flush(self) -> None:
        import pyarrow as pa

        self.file.write_table(pa.Table.from_pylist(self.rows, schema=self.schema), row_group_size=len(self.rows))
        number = self.first_part + len(self.parts)
        self.parts.append(Part(number, self.final, self.num_written, len(self.rows), self.first_id, ""))
        self.num_written += len(self.rows)
        self.rows, self.size = [], 0

    def close(self) -> None:
        """Write what is left, and close the file."""
        try:
            if self.rows:
                self._flush()
        finally:
            self.file.close()


def _records(block: Block, field: str | None, skip: bool) -> Iterator[Record | CorpusError]:
    """The record of each line of a block, or with ``skip`` the error of a line that cannot be read."""
    try:
        yield from [as_sentence(record, where) for where, record in placed_records(block, field)]
        return
    except CorpusError:
        if not skip:
            raise
    lines, offset = block.data.split(b"\n"), block.offset
    for number, line in enumerate(lines[:-1] if lines[-1] == b"" else lines, block.first_line):
        alone = dataclasses.replace(block, data=line + b"\n", first_line=number, offset=offset)
        offset += len(line) + 1
        try:
            yield from [as_sentence(record, where) for where, record in placed_records(alone, field)]
        except CorpusError as error:
            yield error
