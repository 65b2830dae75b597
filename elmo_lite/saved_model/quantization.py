"""Rows of a matrix as 8-bit integers, each row with a scale of its own."""

from __future__ import annotations

import torch
from torch import Tensor

from elmo_lite.errors import CheckpointError

LEVELS = 127
"""Integers run from -127 to 127: the range is symmetric, so that zero stays zero."""
_BOUND = 3e38
"""Just below float32's largest number, which 127 steps could pass by their rounding."""


def quantize_rows(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Round each row to ``LEVELS`` steps of either sign up to its largest number.

    What ``dequantize_rows`` makes of the result lies at most half a step (``scale / 2``) off, and gives the same
    integers when it is rounded again.

    Args:
        weight: (V, D) numbers between -3e38 and 3e38.

    Returns:
        Integers (V, D) int8 in -127..127, and the rows' steps (V,) float32: the largest absolute value divided by 127.
        A row of zeros has step 0; so has one whose step would be below the smallest normal number of float32.

    Raises:
        CheckpointError: a number is larger, infinite or not a number.
    """
    weight = weight.detach().float()
    largest = weight.abs().amax(dim=1)
    if not bool((largest <= _BOUND).all()):
        row = int((~(largest <= _BOUND)).nonzero()[0])
        raise CheckpointError(f"row {row}: expected finite numbers to round to 8 bits, found {float(largest[row]):g}")
    scale = largest / LEVELS
    scale = torch.where(scale >= torch.finfo(torch.float32).tiny, scale, 0.0)
    steps = weight / torch.where(scale > 0, scale, 1.0)[:, None]
    return steps.round_().clamp_(-LEVELS, LEVELS).to(torch.int8), scale


def dequantize_rows(integers: Tensor, scale: Tensor) -> Tensor:
    """Undo ``quantize_rows`` but for the rounding.

    Args:
        integers: (V, D) int8.
        scale: (V,) float32.

    Returns:
        (V, D) float32: each row's integers times its step.
    """
    return integers.float() * scale[:, None]
