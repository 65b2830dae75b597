"""The hash of an encoder: its identity in caches and indexes, and outside a task model."""

from __future__ import annotations

import dataclasses
import hashlib
import json

import torch

from elmo_lite.nn.bilm import BiLM


def encoder_hash(bilm: BiLM) -> str:
    """SHA-256 of an encoder's settings and weights.

    The hash is computed from the model in memory, not from its files. So it identifies a fine-tuned or half-precision
    encoder as well, and does not change when a model is moved, downloaded from the hub or saved again.

    Args:
        bilm: Encoder on any device. Weights are converted to float32, so that a model stored in half precision has
            the same hash when it is loaded in float32.

    Returns:
        64 hexadecimal digits.
    """
    digest = hashlib.sha256(json.dumps(dataclasses.asdict(bilm.config), sort_keys=True).encode())
    for name, tensor in sorted(bilm.state_dict().items()):
        digest.update(f"\n{name} {list(tensor.shape)}\n".encode())
        numbers = tensor.detach().to("cpu", torch.float32 if tensor.is_floating_point() else torch.int64)
        digest.update(memoryview(numbers.contiguous().flatten().numpy()).cast("B"))
    return digest.hexdigest()
