"""Locks of output directories: two commands never write to the same place at the same time."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, SoftFileLock, Timeout

from elmo_lite.errors import ConfigError, one_line
from elmo_lite.paths import short_name

__all__ = ["hold", "is_held"]

log = logging.getLogger("elmo_lite")

_RANKS = ("RANK", "LOCAL_RANK", "SLURM_PROCID")
"""Variables that number the processes of one distributed run, of which the first holds the lock."""


@contextmanager
def hold(out: str | os.PathLike[str]) -> Iterator[None]:
    """Exclude other processes and threads from an output directory.

    The lock is one of the operating system, which ends with the process, however it ends. Its file is a hidden one
    beside the directory, so that the directory may be absent, empty or replaced; it is removed at the end. Where there
    are no locks, as on some network file systems, a warning says so.

    Args:
        out: The directory, which need not exist. Its parents are made.

    Raises:
        ConfigError: Another process uses it.
    """
    lock = None if any(os.environ.get(name, "0") != "0" for name in _RANKS) else _acquire(Path(out))
    try:
        yield
    finally:
        if lock is not None:
            with suppress(OSError):  # while it is held, so that whoever waits for it finds that it is gone
                os.unlink(lock.lock_file)
            lock.release()


def is_held(out: str | os.PathLike[str]) -> bool:
    """Whether a process holds an output directory, as far as that can be known. Nothing is written."""
    path = _lock_path(Path(out))
    if not path.is_file():
        return False
    lock = FileLock(path, timeout=0)
    try:
        with lock:
            return False
    except Timeout:
        return True
    except (OSError, NotImplementedError):
        return False


def _lock_path(out: Path) -> Path:
    """The file of the lock of a directory."""
    place = Path(os.path.realpath(out))
    return place.with_name(f".{short_name(place)}.lock")


def _acquire(out: Path) -> FileLock | None:
    """The lock of a directory; None where there are no locks."""
    path = _lock_path(out)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path, timeout=0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what filelock says where it falls back to files without a lock
            lock.acquire()
    except Timeout:
        raise ConfigError(f"{out}: expected an output directory for itself, another process is using it") from None
    except (OSError, NotImplementedError) as error:
        with suppress(OSError):
            path.unlink()
        log.warning("%s: is not locked against other processes (%s): use it in one at a time", out, one_line(error))
        return None
    if isinstance(lock, SoftFileLock):  # a file that would stay after a kill
        lock.release()
        log.warning("%s: is not locked against other processes (no locks there): use it in one at a time", out)
        return None
    return lock
