"""Text files by lines, and as INPUT [OUTPUT] of a command."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from elmo_lite import ConfigError
from elmo_lite.files import write_text
from elmo_lite.text import decoded_lines

STANDARD_INPUT = "-"
"""The INPUT that is no file."""


def without_end(line: str) -> str:
    """A line without its LF or CRLF."""
    return line.removesuffix("\n").removesuffix("\r")


def read_lines(name: str | Path) -> list[str]:
    """All lines of a file, without their LF or CRLF.

    Raises:
        CorpusError: as for ``decoded_lines``.
    """
    return [without_end(line) for _, line in decoded_lines(name)]


def input_and_output(paths: Sequence[str], overwrite: bool) -> tuple[str, str | None]:
    """INPUT, and OUTPUT or None for standard output, of a command that takes both as paths.

    Raises:
        ConfigError: none or more than two paths; OUTPUT is there and not to be replaced, is INPUT, is no file, or
            has no directory to stand in.
    """
    if len(paths) not in (1, 2):
        raise ConfigError(f"expected INPUT and OUTPUT, found {len(paths)} paths: {' '.join(paths)}")
    if len(paths) == 1:
        return paths[0], None
    output = Path(paths[1])
    if output.exists() and not output.is_file():  # a device would be replaced by a file
        found = "a directory" if output.is_dir() else "a device"
        raise ConfigError(f"{output}: expected a file to write, found {found}")
    if output.exists() and not overwrite:
        raise ConfigError(f"{output}: expected no such file (or --overwrite), found one")
    if output.exists() and Path(paths[0]).exists() and output.samefile(paths[0]):
        raise ConfigError(f"{output}: expected another file than INPUT, found the same")
    if not output.parent.is_dir():
        raise ConfigError(f"{output}: expected the directory {output.parent} to write in, found none")
    return paths[0], paths[1]


def write_output(output: str | None, text: str) -> None:
    """Write what a command says to OUTPUT, or to standard output where it is None."""
    if output is None:
        sys.stdout.write(text)
    else:
        write_text(output, text)
