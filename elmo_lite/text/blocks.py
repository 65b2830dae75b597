"""Blocks of text or of records, decoded and checked, in worker processes if need be."""

from __future__ import annotations

import re
from dataclasses import dataclass

from elmo_lite.errors import CorpusError
from elmo_lite.text.documents import Record, field_of
from elmo_lite.text.kinds import Kind
from elmo_lite.text.lines import not_utf8
from elmo_lite.text.records import parse_json

_NUMBER = re.compile(r"^\d+\t", re.MULTILINE | re.ASCII)


@dataclass(frozen=True)
class Block:
    """Whole lines of a file, or some records."""

    name: str
    """Name of the input, for error messages."""
    kind: Kind
    data: bytes
    """Lines of a text or JSONL file. Empty for records."""
    records: tuple[Record, ...]
    first_line: int
    """Number of the first line or record, from 1."""
    offset: int
    """Number of bytes of the (decompressed) file before this block."""
    is_numbered: bool = False
    """Whether lines begin with a number and a TAB, which ``text`` removes."""

    def text(self) -> str:
        """The lines of a text or JSONL file.

        Raises:
            CorpusError: They are not UTF-8 or hold a NUL. The message names file, line and byte offset.
        """
        text = decode(self.data, self.name, self.first_line, self.offset)
        return _NUMBER.sub("", text) if self.is_numbered else text


def decode(data: bytes, name: str, first_line: int, offset: int) -> str:
    """Decode whole lines and check them.

    Args:
        data: The lines.
        name: Name of the file.
        first_line: Number of the first line, from 1.
        offset: Number of bytes of the file before ``data``.

    Raises:
        CorpusError: The lines are not UTF-8 or hold a NUL. The message names file, line and byte offset.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = first_line + data.count(b"\n", 0, error.start)
        where = f"{name}, line {line}, byte {offset + error.start}"
        raise not_utf8(where, error) from None
    if (at := data.find(b"\0")) >= 0:
        line = first_line + data.count(b"\n", 0, at)
        raise CorpusError(f"{name}, line {line}, byte {offset + at}: expected text, found a NUL byte")
    return text


def block_records(block: Block, field: str | None = None) -> list[Record]:
    """The records of a block of another kind than text.

    Raises:
        CorpusError: A line is not a JSON object or lacks the field, or the field holds neither text nor words.
    """
    if block.kind != "jsonl":
        return list(block.records)
    lines = block.text().split("\n")
    return [
        _json_record(line, f"{block.name}, line {number}", field)
        for number, line in enumerate(lines, block.first_line)
        if line.strip()
    ]


def _json_record(line: str, where: str, field: str | None) -> Record:
    return field_of(parse_json(line, where), field, where)
