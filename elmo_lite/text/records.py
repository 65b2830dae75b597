"""Objects of JSON files: JSON lines, or one array."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import IO, Any

from elmo_lite.errors import CorpusError, one_line
from elmo_lite.text.lines import SAMPLE_SIZE, LineLimit, decode_lines, not_utf8, open_content

JSONL_SUFFIXES = (".jsonl", ".ndjson")
"""Suffixes of JSONL files, which hold one JSON value per line."""

_DECODER = json.JSONDecoder()
_BLANKS = re.compile(r"[ \t\r\n]*")


def json_values(
    name: str | Path, *, is_array: bool = False, content: IO[bytes] | None = None
) -> Iterator[tuple[Any, str, int]]:
    """Yield the values of a JSON file.

    Args:
        name: Path of the file.
        is_array: Whether the file is one array of values instead of a value per line, where blank lines are skipped.
        content: Its content, if it is open already, as that of a pipe. Defaults to that of the file.

    Yields:
        Value, its place (file and line, or file and record of an array) for error messages, and the number of the line
        or record, from 1.

    Raises:
        CorpusError: The file cannot be read, or a value is not JSON or holds a lone surrogate.
    """
    with open_content(name) if content is None else nullcontext(content) as opened:
        if is_array:
            yield from _ArrayReader(name, opened).values()
            return
        for number, line in decode_lines(opened, str(name)):
            if line.strip():
                where = f"{name}, line {number}"
                yield parse_json(line, where), where, number


def parse_json(line: str, where: str) -> Any:
    """Parse one line of JSON.

    Args:
        line: The line.
        where: File and line number, for the error message.

    Raises:
        CorpusError: The line is not JSON, is nested too deeply or holds a lone surrogate.
    """
    try:
        content = json.loads(line.rstrip())
    except (ValueError, RecursionError) as error:
        reason = one_line(error)
        if isinstance(error, json.JSONDecodeError):
            reason = f"{error.msg} in column {error.colno}"
        raise CorpusError(f"{where}: expected a JSON object, found none ({reason})") from None
    if "\\u" in line:  # only an escape can spell a lone surrogate
        _check_storable(content, where)
    return content


class _ArrayReader:
    """Reader of the values of one array, which parses them one after the other from a bounded part of the file."""

    def __init__(self, name: str | Path, content: IO[bytes]) -> None:
        self.name = name
        self.content = content
        self.decoder = codecs.getincrementaldecoder("utf-8-sig")()
        self.text = ""
        self.position = 0
        self.number = 0

    def values(self) -> Iterator[tuple[Any, str, int]]:
        """Yield each value, its place and its number."""
        expected = "["
        begins: tuple[str, ...] = ("[",)
        while (found := self._next_character()) in begins:
            self.position += 1
            if found == "]":
                break
            if found == "[" and self._next_character() == "]":
                expected, begins = "]", ("]",)
                continue
            self.number += 1
            yield self._next_value(), self._where, self.number
            expected, begins = "a comma or ]", (",", "]")
        else:
            raise CorpusError(f"{self._where}: expected {expected} in a JSON array, found {found!r}")
        if rest := self._next_character():
            raise CorpusError(f"{self.name}: expected the end of the file after a JSON array, found {rest!r}")

    @property
    def _where(self) -> str:
        return f"{self.name}, record {self.number}"

    def _read(self, size: int) -> bool:
        """Drop what was parsed, and read more. Returns whether there was more."""
        data = self.content.read(size)
        try:
            more = self.decoder.decode(data, final=not data)
        except UnicodeDecodeError as error:
            raise not_utf8(self._where, error) from None
        self.text, self.position = self.text[self.position :] + more, 0
        return bool(data)

    def _next_character(self) -> str:
        """The next character that is not blank; empty at the end."""
        while True:
            self.position = _BLANKS.match(self.text, self.position).end()  # type: ignore[union-attr]
            if self.position < len(self.text) or not self._read(SAMPLE_SIZE):
                return self.text[self.position : self.position + 1]

    def _next_value(self) -> Any:
        """Parse the value at the position. While it is incomplete, as much text again is read."""
        self._next_character()
        while True:
            rest = len(self.text) - self.position
            try:
                value, end = _DECODER.raw_decode(self.text, self.position)
                if end < len(self.text) or not self._read(SAMPLE_SIZE):  # a number may go on
                    break
            except RecursionError:
                raise CorpusError(f"{self._where}: expected JSON, found a value that is nested too deeply") from None
            except ValueError as error:
                LineLimit.check(rest, self._where)
                if not self._read(max(rest, SAMPLE_SIZE)):
                    raise CorpusError(f"{self._where}: expected JSON, found none ({one_line(error):.80})") from None
        if "\\u" in self.text[self.position : end]:
            _check_storable(value, self._where)
        self.position = end
        return value


def _check_storable(content: Any, where: str) -> None:
    try:
        json.dumps(content, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError as error:
        found = f"\\u{ord(error.object[error.start]):04x}, half of a surrogate pair"
        raise CorpusError(f"{where}: expected text, found {found}") from None
