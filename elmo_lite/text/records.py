"""Lines of UTF-8 files and objects of JSONL files."""

from __future__ import annotations

import codecs
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from elmo_lite.errors import CorpusError, one_line

JSONL_SUFFIXES = (".jsonl", ".ndjson")
"""Suffixes of JSONL files, which hold one JSON object per line."""


def decoded_lines(name: str | Path) -> Iterator[tuple[int, str]]:
    """Yield the lines of a UTF-8 file.

    Only LF ends a line, since words may hold any other Unicode separator. A byte order mark is removed.

    Args:
        name: Path of the file.

    Yields:
        Line number, from 1, and line, including its LF.

    Raises:
        CorpusError: The file cannot be read or is not UTF-8.
    """
    try:
        with open(name, "rb") as file:
            yield from decode_lines(file, str(name))
    except OSError as error:
        raise CorpusError(f"{name}: expected a file, found: {one_line(error)}") from None


def standard_input_lines() -> Iterator[tuple[int, str]]:
    """The lines of standard input; see ``decoded_lines``.

    Raises:
        CorpusError: The input is not UTF-8.
    """
    return decode_lines(sys.stdin.buffer, "standard input")


def decode_lines(lines: Iterable[bytes], name: str) -> Iterator[tuple[int, str]]:
    """Decode lines of UTF-8.

    Args:
        lines: Lines in bytes.
        name: Name of the input, for the error message.

    Yields:
        Line number, from 1, and line.

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
    """Yield the objects of a JSONL file. Blank lines are skipped.

    Args:
        name: Path of the file.

    Yields:
        Object, its place (file and line) for error messages, and its line number, from 1.

    Raises:
        CorpusError: The file cannot be read, or a line is not an object or holds a lone surrogate.
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


def _check_storable(content: Any, where: str) -> None:
    try:
        json.dumps(content, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError as error:
        found = f"\\u{ord(error.object[error.start]):04x}, half of a surrogate pair"
        raise CorpusError(f"{where}: expected text, found {found}") from None
