"""Files and directories that are written whole or not at all (see ``atomic``), and checked before they are used."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from elmo_lite.atomic import put_files_in_place, put_in_place, remove_leftovers, replace_file, scratch_directory
from elmo_lite.errors import CheckpointError, ElmoLiteError

__all__ = [
    "STANDARD_INPUT",
    "STANDARD_STREAM",
    "check_file",
    "describe_file",
    "put_files_in_place",
    "put_in_place",
    "remove_leftovers",
    "replace_file",
    "scratch_directory",
    "write_text",
]

STANDARD_STREAM = "-"
"""The path that stands for standard input or standard output."""
STANDARD_INPUT = "standard input"
"""What messages call it."""


def write_text(target: str | os.PathLike[str], text: str) -> None:
    """Write a UTF-8 file, whole or not at all.

    Raises:
        OSError: Nothing can be written there.
        UnicodeEncodeError: The text holds a lone surrogate; nothing is written.
    """
    with replace_file(target) as scratch:
        scratch.write_bytes(text.encode("utf-8"))


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
