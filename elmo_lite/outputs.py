"""OUTPUT of a command: a file whose suffix names its format, written whole or not at all, or standard output."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TypeVar

from elmo_lite.errors import ConfigError
from elmo_lite.files import STANDARD_STREAM, replace_file

__all__ = ["checked_output", "format_of", "open_output"]

FormatT = TypeVar("FormatT", bound=str)


def checked_output(output: str | None, source: str, overwrite: bool) -> str | None:
    """Check that OUTPUT can be written; None or ``-`` is standard output.

    Args:
        output: Path of OUTPUT.
        source: Path of INPUT, which is never replaced.
        overwrite: Whether a file may be replaced.

    Returns:
        The path, or None for standard output.

    Raises:
        ConfigError: OUTPUT exists and may not be replaced, is INPUT, is a directory or a device, or its directory does
            not exist.
    """
    if output is None or output == STANDARD_STREAM:
        return None
    target = Path(output)
    if target.exists() and not target.is_file():  # a device would be replaced by a file
        found = "a directory" if target.is_dir() else "a device"
        raise ConfigError(f"{target}: expected a file to write, found {found}")
    if target.exists() and not overwrite:
        raise ConfigError(f"{target}: expected no such file (or --overwrite), found one")
    if target.exists() and Path(source).exists() and target.samefile(source):
        raise ConfigError(f"{target}: expected another file than INPUT, found the same")
    if not target.parent.is_dir():
        raise ConfigError(f"{target}: expected the directory {target.parent} to write in, found none")
    return output


def format_of(output: str | None, formats: Mapping[str, FormatT]) -> FormatT:
    """The format of OUTPUT by its suffix; that of ``.txt`` for standard output and for a name without a suffix.

    Args:
        output: Path of OUTPUT, or None for standard output.
        formats: Format of each suffix, ``.txt`` included.

    Raises:
        ConfigError: The suffix has no format.
    """
    suffix = Path(output or "").suffix.lower() or ".txt"
    if suffix not in formats:
        raise ConfigError(f"{output}: expected a name that ends in {', '.join(formats)}, found {suffix}")
    return formats[suffix]


@contextmanager
def open_output(output: str | None) -> Iterator[IO[str]]:
    """OUTPUT to write text to; the file takes its place at the end of the block.

    What is not Unicode, as a lone surrogate, is written as an escape.
    """
    if output is None:
        yield sys.stdout
        return
    with replace_file(output) as scratch:
        with scratch.open("w", encoding="utf-8", newline="\n", errors="backslashreplace") as file:
            yield file
