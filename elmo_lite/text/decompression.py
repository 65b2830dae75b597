"""Decompression of files (.gz, .bz2, .xz, .zst) while they are read, and hashes of their stored bytes.

The content decides whether a file is compressed, not its name. Memory is bounded: a small file that expands to a large
one is expanded piece by piece.
"""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import lzma
import re
import zlib
from collections.abc import Callable
from typing import IO, Any, cast

COMPRESSED_SUFFIXES = (".gz", ".bz2", ".xz", ".zst")
READ_ERRORS = (OSError, EOFError, lzma.LZMAError, zlib.error)
"""Errors raised by reading a damaged file."""

_MAGIC = {
    "gzip": re.compile(rb"\x1f\x8b\x08"),
    "bzip2": re.compile(rb"BZh[1-9](1AY&SY|\x17rE8P\x90)"),
    "xz": re.compile(rb"\xfd7zXZ\0"),
    "zstd": re.compile(rb"(\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18)"),  # a frame, or a skippable frame
}
_MAGIC_LENGTH = 10
_XZ_MEMORY = 512 << 20
"""Maximum memory of an xz decoder in bytes; ``xz -9`` needs 65 MiB."""
_SLICE = 512
"""Compressed bytes that are expanded at a time: at most 16 MiB, as four bytes of zstd are at most 128 KiB."""


class HashingReader(io.RawIOBase):
    """Reader of a file that hashes the stored bytes (``digest``) and reports how many were read."""

    def __init__(self, raw: IO[bytes], on_read: Callable[[int], None] = lambda _: None) -> None:
        """Read from ``raw`` and call ``on_read`` with the number of bytes of each read."""
        self.raw = raw
        self.on_read = on_read
        self.digest = hashlib.sha256()

    def readable(self) -> bool:
        """True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer and return the number of bytes read, 0 at the end of the file."""
        data = self.raw.read(len(buffer))
        self.digest.update(data)
        self.on_read(len(data))
        buffer[: len(data)] = data
        return len(data)


class _FrameReader(io.RawIOBase):
    """Reader of concatenated frames. It bounds memory and detects truncated files, unlike the readers of libraries."""

    def __init__(self, raw: IO[bytes], new_frame: Callable[[], Any], error: type[Exception]) -> None:
        self.raw = raw
        self.error = error
        self.new_frame = new_frame
        self.frame: Any = None
        self.stored = memoryview(b"")
        self.ready = memoryview(b"")

    def readable(self) -> bool:
        """True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer and return the number of bytes read, 0 at the end of the file."""
        while not self.ready and (data := self._next_input()):
            try:
                self.ready = memoryview(self.frame.decompress(data))
            except self.error as error:
                raise OSError(str(error)) from None
        size = min(len(buffer), len(self.ready))
        buffer[:size] = self.ready[:size]
        self.ready = self.ready[size:]
        return size

    def _next_input(self) -> bytes:
        """The next compressed bytes of the open frame. If it has ended, open the next one."""
        if self.frame is not None and not self.frame.eof:
            data = self._next_slice()
            if not data:
                raise EOFError("the compressed file ended before the end of a frame")
            return data
        data = b"" if self.frame is None else self.frame.unused_data
        while not data.lstrip(b"\0"):  # zeros may follow a frame of xz
            data = self._next_slice()
            if not data:
                return b""
        self.frame = self.new_frame()
        return bytes(data.lstrip(b"\0"))

    def _next_slice(self) -> bytes:
        self.stored = self.stored or memoryview(self.raw.read(1 << 16))
        data, self.stored = bytes(self.stored[:_SLICE]), self.stored[_SLICE:]
        return data


def decompressed(raw: IO[bytes] | io.RawIOBase) -> io.BufferedReader:
    """The content of a file, decompressed if its first bytes are those of a compressed file.

    Args:
        raw: The file as stored.
    """
    stored: Any = io.BufferedReader(cast(io.RawIOBase, raw), 1 << 16)
    start = stored.peek(_MAGIC_LENGTH)[:_MAGIC_LENGTH]
    found = next((name for name, magic in _MAGIC.items() if magic.match(start)), "")
    if found == "gzip":
        return io.BufferedReader(cast(io.RawIOBase, gzip.GzipFile(fileobj=stored, mode="rb")))
    if found == "bzip2":
        return io.BufferedReader(cast(io.RawIOBase, bz2.BZ2File(stored)))
    if found == "xz":
        frames = _FrameReader(stored, lambda: lzma.LZMADecompressor(memlimit=_XZ_MEMORY), lzma.LZMAError)
        return io.BufferedReader(frames)
    if found == "zstd":
        import zstandard

        make = zstandard.ZstdDecompressor(max_window_size=1 << 27).decompressobj
        return io.BufferedReader(_FrameReader(stored, make, zstandard.ZstdError))
    return cast(io.BufferedReader, stored)
