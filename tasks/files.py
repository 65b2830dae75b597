"""Text files: read by lines, written whole or not at all, and as a command's INPUT [OUTPUT]."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from elmo_lite import ConfigError, CorpusError


def read_lines(name: str | Path) -> list[str]:
    r"""Lines without their LF or CRLF; only those end a line, as words may hold any other separator of Unicode.

    Raises:
        CorpusError: not there, a directory, unreadable, or not UTF-8.
    """
    try:
        data = Path(name).read_bytes().removeprefix(b"\xef\xbb\xbf")
    except OSError as error:
        raise CorpusError(f"{name}: expected a file, found: {error.strerror or error}") from None
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        found = f"byte 0x{data[error.start]:02x} ({error.reason})"
        raise CorpusError(f"{name}, line {line}: expected UTF-8, found {found}") from None
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    return [line.removesuffix("\r") for line in lines]


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
        ConfigError: none or more than two paths; OUTPUT is there and not to be replaced, is no file, or has no
            directory to stand in.
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
