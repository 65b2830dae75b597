"""Standard input, output and error of the program: UTF-8 in every locale, and usable where one is closed or full."""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any


class _Output(io.TextIOWrapper):
    """Standard output, whose name is in its errors."""

    def write(self, text: str) -> int:
        """Write text."""
        with _named("standard output"):
            return super().write(text)

    def flush(self) -> None:
        """Write what is buffered."""
        with _named("standard output"):
            super().flush()


class _Diagnostics(io.TextIOWrapper):
    """Standard error, which fails no work: what cannot be written is dropped."""

    def write(self, text: str) -> int:
        """Write text."""
        try:
            return super().write(text)
        except OSError:
            _discard(self)
            return len(text)

    def flush(self) -> None:
        """Write what is buffered."""
        try:
            super().flush()
        except OSError:
            _discard(self)


class _ClosedInput(io.RawIOBase):
    """Standard input that is closed."""

    def readable(self) -> bool:
        """It is there to be read, and reading fails."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Raise the error of a closed file."""
        raise OSError(errno.EBADF, os.strerror(errno.EBADF), "standard input")


@contextmanager
def standard_streams() -> Iterator[None]:
    """Make the standard streams UTF-8 and safe to use; those of the caller are back on exit.

    What is not Unicode, as in the name of a file that is not UTF-8, is written as an escape. A stream that the caller
    has replaced, as by ``contextlib.redirect_stdout``, is left alone.
    """
    before = sys.stdin, sys.stdout, sys.stderr
    if sys.stdin is None:
        _null(os.O_WRONLY)
        sys.stdin = io.TextIOWrapper(io.BufferedReader(_ClosedInput()), encoding="utf-8")
    # Nothing can be written to a closed output, whose null device is open for reading alone.
    sys.stdout = _safe(sys.stdout, sys.__stdout__, _Output, os.O_RDONLY)
    sys.stderr = _safe(sys.stderr, sys.__stderr__, _Diagnostics, os.O_WRONLY)
    try:
        yield
    finally:
        inside = sys.stdout, sys.stderr
        sys.stdin, sys.stdout, sys.stderr = before
        for stream in inside:
            if isinstance(stream, _Output | _Diagnostics):
                _leave(stream)


def _safe(stream: Any, of_process: Any, kind: type[_Output] | type[_Diagnostics], mode: int) -> Any:
    """A stream that writes where ``stream`` does; a closed one is opened on the null device."""
    if stream is None:
        return kind(open(_null(mode), "wb", closefd=False), encoding="utf-8", errors="backslashreplace")
    if stream is not of_process or not isinstance(stream, io.TextIOWrapper):
        return stream
    with suppress(OSError):
        stream.flush()
    is_line_buffered = kind is _Diagnostics or stream.line_buffering
    # A buffer of its own: libraries may keep the stream longer than the command runs.
    buffer = open(stream.fileno(), "wb", closefd=False)
    return kind(buffer, encoding="utf-8", errors="backslashreplace", line_buffering=is_line_buffered)


def _null(mode: int) -> int:
    """A descriptor of the null device: the lowest unused one, which is that of the closed stream."""
    descriptor = os.open(os.devnull, mode)
    os.set_inheritable(descriptor, True)  # like the standard streams
    return descriptor


@contextmanager
def _named(name: str) -> Iterator[None]:
    """Name the stream in an error of the system."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror, name) from None


def _leave(stream: io.TextIOWrapper) -> None:
    """Write what is buffered, or drop it: the interpreter flushes again at exit, which must not fail."""
    try:
        stream.flush()
    except OSError:
        _discard(stream)


def _discard(stream: io.TextIOWrapper) -> None:
    """Let a stream write to the null device from now on."""
    with suppress(OSError):
        descriptor = os.open(os.devnull, os.O_WRONLY)
        os.dup2(descriptor, stream.fileno())
        os.close(descriptor)
