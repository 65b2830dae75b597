"""The language model head as a file: floating-point values, or 8-bit integers with one scale per row.

weight  (V, D)   float32, float16 or bfloat16; or int8
scale   (V,)     float32, only with an int8 weight: the factor of each row
bias    (V,)     the data type of the weight; float32 with an int8 weight
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal, get_args

import torch
from torch import Tensor

from elmo_lite.errors import CheckpointError
from elmo_lite.nn.lm_head import LMHead
from elmo_lite.saved_model.tensors import check_tensors, dtype_name, fill, read_tensors, shapes_alone, write_tensors

FloatType = Literal["float32", "float16", "bfloat16"]
HeadType = Literal[FloatType, "int8"]
FLOAT_TYPES = get_args(FloatType)
HEAD_TYPES = get_args(HeadType)
LEVELS = 127
"""Integers are in -127..127. The range is symmetric, so that zero stays zero."""
_BOUND = 3e38
"""Slightly below the largest float32, which 127 rounded steps could exceed."""


def write_head(path: Path, head: LMHead, dtype: str | None) -> str:
    """Write the weight and the bias of a language model head.

    Args:
        path: The safetensors file.
        head: Head on any device.
        dtype: One of ``HEAD_TYPES``. Defaults to the data type of the head.

    Returns:
        Stored data type of the weight.

    Raises:
        CheckpointError: A value is out of the range of ``dtype``.
    """
    if dtype == "int8":
        integers, scale = quantize_rows(head.weight)
        stored = write_tensors(path, {"weight": integers, "scale": scale, "bias": head.bias.float()})
    else:
        stored = write_tensors(path, {"weight": head.weight, "bias": head.bias}, dtype)
    return dtype_name(stored["weight"])


def read_head(path: Path, num_classes: int, dim: int) -> LMHead:
    """Read a language model head written by ``write_head``.

    Args:
        path: The safetensors file.
        num_classes: Expected number of classes V.
        dim: Expected width D of one direction.

    Returns:
        The head on the CPU, in float32 and in eval mode.

    Raises:
        CheckpointError: The file is not a head of this shape.
    """
    with shapes_alone():
        head = LMHead(num_classes, dim)
    tensors = read_tensors(path)
    if "scale" in tensors:
        integers = torch.empty(num_classes, dim, dtype=torch.int8, device="meta")
        check_tensors(path, tensors, {"weight": integers, "scale": head.bias, "bias": head.bias})
        tensors["weight"] = dequantize_rows(tensors["weight"], tensors.pop("scale"))
    fill(head, path, tensors)
    return head.eval()


def quantize_rows(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Quantize each row symmetrically to 8 bits.

    Dequantized values differ from the original ones by at most half a step (``scale / 2``), and quantizing them again
    gives the same integers.

    Args:
        weight: Floating-point values (V, D) in -3e38..3e38.

    Returns:
        Integers of shape (V, D), int8 in -127..127, and the scale of each row, shape (V,), float32: its largest
        absolute value divided by 127. The scale is 0 if it would be below the smallest normal float32.

    Raises:
        CheckpointError: A value is out of range, infinite or NaN.
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
    """Convert quantized rows back to floating point.

    Args:
        integers: Integers (V, D), int8.
        scale: Scale of each row, (V,), float32.

    Returns:
        Integers times the scale of their row, (V, D), float32.
    """
    return integers.float() * scale[:, None]
