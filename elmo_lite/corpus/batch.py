"""A batch: the sequences of a training step, or the share of them that one of several processes reads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True)
class Batch:
    """Sequences of one training step. B and T may differ between steps."""

    char_ids: Tensor
    """(K, C) int16: BOS, EOS, then the distinct words of the batch in ascending order of length."""
    num_short: int
    """Number of rows of ``char_ids`` that the token layer runs as a block of their own, to save padding."""
    longest: tuple[int, int]
    """Number of characters of the longest word of the first ``num_short`` rows and of the others, 0 without any."""
    forward_inputs: Tensor
    """(B, T) rows of ``char_ids``, in reading order like the three tensors below."""
    forward_targets: Tensor
    """(B, T) classes."""
    backward_inputs: Tensor
    """(B, T) rows of ``char_ids``."""
    backward_targets: Tensor
    """(B, T) classes."""
    real: Tensor
    """(P,) flat positions b * T + t that are not padding, the same in both directions."""
    starts_afresh: bool
    """Whether to reset carried states before this batch."""
    classes: Tensor
    """(K,) class of each row of ``char_ids``; that of the boundary token for BOS and EOS."""
    step_words: int
    """Number of predictions of one direction in the step, those of all processes together."""
    step_classes: Tensor | None = None
    """(M,) distinct target classes of the step, in ascending order; None where one process has the whole batch."""

    @property
    def num_words(self) -> int:
        """Number of predictions of one direction; 0 where there are fewer rows than processes."""
        return len(self.real)

    def to(self, device: torch.device) -> Batch:
        """Move the tensors to a device."""
        return self._map(lambda tensor: tensor.to(device, non_blocking=True))

    def pin_memory(self) -> Batch:
        """Pin the tensors in memory, so that they are copied to a GPU while it computes."""
        return self._map(Tensor.pin_memory)

    def _map(self, change: Callable[[Tensor], Tensor]) -> Batch:
        changed: dict[str, Any] = {k: change(value) for k, value in vars(self).items() if isinstance(value, Tensor)}
        return replace(self, **changed)
