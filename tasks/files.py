"""Lines of a text file, and files written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from elmo_lite import CorpusError


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


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
