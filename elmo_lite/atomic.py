"""Writing files and directories whole or not at all, whatever interrupts or kills the process.

Everything is written beside its target under a hidden temporary name, and renamed when it is complete: an error, an
interrupt or a full disk leaves what was there before. What a killed process has left, ``remove_leftovers`` puts right.
"""

from __future__ import annotations

import errno
import hashlib
import os
import platform
import re
import secrets
import shutil
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from elmo_lite.paths import short_name

_FULL = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT, errno.EIO)
"""Errors of writing that may have no file name."""
_ATTEMPTS = 10
"""Renames of a directory, where other processes put theirs at the same place."""
_HOST = hashlib.sha256(platform.node().encode()).hexdigest()[:8]
_own_names: set[str] = set()
"""Hidden names that this process has made."""


def _beside(target: Path, suffix: str) -> Path:
    """An unused hidden name in the folder of ``target``; it says which process of which machine uses it."""
    name = f".{short_name(target)}.{_HOST}-{os.getpid()}.{secrets.token_hex(4)}{suffix}"
    _own_names.add(name)
    return target.with_name(name)


def remove_leftovers(target: Path) -> None:
    """Remove what killed processes of this machine have left beside ``target``, and put back what they moved away."""
    pattern = re.compile(rf"\.{re.escape(short_name(target))}\.{_HOST}-(\d+)\.[0-9a-f]{{8}}(\.tmp|\.old|\.parts)")
    with suppress(OSError):
        for path in list(target.parent.iterdir()):
            match = pattern.fullmatch(path.name)
            if match is None or _is_in_use(path.name, int(match[1])):
                continue
            if match[2] == ".old" and not os.path.lexists(target):
                path.rename(target)
                continue
            if match[2] == ".parts" and not os.path.lexists(target) and not path.is_symlink():
                _put_back(path, target.parent, target.name)
            _remove(path)


def _is_in_use(name: str, process: int) -> bool:
    """Whether the process of this machine that made a hidden name exists, as far as that can be known."""
    if process == os.getpid():  # or an earlier one with its number, as in containers
        return name in _own_names
    if sys.platform == "win32":  # os.kill would end it
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


@contextmanager
def replace_file(target: str | os.PathLike[str]) -> Iterator[Path]:
    """A path to write a file to; at the end of the block the file takes the place of ``target``.

    Args:
        target: The file; its folder exists.

    Yields:
        A hidden path beside ``target``, an empty file with the permissions of any new file. It is removed where the
        block raises an error.

    Raises:
        OSError: Nothing can be written there.
    """
    target = Path(target)
    remove_leftovers(target)
    scratch = _beside(target, ".tmp")
    scratch.touch(exist_ok=False)
    permissions = scratch.stat().st_mode
    try:
        with _named_after(target, scratch):
            yield scratch
        scratch.chmod(permissions)  # some libraries write a file of their own there, readable by its owner alone
        os.replace(scratch, target)
    finally:
        scratch.unlink(missing_ok=True)


@contextmanager
def scratch_directory(target: Path) -> Iterator[Path]:
    """A new directory beside ``target`` to write into; it is removed at the end, unless it was renamed.

    Args:
        target: Where the content will be put, by ``put_in_place``; its parents are made.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    remove_leftovers(target)
    scratch = _beside(target, ".tmp")
    scratch.mkdir()
    try:
        with _named_after(target, scratch):
            yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


@contextmanager
def _named_after(target: Path, scratch: Path) -> Iterator[None]:
    """Let errors of the operating system name the file that is to be written, not its hidden name or none."""
    try:
        yield
    except OSError as error:
        name = os.fspath(scratch) if error.filename is None and error.errno in _FULL else error.filename
        if isinstance(name, str) and name.startswith(os.fspath(scratch)):
            error.filename = os.fspath(target) + name.removeprefix(os.fspath(scratch))
        raise


def put_in_place(scratch: Path, target: Path) -> None:
    """Rename a directory to ``target``; what lies there makes way, and is removed only once the new one is there.

    Programs that have files of the old one open go on reading them. After an error or an interrupt the old one is back.

    Raises:
        OSError: The directory cannot be renamed, or other processes kept putting theirs there.
    """
    old = _beside(target, ".old")
    for attempt in range(_ATTEMPTS):
        try:
            with suppress(FileNotFoundError):  # nothing there
                target.rename(old)
            scratch.rename(target)
            break
        except BaseException as error:
            if os.path.lexists(old) and not os.path.lexists(target):
                old.rename(target)
            if attempt == _ATTEMPTS - 1 or not isinstance(error, OSError) or not os.path.lexists(target):
                raise
        finally:
            if os.path.lexists(target):
                _remove(old)


def put_files_in_place(scratch: Path, target: Path, index: str, owned: Iterable[str]) -> None:
    """Move the entries of a directory into another, where foreign files may lie.

    After an error or an interrupt the old entries are back; after a kill, ``remove_leftovers(target / index)`` does it.

    Args:
        scratch: The directory to empty.
        target: The directory to fill; made if need be.
        index: Name of the file that makes the directory a complete one: it makes way first and comes last.
        owned: Names of all entries that may have been put there before, and are removed.
    """
    target.mkdir(exist_ok=True)
    remove_leftovers(target / index)
    new = sorted((path.name for path in scratch.iterdir()), key=lambda name: name == index)
    old = _beside(target / index, ".parts")
    old.mkdir()
    try:
        for name in dict.fromkeys((index, *owned, *new)):
            with suppress(FileNotFoundError):  # nothing there
                (target / name).replace(old / name)
        for name in new:
            (scratch / name).replace(target / name)
    except BaseException:
        if not os.path.lexists(target / index):
            for name in new:
                if not os.path.lexists(scratch / name):  # it is in the target already
                    _remove(target / name)
            _put_back(old, target, index)
        _remove(old)
        raise
    _remove(old)


def _put_back(old: Path, target: Path, index: str) -> None:
    """Move the entries of a directory to where they were, the index last; a kill in between can be repeated."""
    for path in sorted(old.iterdir(), key=lambda path: path.name == index):
        _remove(target / path.name)
        path.replace(target / path.name)


def _remove(path: Path) -> None:
    """Remove a file, a link or a whole directory, where there is one."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
