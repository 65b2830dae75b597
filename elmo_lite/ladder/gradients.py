"""How far back a recurrent layer learns: the norm of the gradient of the loss by distance in time."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from elmo_lite.corpus.batches import make_batch
from elmo_lite.ladder.whole_text import WholeText
from elmo_lite.pretraining.training_module import LanguageModel

DISTANCE = 40
"""Largest distance in words."""
WINDOWS = 256
"""Maximum number of windows of text."""
WARM_UP = 10
"""Number of words that are read before the first state whose gradient is taken."""
PARTS = ("hidden", "cell")
"""Parts of a state."""


def gradient_norms(
    module: LanguageModel, text: WholeText, distance: int = DISTANCE, windows: int = WINDOWS
) -> dict[str, list[float]]:
    """Mean norm of the gradient of the loss at step i with respect to the state at step i - l, for l in 0..distance.

    The steps i are the last ones of windows of the text, evenly spaced, which begin anywhere and run over sentence
    ends. The loss is the cross-entropy in nats of the full softmax. There is no dropout. The hidden state and the cell
    of an LSTM count as two inputs of the step after them, so that the cell has no gradient at distance 0.

    Args:
        module: A forward model of one recurrent layer, on the CPU.
        text: The text; a short one has fewer windows, or a smaller distance.
        distance: Largest distance.
        windows: Maximum number of windows.

    Returns:
        Norms by distance of the parts of the state: "hidden", and "cell" of an LSTM.
    """
    available = len(text.stream) - 1
    warm_up = min(WARM_UP, max(0, available - 1))
    distance = min(distance, available - 1 - warm_up)
    length = warm_up + distance + 1
    number = min(windows, available // length)
    starts = np.linspace(0, available - length, number).astype(np.int64)[:, None]
    ahead = starts + np.arange(length + 1)
    batch = make_batch(text.words, text.stream, ahead, ahead[:, ::-1])
    was_training = module.training
    module.eval()
    vectors = F.embedding(batch.forward_inputs, module.token_vectors(batch).detach())
    states = states_by_step(module, vectors)
    logits = F.linear(states[-1][0], module.head.weight, module.head.bias)
    loss = F.cross_entropy(logits, batch.forward_targets[:, -1], reduction="sum")  # rows do not depend on each other
    module.train(was_training)
    found = {}
    for part, name in zip(range(len(states[0])), PARTS, strict=False):
        chosen = [state[part] for state in states[::-1][: distance + 1]]
        gradients = torch.autograd.grad(loss, chosen, retain_graph=True, allow_unused=True)
        found[name] = [0.0 if g is None else float(g.norm(dim=1).mean()) for g in gradients]
    return found


def states_by_step(module: LanguageModel, vectors: Tensor) -> list[tuple[Tensor, ...]]:
    """States (h (B, D), ...) of a model of one layer after each step of vectors (B, T, D), with their graph."""
    states: list[tuple[Tensor, ...]] = []
    state = None
    for step in range(vectors.shape[1]):
        _, state = module.bilm.run_direction("forward", vectors[:, step : step + 1], state)
        states.append(state[0])
    return states
