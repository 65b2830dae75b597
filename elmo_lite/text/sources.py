"""Inputs by path, glob or hub name, opened as blocks of text or of records.

A text or JSONL file, plain or compressed (.gz, .xz, .zst), comes as blocks of whole lines in bytes, so that a pool of
processes can decode and check them; Parquet (pyarrow) and hub data sets (``datasets``, imported only then) come as
blocks of records. JSONL is read line by line rather than through ``datasets`` so that an error can name file and line.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import lzma
import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from glob import glob, has_magic
from pathlib import Path
from typing import IO, Any, Literal, cast

from elmo_lite.errors import CorpusError

BLOCK_SIZE = 1 << 20
"""Bytes of text that a block has, about."""

Record = str | list[str] | list[list[str]]
"""A document: text, the words of one sentence, or sentences of words."""
Kind = Literal["text", "jsonl", "parquet", "hub"]

_BOM = b"\xef\xbb\xbf"
_COMPRESSED = (".gz", ".xz", ".zst")
_HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+(:[\w.-]+){0,2}")
_READ_ERRORS = (OSError, EOFError, lzma.LZMAError, zlib.error)


@dataclass(frozen=True)
class Block:
    """Whole lines of a file, or some records."""

    name: str
    """The input, as errors name it."""
    kind: Kind
    data: bytes
    """Lines of a text or JSONL file; empty for records."""
    records: tuple[Record, ...]
    first_line: int
    """Number of the first line or record, from 1."""
    offset: int
    """Bytes of the (decompressed) file before this block."""


@dataclass
class Source:
    """One input; ``size`` and ``sha256`` are known when its blocks have been read."""

    name: str
    kind: Kind
    stored_size: int
    """Bytes on disk, 0 for hub data sets."""
    position: int = 0
    """Bytes of it read so far, for progress."""
    sha256: str | None = None
    """Of the file as stored; for hub data sets of the records read."""

    def blocks(self, field: str, block_size: int = BLOCK_SIZE) -> Iterator[Block]:
        """Read it from its begin.

        Raises:
            CorpusError: it is empty, cannot be read, or is no valid archive or table.
        """
        if self.kind in ("text", "jsonl"):
            yield from self._line_blocks(block_size)
        else:
            records = self._parquet_records(field) if self.kind == "parquet" else self._hub_records(field)
            yield from self._record_blocks(records, block_size)

    def _line_blocks(self, block_size: int) -> Iterator[Block]:
        line, offset = 1, 0
        begun: list[bytes] = []  # a line whose end is still to come, in pieces: it may be as long as the file
        for data in self._decompressed(block_size):
            end = data.rfind(b"\n") + 1
            if not end:
                begun.append(data)
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
        return Block(self.name, self.kind, content, (), line, offset)

    def _decompressed(self, size: int) -> Iterator[bytes]:
        try:
            with open(self.name, "rb") as raw:
                hashing = _HashingReader(raw, self)
                stream = _decompressor(hashing, Path(self.name).suffix)
                while data := stream.read(size):
                    yield data
                while hashing.read(size):
                    pass
                self.sha256 = hashing.digest.hexdigest()
        except _READ_ERRORS as error:
            raise CorpusError(f"{self.name}: cannot be read: {_reason(error)}") from None

    def _record_blocks(self, records: Iterator[Record], block_size: int) -> Iterator[Block]:
        batch: list[Record] = []
        size, first = 0, 1
        for number, record in enumerate(records, 1):
            batch.append(record)
            size += _size(record)
            if size >= block_size:
                yield Block(self.name, self.kind, b"", tuple(batch), first, 0)
                batch, size, first = [], 0, number + 1
        if batch:
            yield Block(self.name, self.kind, b"", tuple(batch), first, 0)
        elif first == 1:
            raise CorpusError(f"{self.name}: expected records, found none")

    def _parquet_records(self, field: str) -> Iterator[Record]:
        import pyarrow
        from pyarrow import parquet

        try:
            with open(self.name, "rb") as raw:
                self.sha256 = hashlib.file_digest(raw, "sha256").hexdigest()
            table = parquet.ParquetFile(self.name)
            names = table.schema_arrow.names
            if field not in names:
                raise CorpusError(f"{self.name}: expected a column {field!r}, found {_listed(names)}")
            total, done = max(1, table.metadata.num_rows), 0
            for batch in table.iter_batches(batch_size=1024, columns=[field]):
                for value in batch.column(0).to_pylist():
                    done += 1
                    yield as_record(value, f"{self.name}, record {done}", field)
                self.position = self.stored_size * done // total
        except (OSError, pyarrow.ArrowException) as error:
            raise CorpusError(f"{self.name}: expected a Parquet file: {_reason(error)}") from None

    def _hub_records(self, field: str) -> Iterator[Record]:
        import datasets

        name, *options = self.name.split(":")
        split = options.pop() if options else "train"
        try:
            rows: Iterable[dict[str, Any]] = datasets.load_dataset(name, *options, split=split, streaming=True)
            digest = hashlib.sha256()
            for number, row in enumerate(rows, 1):
                record = field_of(row, field, f"{self.name}, record {number}")
                digest.update(json.dumps(record).encode())
                yield record
            self.sha256 = digest.hexdigest()
        except CorpusError:
            raise
        except Exception as error:  # the hub fails in as many ways as a network does
            raise CorpusError(f"{self.name}: no such file, and no hub data set: {_reason(error)}") from None


def find_sources(inputs: Iterable[str]) -> list[Source]:
    """Resolve paths, globs and hub names (``owner/name``, ``owner/name:split`` or ``owner/name:config:split``).

    Files come in the order given, those of one glob sorted by name.

    Raises:
        CorpusError: nothing given, a file is missing or is none, or a glob matches nothing.
    """
    sources = [source for given in inputs for source in _resolve(given)]
    if not sources:
        raise CorpusError("inputs: expected at least one file, glob or hub data set name, found none")
    return sources


def _resolve(given: str) -> list[Source]:
    if Path(given).exists() or not has_magic(given):
        return [_source(given)]
    files = sorted(path for path in glob(given, recursive=True) if Path(path).is_file())
    if not files:
        raise CorpusError(f"{given}: expected files that match, found none")
    return [_source(file) for file in files]


def _source(name: str) -> Source:
    path = Path(name)
    try:
        if path.is_dir():
            raise CorpusError(f"{name}: expected a file, found a directory (give a glob such as {path / '*.txt'})")
        if path.exists():
            return Source(name, _kind(path), path.stat().st_size)
    except OSError as error:
        raise CorpusError(f"{name}: cannot be read: {_reason(error)}") from None
    if _HUB_NAME.fullmatch(name) and not _is_file_name(path):
        return Source(name, "hub", 0)
    raise CorpusError(f"{name}: expected a file, found nothing there")


def _is_file_name(path: Path) -> bool:
    """Whether a missing path was meant as a file: its folder exists or its suffix is one of text."""
    return path.parent.exists() or path.suffix in (*_COMPRESSED, ".txt", ".jsonl", ".ndjson", ".parquet")


def _kind(path: Path) -> Kind:
    suffix = path.with_suffix("").suffix if path.suffix in _COMPRESSED else path.suffix
    if suffix == ".parquet":
        return "parquet"
    return "jsonl" if suffix in (".jsonl", ".ndjson") else "text"


class _HashingReader(io.RawIOBase):
    """Passes a file on and hashes what goes by; tells the source how far it is."""

    def __init__(self, raw: IO[bytes], source: Source) -> None:
        self.raw = raw
        self.source = source
        self.digest = hashlib.sha256()

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        data = self.raw.read(size)
        self.digest.update(data)
        self.source.position += len(data)
        return data

    def readinto(self, buffer: Any) -> int:
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


class _ZstdReader:
    """Reads Zstandard frames to their very end: the library's own reader takes a truncated file for a whole one."""

    def __init__(self, raw: _HashingReader) -> None:
        import zstandard

        self.raw = raw
        self.error = zstandard.ZstdError
        self.new_frame = zstandard.ZstdDecompressor().decompressobj
        self.frame: Any = None
        self.ready = bytearray()

    def read(self, size: int) -> bytes:
        """At most ``size`` bytes; none at the end."""
        while len(self.ready) < size and (data := self._next_input()):
            try:
                self.ready += self.frame.decompress(data)
            except self.error as error:
                raise OSError(str(error)) from None
        data, self.ready = bytes(self.ready[:size]), self.ready[size:]
        return data

    def _next_input(self) -> bytes:
        """Compressed bytes for the frame that is open, or for the next, which it opens."""
        at_end = self.frame is None or self.frame.eof
        data = (at_end and self.frame and self.frame.unused_data) or self.raw.read(1 << 16)
        if data and at_end:
            self.frame = self.new_frame()
        if not data and not at_end:
            raise EOFError("the compressed file ended before its end mark")
        return bytes(data)


def _decompressor(raw: _HashingReader, suffix: str) -> IO[bytes]:
    if suffix == ".gz":
        return cast(IO[bytes], gzip.GzipFile(fileobj=raw, mode="rb"))
    if suffix == ".xz":
        return lzma.LZMAFile(cast(IO[bytes], raw))
    return cast(IO[bytes], _ZstdReader(raw) if suffix == ".zst" else raw)


def decode(data: bytes, name: str, first_line: int, offset: int) -> str:
    """Text of whole lines, checked.

    Raises:
        CorpusError: bytes that are not UTF-8, or a NUL, with file, line and byte offset.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = first_line + data.count(b"\n", 0, error.start)
        where = f"{name}, line {line}, byte {offset + error.start}"
        raise CorpusError(f"{where}: expected UTF-8, found byte 0x{data[error.start]:02x} ({error.reason})") from None
    if (at := data.find(b"\0")) >= 0:
        line = first_line + data.count(b"\n", 0, at)
        raise CorpusError(f"{name}, line {line}, byte {offset + at}: expected text, found a NUL byte")
    return text


def block_records(block: Block, field: str) -> list[Record]:
    """The records of a JSONL, Parquet or hub block.

    Raises:
        CorpusError: a line is no JSON object, lacks the field, or its words cannot be words.
    """
    if block.kind != "jsonl":
        return list(block.records)
    lines = decode(block.data, block.name, block.first_line, block.offset).split("\n")
    return [
        _json_record(line, f"{block.name}, line {number}", field)
        for number, line in enumerate(lines, block.first_line)
        if line.strip()
    ]


def _json_record(line: str, where: str, field: str) -> Record:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise CorpusError(f"{where}: expected a JSON object: {_reason(error)}") from None
    return field_of(row, field, where)


def field_of(row: object, field: str, where: str) -> Record:
    """The document in one field of a record.

    Raises:
        CorpusError: no such field, or neither text nor words in it.
    """
    if not isinstance(row, dict):
        raise CorpusError(f"{where}: expected an object with a field {field!r}, found {type(row).__name__}")
    if field not in row:
        raise CorpusError(f"{where}: expected a field {field!r}, found {_listed(row)} (choose with --text_field)")
    return as_record(row[field], where, field)


def as_record(value: object, where: str, field: str) -> Record:
    """Check that a value is text, a list of words or a list of sentences; null is an empty text.

    Raises:
        CorpusError: it is not, a word is empty or holds a line break, or there is a NUL or a lone surrogate.
    """
    if value is None:
        return ""
    if isinstance(value, str):
        _check_characters(value, where)
        return value
    if not isinstance(value, list):
        raise CorpusError(f"{where}: expected text or words in {field!r}, found {type(value).__name__}")
    for words in sentences_of(value):
        _check_words(words, where)
    return value


def sentences_of(record: list[str] | list[list[str]]) -> list[list[str]]:
    """The sentences of a record of words: a flat list is one sentence."""
    is_nested = bool(record) and isinstance(record[0], list)
    return cast(list[list[str]], record if is_nested else [record])


def _check_words(words: object, where: str) -> None:
    if not isinstance(words, list):
        raise CorpusError(f"{where}: expected a list of words, found {type(words).__name__}")
    for word in words:
        if not isinstance(word, str) or not word or "\n" in word:
            raise CorpusError(f"{where}: expected words that are not empty and have no line break, found {word!r:.60}")
        _check_characters(word, where)


def _check_characters(text: str, where: str) -> None:
    if "\0" in text:
        raise CorpusError(f"{where}: expected text, found a NUL character")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise CorpusError(f"{where}: expected Unicode text, found half of a surrogate pair") from None


def _size(record: Record) -> int:
    return len(record) if isinstance(record, str) else 8 * sum(len(part) for part in record)


def _listed(names: Iterable[object]) -> str:
    return ", ".join(map(str, names)) or "none"


def _reason(error: Exception) -> str:
    """What went wrong, in one line."""
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(str(text).split())
