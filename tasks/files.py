"""Text files: read by lines, written whole or not at all, and as a command's INPUT [OUTPUT]."""

from __future__ import annotations

import codecs
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from elmo_lite import ConfigError, CorpusError

STANDARD_INPUT = "-"
"""The INPUT that is no file."""


def decoded_lines(name: str | Path) -> Iterator[tuple[int, str]]:
    """Numbers, from 1, and text of a file's lines, the LF at their ends included.

    Nothing else ends a line, as words may hold any other separator of Unicode.

    Raises:
        CorpusError: not there, a directory, unreadable, or not UTF-8.
    """
    try:
        with open(name, "rb") as file:
            yield from _decoded(file, str(name))
    except OSError as error:
        raise CorpusError(f"{name}: expected a file, found: {error.strerror or error}") from None


def standard_input_lines() -> Iterator[tuple[int, str]]:
    """The same of standard input.

    Raises:
        CorpusError: it is not UTF-8.
    """
    return _decoded(sys.stdin.buffer, "standard input")


def _decoded(lines: Iterable[bytes], name: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(lines, start=1):
        if number == 1:
            line = line.removeprefix(codecs.BOM_UTF8)
        try:
            yield number, line.decode("utf-8")
        except UnicodeDecodeError as error:
            found = f"byte 0x{line[error.start]:02x} at position {error.start + 1} ({error.reason})"
            raise CorpusError(f"{name}, line {number}: expected UTF-8, found {found}") from None


def without_end(line: str) -> str:
    """A line without its LF or CRLF."""
    return line.removesuffix("\n").removesuffix("\r")


def read_lines(name: str | Path) -> list[str]:
    """All lines of a file, without their LF or CRLF.

    Raises:
        CorpusError: as for ``decoded_lines``.
    """
    return [without_end(line) for _, line in decoded_lines(name)]


def write_text(name: str | Path, text: str) -> None:
    """Write a file under a temporary name beside it and rename it."""
    target = Path(name)
    handle, scratch = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".tmp", dir=target.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        os.chmod(scratch, 0o666 & ~_umask())  # mkstemp allows the owner alone
        os.replace(scratch, target)
    except BaseException:
        Path(scratch).unlink(missing_ok=True)
        raise


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


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
