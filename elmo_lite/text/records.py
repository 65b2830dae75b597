"""Lines of UTF-8 files, and JSONL: files with one JSON object a line."""

from __future__ import annotations

import codecs
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from elmo_lite.errors import CorpusError, one_line

JSONL_SUFFIXES = (".jsonl", ".ndjson")
"""How the names of files with one JSON object a line end."""


def decoded_lines(name: str | Path) -> Iterator[tuple[int, str]]:
    """Line numbers, from 1, and lines of a file, the LF at their ends included.

    Nothing else ends a line, as words may hold any other separator of Unicode. A byte order mark is left out.

    Raises:
        CorpusError: The file cannot be read, or is not UTF-8.
    """
    try:
        with open(name, "rb") as file:
            yield from decode_lines(file, str(name))
    except OSError as error:
        raise CorpusError(f"{name}: expected a file, found: {one_line(error)}") from None


def standard_input_lines() -> Iterator[tuple[int, str]]:
    """The same for standard input.

    Raises:
        CorpusError: It is not UTF-8.
    """
    return decode_lines(sys.stdin.buffer, "standard input")


def decode_lines(lines: Iterable[bytes], name: str) -> Iterator[tuple[int, str]]:
    """Line numbers, from 1, and text of lines in bytes.

    Raises:
        CorpusError: A line is not UTF-8.
    """
    for number, line in enumerate(lines, start=1):
        if number == 1:
            line = line.removeprefix(codecs.BOM_UTF8)
        try:
            yield number, line.decode("utf-8")
        except UnicodeDecodeError as error:
            found = f"byte 0x{line[error.start]:02x} at position {error.start + 1} ({error.reason})"
            raise CorpusError(f"{name}, line {number}: expected UTF-8, found {found}") from None


def json_objects(name: str | Path) -> Iterator[tuple[dict[str, Any], str, int]]:
    """Objects of a JSONL file, the place of each (file and line), and its line number, from 1. Blank lines are skipped.

    Raises:
        CorpusError: The file cannot be read; a line is not an object, or holds text that no file can hold.
    """
    for number, line in decoded_lines(name):
        if not line.strip():
            continue
        where = f"{name}, line {number}"
        content = parse_json(line, where)
        if not isinstance(content, dict):
            raise CorpusError(f"{where}: expected a JSON object, found {type(content).__name__}")
        yield content, where, number


def parse_json(line: str, where: str) -> Any:
    """The value on one line of JSON.

    Args:
        line: One line.
        where: Its file and line, for the error.

    Raises:
        CorpusError: It is not JSON, is nested too deeply, or holds half of a surrogate pair.
    """
    try:
        content = json.loads(line.rstrip())
    except (ValueError, RecursionError) as error:
        reason = one_line(error)
        if isinstance(error, json.JSONDecodeError):
            reason = f"{error.msg} in column {error.colno}"
        raise CorpusError(f"{where}: expected a JSON object, found none ({reason})") from None
    if "\\u" in line:  # the one way to spell half of a surrogate pair
        _check_storable(content, where)
    return content


def _check_storable(content: Any, where: str) -> None:
    try:
        json.dumps(content, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError as error:
        found = f"\\u{ord(error.object[error.start]):04x}, half of a surrogate pair"
        raise CorpusError(f"{where}: expected text, found {found}") from None
