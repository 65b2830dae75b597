"""The encoders of a task model: a biLM of this library, or a frozen transformer."""

from __future__ import annotations

from pathlib import Path

from elmo_lite import Elmo
from elmo_lite.saved_model import encoder_hash
from tasks.inputs.transformer_encoder import Pieces, TransformerEncoder
from tasks.inputs.transformer_files import PREFIX

Encoder = Elmo | TransformerEncoder


def is_transformer(name: str) -> bool:
    """Whether a name is that of a transformer, ``hf:`` and a directory or hub name."""
    return name.startswith(PREFIX)


def load_encoder(name: str, *, requires_grad: bool = False, pieces: Pieces = "mean") -> Encoder:
    """Load an encoder in float32 on the CPU.

    Args:
        name: Directory, packaged name or hub name of a biLM; ``hf:`` and the directory or hub name of a transformer.
        requires_grad: Train it together with the task model. Ignored for a transformer, which is always frozen.
        pieces: Vector of a word of several pieces; only a transformer has them.

    Raises:
        CheckpointError: The encoder does not exist or is damaged.
    """
    if is_transformer(name):
        return TransformerEncoder.from_pretrained(name, pieces=pieces)
    return Elmo.from_pretrained(name, requires_grad=requires_grad)


def hash_of(encoder: Encoder) -> str:
    """The identity of an encoder in caches, and outside a task model."""
    return encoder.hash if isinstance(encoder, TransformerEncoder) else encoder_hash(encoder.bilm)


def short_name(name: str) -> str:
    """The name of an encoder without folders, which are specific to a machine."""
    return f"{PREFIX}{Path(name.removeprefix(PREFIX)).name}" if is_transformer(name) else Path(name).name
