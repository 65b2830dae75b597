"""JSON: files that are whole or not there, and files with an object a line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from elmo_lite import CorpusError
from tasks.files import decoded_lines, write_text

JSONL = (".jsonl", ".ndjson")
"""How the names of files with an object a line end."""


def write_json(path: Path, content: Any) -> None:
    """Write under a temporary name and rename; parents are made.

    Raises:
        OSError: the disk is full, or not to be written on.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def json_objects(name: str | Path) -> Iterator[tuple[dict[str, Any], str, int]]:
    """Objects of a file with one a line, where each stands (file and line), and its line's number, from 1.

    Blank lines are skipped.

    Raises:
        CorpusError: the file cannot be read; a line is no object, or holds text that no file can hold.
    """
    for number, line in decoded_lines(name):
        where = f"{name}, line {number}"
        if not line.strip():
            continue
        try:
            content = json.loads(line.rstrip())
        except (ValueError, RecursionError) as error:
            raise CorpusError(f"{where}: expected a JSON object, found none ({_reason(error)})") from None
        if not isinstance(content, dict):
            raise CorpusError(f"{where}: expected a JSON object, found {type(content).__name__}")
        if "\\u" in line:  # the one way to spell half a character
            _check_storable(content, where)
        yield content, where, number


def _reason(error: Exception) -> str:
    return f"{error.msg} in column {error.colno}" if isinstance(error, json.JSONDecodeError) else str(error)


def _check_storable(content: dict[str, Any], where: str) -> None:
    try:
        json.dumps(content, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError as error:
        found = f"\\u{ord(error.object[error.start]):04x}, half a character"
        raise CorpusError(f"{where}: expected text, found {found}") from None
