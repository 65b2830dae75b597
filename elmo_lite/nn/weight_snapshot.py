"""Detection of changes of weights since something was computed from them."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.optim.optimizer import register_optimizer_step_post_hook


class WeightSnapshot:
    """A snapshot of weights, to test later whether they have changed.

    It detects weights that were modified in place, replaced, or moved to another dtype or device. It does not detect
    writes through ``parameter.data``, nor writes to weights created under ``torch.inference_mode``.
    """

    def __init__(self, weights: Sequence[Tensor] = ()) -> None:
        """Take a snapshot of ``weights``."""
        if weights:
            _count_steps()
        # References keep the memory allocated, so that no other weight can get the same address.
        self._seen = [weight.detach() for weight in weights]
        self._versions = [_version(weight) for weight in weights]

    def matches(self, weights: Sequence[Tensor]) -> bool:
        """Whether these are the weights of the snapshot, unchanged."""
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
    """Make each optimizer step increment the versions of its weights from now on.

    Fused optimizers modify weights in place without incrementing their version in autograd, which a snapshot compares.
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
