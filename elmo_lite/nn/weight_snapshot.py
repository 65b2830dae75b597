"""Whether weights have changed since something was computed from them."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.optim.optimizer import register_optimizer_step_post_hook


class WeightSnapshot:
    """Tells whether weights are still those that something was computed from.

    It notices weights changed in place and weights replaced by others, by another dtype or device. What is written
    through ``parameter.data``, or into weights made under ``torch.inference_mode``, leaves no trace.
    """

    def __init__(self, weights: Sequence[Tensor] = ()) -> None:
        """Remember ``weights`` as they are."""
        if weights:
            _count_steps()
        # Kept, not copied, so that no other weight can come to lie at an old address.
        self._seen = [weight.detach() for weight in weights]
        self._versions = [_version(weight) for weight in weights]

    def matches(self, weights: Sequence[Tensor]) -> bool:
        """Whether these are the weights remembered, unchanged."""
        return len(weights) == len(self._seen) and all(
            weight.data_ptr() == seen.data_ptr()
            and weight.shape == seen.shape
            and weight.stride() == seen.stride()
            and weight.dtype == seen.dtype
            and weight.device == seen.device
            and _version(weight) == version
            for weight, seen, version in zip(weights, self._seen, self._versions, strict=True)
        )


def _version(weight: Tensor) -> int:
    return 0 if weight.is_inference() else weight._version


_steps_are_counted = False
_registering = threading.Lock()


def _count_steps() -> None:
    """From now on every optimiser step counts as a change of its weights.

    Fused optimisers change weights in place without saying so to autograd, whose count of changes a snapshot reads.
    """
    global _steps_are_counted
    if _steps_are_counted:
        return
    with _registering:
        if not _steps_are_counted:
            register_optimizer_step_post_hook(_count_step)
            _steps_are_counted = True


def _count_step(optimizer: torch.optim.Optimizer, *_: object) -> None:
    for group in optimizer.param_groups:
        for weight in group["params"]:
            torch.autograd.graph.increment_version(weight)
