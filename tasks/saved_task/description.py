"""One line that describes a task model, for ``repr``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from elmo_lite import Tokenization
from tasks.saved_task.directory import own_tensors
from tasks.saved_task.network import ENCODER_TENSORS
from tasks.saved_task.task_network import TaskNetwork

_MAX_CLASSES = 10


def describe(
    model: TaskNetwork, tokenization: Tokenization, device: torch.device, classes: dict[str, Sequence[str]], **head: Any
) -> str:
    """Classes, use of the encoder, word vectors, sizes of the head, number of parameters, tokenisation and device.

    Args:
        model: Network.
        tokenization: Tokenisation of strings.
        device: Device of the network.
        classes: The title of the classes, and their names. The first ten are shown.
        **head: Settings of the head.
    """
    inputs, encoder = model.representation.word_inputs, model.representation.config
    ((title, names),) = classes.items()
    shown = ", ".join([*map(repr, names[:_MAX_CLASSES]), *(["..."] if len(names) > _MAX_CLASSES else [])])
    settings: dict[str, Any] = {f"num_{title}": len(names)}
    if model.representation.elmo is not None:
        settings |= {"encoder": encoder.encoder, "layers": encoder.resolved_layers, "freeze": encoder.freeze}
    else:
        settings["encoder"] = None
    settings["num_word_vectors"] = 0 if inputs is None else len(inputs.words)
    settings |= {name: inputs is not None and getattr(inputs.config, name) for name in ("spelling", "chars")}
    own = own_tensors(model, ENCODER_TENSORS).values()
    settings |= {
        **head,
        "num_parameters": sum(tensor.numel() for tensor in own if tensor.is_floating_point()),
        "tokenization": str(tokenization),
        "device": str(device),
    }
    return f"{title}=[{shown}], " + ", ".join(f"{name}={value!r}" for name, value in settings.items())
