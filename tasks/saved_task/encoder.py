"""The encoder of a saved task model: a copy in its directory, or the path and hash of another one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from elmo_lite import CheckpointError, ConfigError, Elmo
from elmo_lite.errors import require
from elmo_lite.fields import from_settings
from elmo_lite.paths import expanded
from tasks.inputs.encoders import Encoder, hash_of, is_transformer
from tasks.inputs.transformer_encoder import Pieces, TransformerEncoder
from tasks.inputs.transformer_files import PREFIX

CONFIG = "config.json"
ENCODER = "encoder"
LONGEST_PATH = 4096


@dataclass(frozen=True)
class _Facts:
    """The entry "encoder" of the settings."""

    inside: bool
    dtype: Literal["float32", "float16", "bfloat16"]
    path: str = ""
    hash: str = ""
    pieces: Pieces | None = None
    """Vector of a word of several pieces, for a transformer; None for a biLM."""

    def __post_init__(self) -> None:
        """Check that an encoder outside is named."""
        require(self.inside or bool(self.path and self.hash), "encoder", "inside, or path and hash", self.path)
        require(len(self.path) <= LONGEST_PATH, "encoder.path", f"at most {LONGEST_PATH} characters", self.path)


def write_encoder(scratch: Path, encoder: Encoder, path: str, keep: bool) -> dict[str, Any]:
    """Write a copy of the encoder if it is kept, and return the entry "encoder" of the settings."""
    trained = any(parameter.requires_grad for parameter in encoder.parameters())
    inside = keep or trained or not path
    if inside:
        encoder.save_pretrained(scratch / ENCODER)
    facts = {"inside": True} if inside else _outside(encoder, path)
    of_transformer = {}
    if isinstance(encoder, TransformerEncoder):
        of_transformer = {"pieces": encoder.pieces, "hash": encoder.hash}
    return {**facts, **of_transformer, "dtype": str(encoder.dtype).removeprefix("torch.")}


def _outside(encoder: Encoder, path: str) -> dict[str, Any]:
    """Path and hash of an encoder. A directory is made absolute; a packaged name or hub name is unchanged."""
    place, prefix = expanded(path.removeprefix(PREFIX)), PREFIX if is_transformer(path) else ""
    return {
        "inside": False,
        "path": f"{prefix}{place.resolve()}" if place.is_dir() else path,
        "hash": hash_of(encoder),
    }


def read_encoder(directory: Path, facts: Any, device: str, place: str | None) -> Encoder | None:
    """Load the copy of the encoder, or the encoder at the path if its hash is the same."""
    if facts is None:
        return None
    path = directory / CONFIG
    try:
        kept = from_settings(_Facts, facts, "encoder")
    except ConfigError as error:
        raise CheckpointError(f"{path}: {error}") from None
    where = directory / ENCODER if kept.inside else place or kept.path
    try:
        encoder: Encoder
        if kept.pieces is None:
            encoder = Elmo.from_pretrained(where, device=device, dtype=kept.dtype)
        else:
            encoder = TransformerEncoder.from_pretrained(where, device, kept.dtype, kept.pieces)
    except CheckpointError as error:
        raise CheckpointError(f"{path}: encoder: {error}") from None
    if kept.hash and (found := hash_of(encoder)) != kept.hash:
        raise CheckpointError(f"{path}: encoder {where}: expected the model with hash {kept.hash:.80}, found {found}")
    return encoder
