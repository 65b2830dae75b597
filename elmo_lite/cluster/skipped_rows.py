"""Rows that were left out because they cannot be used, and the side file that lists them."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from elmo_lite.files import write_text


@dataclass(frozen=True, order=True)
class SkippedRow:
    """A row that was left out."""

    file: str
    line: int
    """Number of the line, or of the record of a Parquet file, from 1."""
    error: str
    """Why, in one line that begins with the place."""


def write_skipped(target: Path, rows: Iterable[SkippedRow]) -> None:
    """Write a JSON object per row, or remove the file if there is none."""
    lines = [json.dumps(dataclasses.asdict(row), ensure_ascii=False) + "\n" for row in rows]
    if lines:
        write_text(target, "".join(lines))
    else:
        target.unlink(missing_ok=True)


def read_skipped(path: Path) -> list[SkippedRow]:
    """The rows of a side file; none if there is no such file."""
    lines = path.read_text(encoding="utf-8").split("\n") if path.exists() else []
    return [SkippedRow(**json.loads(line)) for line in lines if line]
