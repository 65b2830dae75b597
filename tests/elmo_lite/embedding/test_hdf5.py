"""HDF5 files are whole, or an error of the operating system: the library alone ends the process on a full disk."""

import errno
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from elmo_lite.embedding.hdf5 import SafeFile, new_hdf5

VALUES = [np.random.default_rng(n).random((50, 7)) for n in range(30)]


def write(path: Path) -> None:
    with new_hdf5(path) as file:
        for number, values in enumerate(VALUES):
            file.create_dataset(f"group{number % 3}/{number}", data=values)
        words = file.create_dataset("words", (len(VALUES),), dtype=h5py.string_dtype("utf-8"))
        words[:] = [f"été {number}" for number in range(len(VALUES))]


def test_the_file_is_the_librarys(tmp_path: Path) -> None:
    write(tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5") as file:
        for number, values in enumerate(VALUES):
            assert np.array_equal(file[f"group{number % 3}/{number}"][()], values)
        assert file["words"].asstr()[3] == "été 3"


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()], ids=repr)
def test_a_failure_at_each_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    calls = {"done": 0, "last": 10**9}

    class Full:
        """A file on a disk that is full from some write on."""

        def __init__(self, file: Any) -> None:
            self.file = file

        def write(self, data: Any) -> int:
            calls["done"] += 1
            if calls["done"] > calls["last"]:
                raise error
            return int(self.file.write(data))

        def __getattr__(self, name: str) -> Any:
            return getattr(self.file, name)

    begin = SafeFile.__init__

    def start(self: SafeFile, path: Path) -> None:
        begin(self, path)
        self.file = Full(self.file)  # type: ignore[assignment]

    monkeypatch.setattr(SafeFile, "__init__", start)
    write(tmp_path / "a.h5")
    total = calls["done"]
    assert total > 30
    for last in range(total):
        calls.update(done=0, last=last)
        with pytest.raises(type(error)) as caught:
            write(tmp_path / "b.h5")
        assert caught.value is error
        assert calls["done"] == last + 1, "no second attempt"


def test_what_was_not_written_is_read_back(tmp_path: Path) -> None:
    safe = SafeFile(tmp_path / "a")
    safe.write(b"0123456789")
    safe.error = OSError(errno.ENOSPC, "full")
    safe.seek(5)
    safe.write(b"abcdefgh")
    safe.seek(8)
    safe.write(b"Z")
    safe.seek(20)
    safe.write(b"end")
    safe.seek(0)
    assert safe.read(100) == b"01234abcZefgh\0\0\0\0\0\0\0end" and safe.tell() == 23
    assert safe.seek(-3, 2) == 20 and safe.seek(1, 1) == 21
    safe.close()
    assert (tmp_path / "a").read_bytes() == b"0123456789"
    with pytest.raises(OSError, match="full"):
        safe.check()


def test_a_size_that_cannot_be_set(tmp_path: Path) -> None:
    """The library, which would fail on the error, is told that it was."""
    safe = SafeFile(tmp_path / "a")
    safe.write(b"0123")
    safe.file.close()
    assert safe.truncate(2) == 2 and safe.seek(0, 2) == 2
    with pytest.raises(ValueError, match="closed file"):
        safe.check()
