"""The directory of any saved model: written whole or not at all, its files checked before they are used.

Settings in JSON name every other file with its size and SHA-256. Encoders and task models are saved this way.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from elmo_lite.errors import CheckpointError


@contextmanager
def scratch_directory(target: Path) -> Iterator[Path]:
    """A directory beside ``target`` to write into; it is removed at the end, unless it was renamed.

    Args:
        target: where the content shall lie in the end; its parent is made if need be.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".tmp", dir=target.parent))
    try:
        scratch.chmod(0o777 & ~_umask())  # mkdtemp allows the owner alone
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def put_in_place(scratch: Path, target: Path) -> None:
    """Rename a directory; one that lies there makes way first, and is gone only when the new one is there."""
    if not target.exists():
        scratch.rename(target)
        return
    old = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".old", dir=target.parent))
    target.rename(old / target.name)
    try:
        scratch.rename(target)
    except OSError:
        (old / target.name).rename(target)
        raise
    finally:
        shutil.rmtree(old, ignore_errors=True)


def allow_as_usual(path: Path) -> None:
    """Give a file that was written for its owner alone the permissions that the umask leaves to any new file."""
    path.chmod(0o666 & ~_umask())


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def describe_file(path: Path) -> dict[str, Any]:
    """Size in bytes and SHA-256 in hexadecimal digits, as settings keep them."""
    with path.open("rb") as file:
        return {"size": path.stat().st_size, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}


def check_file(path: Path, facts: Mapping[str, Any], *, with_hash: bool = True) -> None:
    """Compare a file with what ``describe_file`` said of it.

    Args:
        path: the file.
        facts: its "size" and "sha256".
        with_hash: compare the hash as well, which reads the whole file.

    Raises:
        CheckpointError: it is missing or another.
    """
    if not path.is_file():
        raise CheckpointError(f"{path}: expected a file of {facts.get('size')} bytes, found none")
    if (size := path.stat().st_size) != facts.get("size"):
        raise CheckpointError(f"{path}: expected {facts.get('size')} bytes, found {size}")
    if with_hash and (found := describe_file(path)["sha256"]) != facts.get("sha256"):
        raise CheckpointError(f"{path}: expected SHA-256 {facts.get('sha256')}, found {found}")


def write_settings(path: Path, settings: Mapping[str, Any], what: str = "settings") -> None:
    """Write JSON.

    Args:
        path: the file.
        settings: of JSON types; numbers that are not finite are none.
        what: names the settings in the error.

    Raises:
        CheckpointError: something that JSON cannot hold.
    """
    try:
        text = json.dumps(settings, indent=2, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise CheckpointError(f"{what}: expected JSON types, found {one_line(error)}") from None
    path.write_text(text + "\n", encoding="utf-8", newline="\n")


def read_settings(path: Path) -> Any:
    """Read JSON.

    Raises:
        CheckpointError: it cannot be read, or is no JSON.
        FileNotFoundError, NotADirectoryError: there is no such file.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path}: expected JSON, found {one_line(error)}") from None


def one_line(error: Exception) -> str:
    """An error's message without line breaks."""
    return " ".join(str(error).split())
