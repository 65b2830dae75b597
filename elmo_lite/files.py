"""Files and directories that are written whole or not at all, and checked before they are used.

Everything is written beside its target under a hidden temporary name, and renamed when it is complete: an error, an
interrupt or a full disk leaves what was there before.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import secrets
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from elmo_lite.errors import CheckpointError, ElmoLiteError, one_line
from elmo_lite.paths import short_name

__all__ = [
    "check_file",
    "describe_file",
    "put_files_in_place",
    "put_in_place",
    "read_json",
    "remove_leftovers",
    "replace_file",
    "scratch_directory",
    "write_json",
    "write_text",
]

_ATTEMPTS = 10
"""Renames of a directory, where other processes put theirs at the same place."""
_HOST = hashlib.sha256(platform.node().encode()).hexdigest()[:8]


def _beside(target: Path, suffix: str) -> Path:
    """An unused hidden name in the folder of ``target``; it says which process of which machine uses it."""
    return target.with_name(f".{short_name(target)}.{_HOST}-{os.getpid()}.{secrets.token_hex(4)}{suffix}")


def remove_leftovers(target: Path) -> None:
    """Remove what killed processes of this machine have left beside ``target``, and put back what they moved away."""
    pattern = re.compile(rf"\.{re.escape(short_name(target))}\.{_HOST}-(\d+)\.[0-9a-f]{{8}}(\.tmp|\.old)")
    with suppress(OSError):
        for path in list(target.parent.iterdir()):
            match = pattern.fullmatch(path.name)
            if match is None or _is_alive(int(match[1])):
                continue
            if match[2] == ".old" and not os.path.lexists(target):
                path.rename(target)
            else:
                _remove(path)


def _is_alive(process: int) -> bool:
    """Whether a process of this machine exists, as far as that can be known."""
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
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


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

    Args:
        scratch: The directory to empty.
        target: The directory to fill; made if need be.
        index: Name of the file that makes the directory a complete one: it is removed first and comes last.
        owned: Names of all entries that may have been put there before, and are removed.
    """
    target.mkdir(exist_ok=True)
    for name in (index, *owned):
        _remove(target / name)
    for path in sorted(scratch.iterdir(), key=lambda path: path.name == index):
        path.replace(target / path.name)


def _remove(path: Path) -> None:
    """Remove a file, a link or a whole directory, where there is one."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def write_text(target: str | os.PathLike[str], text: str) -> None:
    """Write a UTF-8 file, whole or not at all.

    Raises:
        OSError: Nothing can be written there.
        UnicodeEncodeError: The text holds a lone surrogate; nothing is written.
    """
    with replace_file(target) as scratch:
        scratch.write_bytes(text.encode("utf-8"))


def write_json(path: Path, content: Any, what: str = "settings", *, allow_nan: bool = False) -> None:
    """Write JSON, whole or not at all.

    Args:
        path: The file; its parents are made.
        content: Of JSON types.
        what: Names the content in the error.
        allow_nan: Accept numbers that are not finite, which other readers of JSON may refuse.

    Raises:
        CheckpointError: The content is not of JSON types.
        OSError: Nothing can be written there.
    """
    try:
        text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=allow_nan)
    except (TypeError, ValueError) as error:
        raise CheckpointError(f"{what}: expected JSON types, found {one_line(error)}") from None
    path.parent.mkdir(parents=True, exist_ok=True)
    # The name of a file that is not UTF-8 holds lone surrogates, whose escape is JSON.
    write_text(path, text.encode("utf-8", "backslashreplace").decode() + "\n")


def read_json(path: Path, error: type[ElmoLiteError] = CheckpointError) -> Any:
    """Read JSON.

    Args:
        path: The file.
        error: Class of the error where it cannot be read.

    Raises:
        ElmoLiteError: It cannot be read, or is not JSON.
        FileNotFoundError, NotADirectoryError: There is no such file.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise
    except (OSError, ValueError, RecursionError) as reason:
        raise error(f"{path}: expected JSON, found {one_line(reason)}") from None


def describe_file(path: Path) -> dict[str, Any]:
    """Size in bytes and SHA-256 in hexadecimal digits, as metadata keep them."""
    with path.open("rb") as file:
        return {"size": path.stat().st_size, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}


def check_file(
    path: Path,
    metadata: Mapping[str, Any],
    *,
    with_hash: bool = True,
    error: type[ElmoLiteError] = CheckpointError,
) -> None:
    """Compare a file with what ``describe_file`` returned for it.

    Args:
        path: The file.
        metadata: Its "size" and "sha256".
        with_hash: Compare the hash as well, which reads the whole file.
        error: Class of the error.

    Raises:
        ElmoLiteError: The file is missing or differs.
    """
    if not path.is_file():
        raise error(f"{path}: expected a file of {metadata.get('size')} bytes, found none")
    if (size := path.stat().st_size) != metadata.get("size"):
        raise error(f"{path}: expected {metadata.get('size')} bytes, found {size}")
    if with_hash and (found := describe_file(path)["sha256"]) != metadata.get("sha256"):
        raise error(f"{path}: expected SHA-256 {metadata.get('sha256')}, found {found}")
