"""The file of a training state: it holds its own SHA-256, and is read without running code that it may contain.

The file is that of ``torch.save``, a ZIP archive. The SHA-256 of all bytes before it is the comment at its end: one
file, so that state and checksum are never of two different saves.
"""

from __future__ import annotations

import hashlib
import logging
import os
import pickle
import zipfile
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning.plugins import CheckpointIO

from elmo_lite.errors import CheckpointError, one_line

log = logging.getLogger("elmo_lite")

STATE_FILE = Path("checkpoints") / "last.ckpt"
EXPECTED = "expected a training state of elmo_lite, found"
_TAG = b"sha256:"
_LENGTH = len(_TAG) + 64
_END = b"PK\x05\x06"
"""Signature of the last record of a ZIP archive, which has 22 bytes, the last two for the length of a comment."""


class StateFile(CheckpointIO):
    """Lightning's access to the state: it gets the one that was read and checked, and never opens a file itself."""

    def __init__(self, state: dict[str, Any] | None) -> None:
        """Resume from a state, if there is one."""
        self._state = state

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None) -> None:
        """Write a state with its SHA-256."""
        torch.save(checkpoint, path)
        seal(Path(path))

    def load_checkpoint(self, path: str | Path, *_: Any, **__: Any) -> dict[str, Any]:
        """The state to resume from; arguments of Lightning about loading do not matter."""
        if self._state is None:
            raise CheckpointError(f"{path}: {EXPECTED} one that this run has not saved")
        state, self._state = self._state, None  # not kept in memory
        return state

    def remove_checkpoint(self, path: str | Path) -> None:
        """Remove a state."""
        Path(path).unlink(missing_ok=True)


def seal(path: Path) -> None:
    """Append the SHA-256 of a ZIP archive to it, as its comment."""
    with path.open("r+b") as file:
        file.seek(-2, os.SEEK_END)
        file.write(_LENGTH.to_bytes(2, "little"))
        file.seek(0)
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        file.seek(0, os.SEEK_END)
        file.write(_TAG + digest.encode())


def read_state(path: Path) -> dict[str, Any] | None:
    """Read a training state to the CPU; None if there is none.

    Raises:
        CheckpointError: The file is damaged, or holds anything but numbers, texts and dense tensors.
    """
    try:
        _check_seal(path)
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
        if any(entry.compress_type for entry in entries) or sum(e.file_size for e in entries) > path.stat().st_size:
            raise CheckpointError(f"{path}: {EXPECTED} a compressed archive")
        state = torch.load(path, map_location="cpu", weights_only=True)
        wrong = None if isinstance(state, dict) else type(state).__name__
        wrong = wrong or _not_dense(state)
    except FileNotFoundError:
        return None
    except CheckpointError:
        raise
    except pickle.UnpicklingError:
        raise CheckpointError(f"{path}: {EXPECTED} objects that only code could load, which is not run") from None
    except Exception as error:  # torch and zipfile have no common base of their errors
        raise CheckpointError(f"{path}: {EXPECTED} a file that cannot be read ({one_line(error)[:200]})") from None
    if wrong is not None:
        raise CheckpointError(f"{path}: {EXPECTED} {wrong}")
    return dict(state)


def _check_seal(path: Path) -> None:
    """Compare the SHA-256 at the end of a state; states of older versions have none."""
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(0, size - _LENGTH))
        end = file.read()
        if end[-22:-18] == _END and end[-2:] == b"\0\0":
            log.warning("%s: was saved by an older version, without a checksum, so damage would not be noticed", path)
            return
        digest = hashlib.sha256()
        file.seek(0)
        left = size - _LENGTH
        while left > 0 and (block := file.read(min(left, 1 << 20))):
            digest.update(block)
            left -= len(block)
    expected = end.removeprefix(_TAG).decode("ascii", "replace")
    if not end.startswith(_TAG) or digest.hexdigest() != expected:
        found = digest.hexdigest() if end.startswith(_TAG) else "no checksum"
        shown = expected if end.startswith(_TAG) and expected.isalnum() else "at its end"
        raise CheckpointError(f"{path}: expected SHA-256 {shown}, found {found}: the file is damaged")


def _not_dense(value: Any) -> str | None:
    """What a nested value holds beside numbers, texts and dense tensors; None if nothing.

    A tensor that is larger than its memory, or sparse, could take any amount of memory once it is used.
    """
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            waiting += [*item, *item.values()]
        elif isinstance(item, list | tuple | set):
            waiting += item
        elif isinstance(item, torch.Tensor):
            if item.layout != torch.strided or item.is_quantized or item.device.type != "cpu":
                return f"a tensor that is not dense ({item.layout}, {item.device})"
            if item.numel() * item.element_size() > item.untyped_storage().nbytes():
                return f"a tensor of shape {list(item.shape)} in {item.untyped_storage().nbytes()} bytes"
        elif item is not None and not isinstance(item, bool | int | float | str | bytes | torch.dtype):
            return f"a {type(item).__name__}"
    return None
