"""Writing of HDF5 files, safe on a full disk."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import h5py


class SafeFile:
    """A file for the HDF5 library, which never sees an error of the operating system.

    The library cannot close a file that it failed to write: it fails again, and ends the process. So the first error is
    kept for ``check``, and what can no longer be written is held in memory until the file is closed.
    """

    def __init__(self, path: Path) -> None:
        """Create the file, or empty it."""
        self.file = path.open("w+b", buffering=0)
        self.error: BaseException | None = None
        self.unwritten: list[tuple[int, bytes]] = []
        self.position = self.size = 0

    def check(self) -> None:
        """Raise the first error, if there was one."""
        if self.error is not None:
            raise self.error

    def write(self, data: Any) -> int:
        """Write at the position."""
        view = memoryview(data).cast("B")
        start, done = self.position, 0
        try:
            self.file.seek(start)
            while self.error is None and done < len(view):
                done += self.file.write(view[done:]) or 0
        except BaseException as error:  # an interrupt as well
            self.error = error
        if done < len(view):
            self.unwritten.append((start + done, bytes(view[done:])))
        self.position += len(view)
        self.size = max(self.size, self.position)
        return len(view)

    def readinto(self, buffer: Any) -> int:
        """Read from the position; holes are zeros."""
        view = memoryview(buffer).cast("B")
        start, stop = self.position, self.position + len(view)
        content = bytearray(len(view))
        self.file.seek(start)
        found = self.file.read(len(view)) or b""
        content[: len(found)] = found
        for place, data in self.unwritten:
            first, last = max(place, start), min(place + len(data), stop)
            if first < last:
                content[first - start : last - start] = data[first - place : last - place]
        view[:] = content
        self.position = stop
        return len(view)

    def read(self, size: int) -> bytes:
        """Read up to ``size`` bytes from the position."""
        content = bytearray(max(0, min(size, self.size - self.position)))
        self.readinto(content)
        return bytes(content)

    def seek(self, offset: int, whence: int = 0) -> int:
        """Move to a position from the beginning (0), from here (1) or from the end (2)."""
        self.position = offset + (0, self.position, self.size)[whence]
        return self.position

    def tell(self) -> int:
        """The position."""
        return self.position

    def truncate(self, size: int | None = None) -> int:
        """Set the size. Defaults to the position."""
        self.size = self.position if size is None else size
        try:
            self.file.truncate(self.size)
        except BaseException as error:
            self.error = self.error or error
        return self.size

    def flush(self) -> None:
        """Do nothing, as nothing is buffered."""

    def close(self) -> None:
        """Close the file."""
        self.file.close()


@contextmanager
def new_hdf5(path: Path, **options: Any) -> Iterator[h5py.File]:
    """A new HDF5 file to write to; it is closed at the end.

    Args:
        path: The file, which is replaced.
        **options: Further arguments of ``h5py.File``.

    Raises:
        OSError: The file cannot be written, as on a full disk; raised at the end of the block at the latest.
    """
    import h5py

    safe = SafeFile(path)
    try:
        with h5py.File(safe, "w", **options) as file:
            yield file
        safe.check()
    finally:
        safe.close()
