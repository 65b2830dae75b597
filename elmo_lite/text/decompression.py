"""Compressed text files (.gz, .xz, .zst), decompressed as they are read and hashed as they are stored."""

from __future__ import annotations

import gzip
import hashlib
import io
import lzma
import zlib
from collections.abc import Callable
from typing import IO, Any, cast

COMPRESSED_SUFFIXES = (".gz", ".xz", ".zst")
READ_ERRORS = (OSError, EOFError, lzma.LZMAError, zlib.error)
"""What reading a damaged file raises."""


class HashingReader(io.RawIOBase):
    """A file as it is stored, hashed on the way (``digest``); reports how much of it was read."""

    def __init__(self, raw: IO[bytes], on_read: Callable[[int], None]) -> None:
        """Read from ``raw``; ``on_read`` gets the number of bytes of each read."""
        self.raw = raw
        self.on_read = on_read
        self.digest = hashlib.sha256()

    def readable(self) -> bool:
        """Always."""
        return True

    def read(self, size: int = -1) -> bytes:
        """At most ``size`` bytes; none at the end."""
        data = self.raw.read(size)
        self.digest.update(data)
        self.on_read(len(data))
        return data

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer; returns the number of bytes."""
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


class _ZstdReader:
    """Zstandard frames, read to their very end: the library's ``stream_reader`` takes a truncated file as complete."""

    def __init__(self, raw: HashingReader) -> None:
        import zstandard

        self.raw = raw
        self.error = zstandard.ZstdError
        self.new_frame = zstandard.ZstdDecompressor().decompressobj
        self.frame: Any = None
        self.ready = bytearray()

    def read(self, size: int) -> bytes:
        """At most ``size`` bytes; none at the end."""
        while len(self.ready) < size and (data := self._next_input()):
            try:
                self.ready += self.frame.decompress(data)
            except self.error as error:
                raise OSError(str(error)) from None
        data, self.ready = bytes(self.ready[:size]), self.ready[size:]
        return data

    def _next_input(self) -> bytes:
        """Compressed bytes for the frame that is open, or for the next, which it opens."""
        at_end = self.frame is None or self.frame.eof
        data = (at_end and self.frame and self.frame.unused_data) or self.raw.read(1 << 16)
        if data and at_end:
            self.frame = self.new_frame()
        if not data and not at_end:
            raise EOFError("the compressed file ended before its end mark")
        return bytes(data)


def decompressed(raw: HashingReader, suffix: str) -> IO[bytes]:
    """The content of a file.

    Args:
        raw: The file as it is stored.
        suffix: How its name ends: one of ``COMPRESSED_SUFFIXES``; anything else is not compressed.
    """
    if suffix == ".gz":
        return cast(IO[bytes], gzip.GzipFile(fileobj=raw, mode="rb"))
    if suffix == ".xz":
        return lzma.LZMAFile(cast(IO[bytes], raw))
    return cast(IO[bytes], _ZstdReader(raw) if suffix == ".zst" else raw)
