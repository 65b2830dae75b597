"""Lines of UTF-8 files, plain or compressed, with a limit on the length of a line."""

from __future__ import annotations

import codecs
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from elmo_lite.errors import CorpusError, one_line
from elmo_lite.files import STANDARD_INPUT, STANDARD_STREAM
from elmo_lite.text.decompression import READ_ERRORS, decompressed

SAMPLE_SIZE = 1 << 16
"""Number of bytes by which the kind of a file is recognised."""

_DESCRIPTORS = ("/dev/stdin", "/dev/fd/", "/proc/self/fd/")
"""Names of what a process has open."""


class LineLimit:
    """The limit on the length of a line, which bounds the memory of all readers."""

    num_bytes = 16 << 20

    @classmethod
    def check(cls, size: int, where: str) -> None:
        """Check the length of a line or record.

        Args:
            size: Number of its bytes, or of those at its beginning.
            where: Its place, for the error message.

        Raises:
            CorpusError: It is too long.
        """
        if size > cls.num_bytes:
            limit = f"at most {cls.num_bytes:,} bytes (--max_line_bytes raises this limit)"
            raise CorpusError(f"{where}: expected {limit}, found more")


@contextmanager
def open_content(name: str | Path) -> Iterator[IO[bytes]]:
    """Open the content of a file, decompressed if need be.

    Raises:
        CorpusError: The file cannot be read, or is damaged.
    """
    try:
        with open(name, "rb") as raw:
            yield decompressed(raw)
    except READ_ERRORS as error:
        raise unreadable(name, error) from None


def unreadable(name: str | Path, error: Exception) -> CorpusError:
    """The error of a file that cannot be read."""
    if isinstance(error, FileNotFoundError | IsADirectoryError):
        found = "nothing there" if isinstance(error, FileNotFoundError) else "a directory"
        return CorpusError(f"{name}: expected a file, found {found}")
    return CorpusError(f"{name}: cannot be read: {one_line(error)}")


def not_utf8(where: str, error: UnicodeDecodeError, place: str = "") -> CorpusError:
    """The error of text in another encoding.

    Args:
        where: File and line.
        error: What decoding raised.
        place: Place of the byte, if ``where`` does not name it.
    """
    found = f"byte 0x{error.object[error.start]:02x}{place} ({error.reason})"
    return CorpusError(f"{where}: expected UTF-8, found {found}; iconv converts other encodings")


def sample_of(name: str | Path) -> bytes:
    """The first bytes of the content of a file; none of a pipe or device, which cannot be read twice.

    Raises:
        CorpusError: The file cannot be read, or is damaged.
    """
    try:
        mode = os.stat(name).st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            return b""
    except (OSError, ValueError) as error:
        raise unreadable(name, error) from None
    with open_content(name) as content:
        return content.read(SAMPLE_SIZE).removeprefix(codecs.BOM_UTF8)


def decoded_lines(name: str | Path) -> Iterator[tuple[int, str]]:
    """Yield the lines of a UTF-8 file, plain or compressed.

    Only LF ends a line, since words may hold any other Unicode separator. A byte order mark is removed.

    Args:
        name: Path of the file.

    Yields:
        Line number, from 1, and line, including its LF.

    Raises:
        CorpusError: The file cannot be read, is damaged or is not UTF-8, or a line is too long.
    """
    with open_content(name) as content:
        yield from decode_lines(content, str(name))


def is_read_once(source: str) -> bool:
    """Whether a source is a pipe or a device, or may be: on some systems ``/dev/stdin`` goes on where it was left."""
    path = Path(source)
    is_special = path.exists() and not path.is_file() and not path.is_dir()
    return source == STANDARD_STREAM or source.startswith(_DESCRIPTORS) or is_special


def standard_input_lines() -> Iterator[tuple[int, str]]:
    """The lines of standard input; see ``decoded_lines``.

    Raises:
        CorpusError: The input is not UTF-8, or a line is too long.
    """
    return decode_lines(sys.stdin.buffer, STANDARD_INPUT)


def content_lines(content: IO[bytes], name: str | Path) -> Iterator[bytes]:
    """Yield the lines of a file in bytes, including their LF.

    Raises:
        CorpusError: A line is too long.
    """
    number = 0
    while line := content.readline(LineLimit.num_bytes + 1):
        number += 1
        LineLimit.check(len(line), f"{name}, line {number}")
        yield line


def decode_lines(content: IO[bytes], name: str) -> Iterator[tuple[int, str]]:
    """Decode lines of UTF-8.

    Args:
        content: File in bytes.
        name: Name of the input, for the error message.

    Yields:
        Line number, from 1, and line, including its LF.

    Raises:
        CorpusError: A line is not UTF-8 or too long.
    """
    for number, line in enumerate(content_lines(content, name), start=1):
        if number == 1:
            line = line.removeprefix(codecs.BOM_UTF8)
        try:
            yield number, line.decode("utf-8")
        except UnicodeDecodeError as error:
            raise not_utf8(f"{name}, line {number}", error, f" at position {error.start + 1}") from None
