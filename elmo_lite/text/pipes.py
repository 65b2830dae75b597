"""Inputs that can be read only once: standard input, pipes and devices. Their kind shows once reading has begun."""

from __future__ import annotations

import codecs
import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from elmo_lite.errors import CorpusError
from elmo_lite.files import STANDARD_INPUT, STANDARD_STREAM
from elmo_lite.text.decompression import READ_ERRORS, decompressed
from elmo_lite.text.kinds import NAME_OF, Kind, kind_of_content
from elmo_lite.text.lines import SAMPLE_SIZE, decode_lines, open_content, unreadable

_STREAMED: tuple[Kind, ...] = ("text", "jsonl", "json", "columns")
"""Kinds that need one look at each byte."""


@dataclass(frozen=True)
class Pipe:
    """Content that can be read only once."""

    name: str
    """What error messages call it."""
    kind: Kind
    content: IO[bytes]
    """The content from its first byte, decompressed if need be."""

    def lines(self) -> Iterator[tuple[int, str]]:
        """Its numbered lines; see ``lines.decoded_lines``."""
        return decode_lines(self.content, self.name)


class _Replayed(io.RawIOBase):
    """A stream whose beginning was read before, and comes again. To close it does not close the stream."""

    def __init__(self, start: bytes, rest: IO[bytes]) -> None:
        self.start, self.rest = memoryview(start), rest

    def readable(self) -> bool:
        """True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer and return the number of bytes read, 0 at the end."""
        data = self.start[: len(buffer)] or self.rest.read(len(buffer))
        self.start = self.start[len(data) :]
        buffer[: len(data)] = data
        return len(data)


def recognise(content: IO[bytes], name: str) -> Pipe:
    """Recognise the kind of content that can be read only once, by its first bytes.

    Args:
        content: The content, decompressed. Waits for ``SAMPLE_SIZE`` bytes or its end.
        name: Path of the pipe, whose suffix is a hint, or what else it is called.

    Raises:
        CorpusError: The content cannot be used, or only that of a file.
    """
    sample = content.read(SAMPLE_SIZE)
    kind = kind_of_content(sample.removeprefix(codecs.BOM_UTF8), name)
    if kind not in _STREAMED:
        raise CorpusError(f"{name}: expected a file, as {NAME_OF[kind]} is not read in one go, found a pipe or device")
    return Pipe(name, kind, io.BufferedReader(_Replayed(sample, content), SAMPLE_SIZE))


@contextmanager
def open_pipe(name: str | Path) -> Iterator[Pipe]:
    """Open a pipe, a device or, by the name "-", standard input.

    Raises:
        CorpusError: It cannot be read, or as for ``recognise``.
    """
    if str(name) != STANDARD_STREAM:
        with open_content(name) as content:
            yield recognise(content, str(name))
        return
    try:
        yield recognise(decompressed(_Replayed(b"", sys.stdin.buffer)), STANDARD_INPUT)
    except READ_ERRORS as error:
        raise unreadable(STANDARD_INPUT, error) from None
