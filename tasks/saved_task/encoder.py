"""The encoder of a saved task model: a copy in its directory, or the path and hash of another one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from elmo_lite import CheckpointError, Elmo
from elmo_lite.paths import expanded
from tasks.inputs.encoder_hash import encoder_hash

CONFIG = "config.json"
ENCODER = "encoder"


def write_encoder(scratch: Path, encoder: Elmo, path: str, keep: bool) -> dict[str, Any]:
    """Write a copy of the encoder if it is kept, and return the entry "encoder" of the settings."""
    trained = any(parameter.requires_grad for parameter in encoder.bilm.parameters())
    inside = keep or trained or not path
    if inside:
        encoder.save_pretrained(scratch / ENCODER)
    facts = {"inside": True} if inside else _outside(encoder, path)
    return {**facts, "dtype": str(encoder.dtype).removeprefix("torch.")}


def _outside(encoder: Elmo, path: str) -> dict[str, Any]:
    """Path and hash of an encoder. A directory is made absolute; a packaged name or hub name is unchanged."""
    place = expanded(path)
    return {"inside": False, "path": str(place.resolve()) if place.is_dir() else path, "hash": encoder_hash(encoder)}


def read_encoder(directory: Path, facts: Any, device: str, place: str | None) -> Elmo | None:
    """Load the copy of the encoder, or the encoder at the path if its hash is the same."""
    if facts is None:
        return None
    path = directory / CONFIG
    try:
        inside, dtype = facts["inside"], facts["dtype"]
        where, expected = (directory / ENCODER, "") if inside else (place or facts["path"], facts["hash"])
    except (KeyError, TypeError) as error:
        raise CheckpointError(f"{path}: encoder: expected inside, or path and hash, found {error!r}") from None
    try:
        elmo = Elmo.from_pretrained(where, device=device, dtype=dtype)
    except CheckpointError as error:
        raise CheckpointError(f"{path}: encoder: {error}") from None
    if not inside and (found := encoder_hash(elmo)) != expected:
        raise CheckpointError(f"{path}: encoder {where}: expected the model with hash {expected}, found {found}")
    return elmo
