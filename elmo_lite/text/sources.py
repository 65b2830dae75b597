"""Inputs by path, glob or hub name, opened as blocks of text or of records.

The kind of a file is recognised by its content. Text or JSONL, plain or compressed (.gz, .bz2, .xz, .zst), is read as
blocks of whole lines in bytes, so that a pool of processes can decode and check them. JSON arrays, tables, column files
(one word per line), Parquet files (pyarrow) and hub data sets (``datasets``) are read as blocks of records.
"""

from __future__ import annotations

import hashlib
import json
import logging
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from glob import glob, has_magic
from pathlib import Path
from typing import IO

from elmo_lite.errors import CorpusError
from elmo_lite.files import STANDARD_INPUT, STANDARD_STREAM
from elmo_lite.text.blocks import Block
from elmo_lite.text.columns import ColumnReader
from elmo_lite.text.decompression import READ_ERRORS, HashingReader, decompressed
from elmo_lite.text.documents import Record, as_record, choose_field, field_of, size_of
from elmo_lite.text.hub_data_sets import open_data_set
from elmo_lite.text.hub_names import is_data_set_name
from elmo_lite.text.kinds import Kind, kind_of
from elmo_lite.text.lines import LineLimit, is_read_once, unreadable
from elmo_lite.text.pipes import Pipe, recognise
from elmo_lite.text.records import json_values
from elmo_lite.text.rows import SEPARATORS, parquet_rows
from elmo_lite.text.tables import column_names, table_rows

log = logging.getLogger("elmo_lite")

BLOCK_SIZE = 1 << 20
"""Approximate size of a block in bytes."""

_BOM = b"\xef\xbb\xbf"


@dataclass
class Source:
    """One input. ``sha256`` is None until all blocks have been read."""

    name: str
    kind: Kind
    """Kind of its content; of a pipe, once reading has begun."""
    stored_size: int
    """Size on disk in bytes, 0 for hub data sets."""
    position: int = 0
    """Number of stored bytes read so far, for the progress bar."""
    sha256: str | None = None
    """SHA-256 of the file as stored, or of the records read from a hub data set."""
    is_standard_input: bool = False
    is_numbered: bool = False
    """Whether lines of text begin with a number and a TAB, which are removed."""

    @property
    def is_pipe(self) -> bool:
        """Whether it can be read only once."""
        return self.is_standard_input or is_read_once(self.name)

    def blocks(self, field: str | None = None, block_size: int = BLOCK_SIZE) -> Iterator[Block]:
        """Read the input from the beginning.

        Args:
            field: Field of records that holds the document. Defaults to the only one of text, words and tokens.
            block_size: Approximate size of a block in bytes.

        Raises:
            CorpusError: The input is empty, cannot be read, or is not a valid archive or table.
        """
        if self.kind == "hub":
            yield from self._record_blocks(self.records(field), block_size)
        elif self.is_pipe or self.kind in ("text", "jsonl"):
            with self._opened() as content:
                yield from self._streamed_blocks(content, field, block_size)
        else:
            try:
                with open(self.name, "rb") as raw:
                    self.sha256 = hashlib.file_digest(raw, "sha256").hexdigest()
            except OSError as error:
                raise unreadable(self.name, error) from None
            yield from self._record_blocks(self.records(field), block_size)
            self.position = self.stored_size

    def records(self, field: str | None = None) -> Iterator[Record]:
        """The documents of an input of records (any kind but text and JSON lines), one by one; see ``blocks``."""
        return self._hub_records(field) if self.kind == "hub" else self._file_records(field)

    def _streamed_blocks(self, content: IO[bytes], field: str | None, block_size: int) -> Iterator[Block]:
        if self.is_pipe:
            pipe = recognise(content, self.name)
            self.kind = pipe.kind
            if pipe.kind in ("json", "columns"):
                yield from self._record_blocks(self._file_records(field, pipe), block_size)
                return
            content = pipe.content
        yield from self._line_blocks(content, block_size)

    def _line_blocks(self, stream: IO[bytes], block_size: int) -> Iterator[Block]:
        line, offset = 1, 0
        begun: list[bytes] = []  # pieces of an unfinished line, which may be as long as the file
        while data := stream.read(block_size):
            end = data.rfind(b"\n") + 1
            if not end:
                begun.append(data)
                LineLimit.check(sum(map(len, begun)), f"{self.name}, line {line}")
                continue
            content = b"".join([*begun, data[:end]])
            begun = [data[end:]] if end < len(data) else []
            yield self._block(content, line, offset)
            line, offset = line + content.count(b"\n"), offset + len(content)
        if begun:
            yield self._block(b"".join(begun), line, offset)
        elif offset == 0:
            raise CorpusError(f"{self.name}: expected text, found an empty file")

    def _block(self, content: bytes, line: int, offset: int) -> Block:
        if offset == 0 and content.startswith(_BOM):
            content, offset = content[len(_BOM) :], len(_BOM)
        return Block(self.name, self.kind, content, (), line, offset, self.is_numbered)

    @contextmanager
    def _opened(self) -> Iterator[IO[bytes]]:
        """The content, decompressed. What is stored is hashed, if all of it is read."""
        try:
            with nullcontext(sys.stdin.buffer) if self.is_standard_input else open(self.name, "rb") as raw:
                hashing = HashingReader(raw, self._advance)
                yield decompressed(hashing)
                while hashing.read(BLOCK_SIZE):  # what follows the end of a compressed file
                    pass
                self.sha256 = hashing.digest.hexdigest()
        except READ_ERRORS as error:
            raise unreadable(self.name, error) from None

    def _advance(self, num_bytes: int) -> None:
        self.position += num_bytes

    def _record_blocks(self, records: Iterator[Record], block_size: int) -> Iterator[Block]:
        batch: list[Record] = []
        size, first = 0, 1
        for number, record in enumerate(records, 1):
            batch.append(record)
            size += size_of(record)
            if size >= block_size:
                yield Block(self.name, self.kind, b"", tuple(batch), first, 0)
                batch, size, first = [], 0, number + 1
        if batch:
            yield Block(self.name, self.kind, b"", tuple(batch), first, 0)
        elif first == 1:
            raise CorpusError(f"{self.name}: expected records, found none")

    def _file_records(self, field: str | None, pipe: Pipe | None = None) -> Iterator[Record]:
        if self.kind == "columns":
            lines = None if pipe is None else pipe.lines()
            for words, _, _ in ColumnReader(self.name, with_tags=False, lines=lines):
                yield list(words)
        elif self.kind == "json":
            content = None if pipe is None else pipe.content
            for value, where, _ in json_values(self.name, is_array=True, content=content):
                yield field_of(value, field, where) if isinstance(value, dict) else as_record(value, where)
        elif self.kind == "parquet":
            for number, (row, done) in enumerate(parquet_rows(self.name, self._chosen(field)), 1):
                ((name, value),) = row.items()
                yield as_record(value, f"{self.name}, record {number}", name)
                self.position = int(self.stored_size * done)
        else:
            separator = SEPARATORS[self.kind]
            is_number = field is not None and field.isdecimal() and field not in column_names(self.name, separator)
            for row, where, _ in table_rows(self.name, separator, has_header=not is_number):
                yield field_of(row, field, where)

    def _chosen(self, field: str | None) -> Callable[[Sequence[str]], list[str]]:
        return lambda names: [choose_field(names, field, self.name, "column")]

    def _hub_records(self, field: str | None) -> Iterator[Record]:
        rows, _ = open_data_set(self.name, streaming=True)
        digest = hashlib.sha256()
        for number, row in enumerate(rows, 1):
            record = field_of(row, field, f"{self.name}, record {number}")
            digest.update(json.dumps(record).encode())
            yield record
        self.sha256 = digest.hexdigest()


def find_sources(inputs: Iterable[str], *, numbered_lines: bool = False) -> list[Source]:
    """Resolve paths, globs, hub names (``owner/name``, ``owner/name:split`` or ``owner/name:config:split``), and "-".

    A directory that ``save_to_disk`` wrote is a data set, like those of the hub.

    Files keep the given order. Those of one glob are sorted by name. "-" is standard input.

    Args:
        inputs: What to resolve.
        numbered_lines: Whether lines of text begin with a number and a TAB, which are removed.

    Raises:
        CorpusError: No input is given, a file does not exist or is a directory, or a glob matches no file.
    """
    sources = [source for given in inputs for source in _resolve(given)]
    if not sources:
        raise CorpusError("inputs: expected at least one file, glob or hub data set name, found none")
    for source in sources:
        source.is_numbered = numbered_lines and source.kind == "text"
    return sources


def _resolve(given: str) -> list[Source]:
    if Path(given).exists() or not has_magic(given):
        return [_source(given)]
    files = sorted(path for path in glob(given, recursive=True) if Path(path).is_file())
    if not files:
        raise CorpusError(f"{given}: expected files that match, found none")
    return [_source(file) for file in files]


def _source(name: str) -> Source:
    if name == STANDARD_STREAM:
        return Source(STANDARD_INPUT, "text", 0, is_standard_input=True)
    path = Path(name)
    try:
        if is_data_set_name(name):
            return Source(name, "hub", 0)
        if path.is_dir():
            raise CorpusError(f"{name}: expected a file, found a directory (give a glob such as {path / '*.txt'})")
        if path.exists():
            return Source(name, kind_of(path), path.stat().st_size)
    except OSError as error:
        raise unreadable(name, error) from None
    raise CorpusError(f"{name}: expected a file, found nothing there")
