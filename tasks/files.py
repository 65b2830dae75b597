"""Reading and writing of text files, and the arguments INPUT [OUTPUT] of a command."""

from __future__ import annotations

import csv
import io
import logging
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from elmo_lite import ConfigError
from elmo_lite.outputs import checked_output
from elmo_lite.text import decoded_lines

log = logging.getLogger("elmo_lite")

ItemT = TypeVar("ItemT")
CHUNK, CHUNK_SIZE = 2048, 1_000_000
"""Bounds of what a command predicts at a time: sentences, and characters or words in all."""


def without_end(line: str) -> str:
    """A line without its LF or CRLF."""
    return line.removesuffix("\n").removesuffix("\r")


def read_lines(name: str | Path) -> list[str]:
    """Read all lines of a file, without their LF or CRLF.

    Raises:
        CorpusError: As for ``decoded_lines``.
    """
    return [without_end(line) for _, line in decoded_lines(name)]


def input_and_output(paths: Sequence[str], overwrite: bool) -> tuple[str, str | None]:
    """Check the paths of a command and return INPUT and OUTPUT; OUTPUT is None for standard output.

    Raises:
        ConfigError: There are no paths or more than two, or as for ``checked_output``.
    """
    if len(paths) not in (1, 2):
        raise ConfigError(f"expected INPUT and OUTPUT, found {len(paths)} paths: {' '.join(paths)}")
    return paths[0], checked_output(paths[1] if len(paths) == 2 else None, paths[0], overwrite)


def on_one_line(text: str) -> str:
    """Replace each run of whitespace, such as TABs and line breaks, by a blank."""
    return " ".join(text.split())


def csv_row(fields: Sequence[str]) -> str:
    """A line of CSV (RFC 4180), with fields quoted where they hold a comma, a quote or a line break of any kind."""
    line = io.StringIO()
    csv.writer(line, lineterminator="\r\n").writerow(fields)  # a CR is quoted in no other case before Python 3.13
    return line.getvalue().removesuffix("\r\n") + "\n"


def in_chunks(items: Iterable[ItemT], size: Callable[[ItemT], int], most: int | None = None) -> Iterator[list[ItemT]]:
    """Divide what may be more than memory holds into lists of at most ``most`` items and about ``CHUNK_SIZE`` in all.

    Args:
        items: Any number of items.
        size: The size of an item, such as the number of its characters or words.
        most: Maximum number of items of a list. Defaults to ``CHUNK``.

    Yields:
        The items in their order, in lists that are not empty.
    """
    chunk: list[ItemT] = []
    total = 0
    for item in items:
        chunk.append(item)
        total += size(item)
        if len(chunk) >= (most or CHUNK) or total >= CHUNK_SIZE:
            yield chunk
            chunk, total = [], 0
    if chunk:
        yield chunk


def warn_of_same_files(sources: Mapping[str, str | os.PathLike[str]]) -> None:
    """Warn of parts that are scored on the file of another part."""
    files = {part: Path(source) for part, source in sources.items() if Path(source).is_file()}
    for part, path in files.items():
        for earlier, other in files.items():
            if earlier == part:
                break
            if path.samefile(other):
                log.warning("%s: is the file of %s too, so %s scores tell nothing about new text", path, earlier, part)
