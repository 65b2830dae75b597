"""Decompression of text files (.gz, .xz, .zst) while they are read, and hashes of their stored bytes."""

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
"""Errors raised by reading a damaged file."""


class HashingReader(io.RawIOBase):
    """Reader of a file that hashes the stored bytes (``digest``) and reports how many were read."""

    def __init__(self, raw: IO[bytes], on_read: Callable[[int], None]) -> None:
        """Read from ``raw`` and call ``on_read`` with the number of bytes of each read."""
        self.raw = raw
        self.on_read = on_read
        self.digest = hashlib.sha256()

    def readable(self) -> bool:
        """True."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Read at most ``size`` bytes. Returns no bytes at the end of the file."""
        data = self.raw.read(size)
        self.digest.update(data)
        self.on_read(len(data))
        return data

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer and return the number of bytes read."""
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


class _ZstdReader:
    """Reader of Zstandard frames that detects truncated files, unlike ``stream_reader`` of the library."""

    def __init__(self, raw: HashingReader) -> None:
        import zstandard

        self.raw = raw
        self.error = zstandard.ZstdError
        self.new_frame = zstandard.ZstdDecompressor().decompressobj
        self.frame: Any = None
        self.ready = bytearray()

    def read(self, size: int) -> bytes:
        """Read at most ``size`` bytes. Returns no bytes at the end of the file."""
        while len(self.ready) < size and (data := self._next_input()):
            try:
                self.ready += self.frame.decompress(data)
            except self.error as error:
                raise OSError(str(error)) from None
        data, self.ready = bytes(self.ready[:size]), self.ready[size:]
        return data

    def _next_input(self) -> bytes:
        """Read compressed bytes of the open frame. If it has ended, open the next one."""
        at_end = self.frame is None or self.frame.eof
        data = (at_end and self.frame and self.frame.unused_data) or self.raw.read(1 << 16)
        if data and at_end:
            self.frame = self.new_frame()
        if not data and not at_end:
            raise EOFError("the compressed file ended before the end of a frame")
        return bytes(data)


def decompressed(raw: HashingReader, suffix: str) -> IO[bytes]:
    """The decompressed content of a file.

    Args:
        raw: The file as stored.
        suffix: Suffix of its name. A file is compressed if this is one of ``COMPRESSED_SUFFIXES``.
    """
    if suffix == ".gz":
        return cast(IO[bytes], gzip.GzipFile(fileobj=raw, mode="rb"))
    if suffix == ".xz":
        return lzma.LZMAFile(cast(IO[bytes], raw))
    return cast(IO[bytes], _ZstdReader(raw) if suffix == ".zst" else raw)
