"""What an encoder computes, as one hash: the key of cached layers and the name of an encoder that lies elsewhere."""

from __future__ import annotations

import dataclasses
import hashlib
import json

import torch

from elmo_lite import Elmo


def encoder_hash(elmo: Elmo) -> str:
    """SHA-256 of an encoder's settings and weights.

    Taken from the model in memory rather than from its files: it names a fine-tuned or half-precision encoder as well,
    and does not change when a model is moved, fetched from the hub or saved again.

    Args:
        elmo: on any device. Weights are compared as float32 numbers, so that a model stored in half precision and
            loaded in float32 has one name.

    Returns:
        64 hexadecimal digits.
    """
    digest = hashlib.sha256(json.dumps(dataclasses.asdict(elmo.bilm.config), sort_keys=True).encode())
    for name, tensor in sorted(elmo.bilm.state_dict().items()):
        digest.update(f"\n{name} {list(tensor.shape)}\n".encode())
        numbers = tensor.detach().to("cpu", torch.float32 if tensor.is_floating_point() else torch.int64)
        digest.update(memoryview(numbers.contiguous().flatten().numpy()).cast("B"))
    return digest.hexdigest()
