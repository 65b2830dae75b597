"""The language model's head as a file: floating-point numbers, or 8-bit rows of the table.

weight  (V, D)   float32, float16 or bfloat16; or int8
scale   (V,)     float32, with an int8 weight: what each row is multiplied by
bias    (V,)     as the weight; float32 with an int8 weight, where half precision would save nothing
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal, get_args

import torch

from elmo_lite.nn.lm_head import LMHead
from elmo_lite.saved_model.quantization import dequantize_rows, quantize_rows
from elmo_lite.saved_model.tensors import check_tensors, dtype_name, fill, read_tensors, shapes_alone, write_tensors

FloatType = Literal["float32", "float16", "bfloat16"]
HeadType = Literal[FloatType, "int8"]
FLOAT_TYPES = get_args(FloatType)
HEAD_TYPES = get_args(HeadType)


def write_head(path: Path, head: LMHead, dtype: str | None) -> str:
    """Write weight and bias.

    Args:
        path: a safetensors file.
        head: on any device.
        dtype: one of ``HEAD_TYPES``; as the numbers are where None.

    Returns:
        The type that the weight is stored in.

    Raises:
        CheckpointError: numbers that ``dtype`` cannot hold.
    """
    if dtype == "int8":
        integers, scale = quantize_rows(head.weight)
        stored = write_tensors(path, {"weight": integers, "scale": scale, "bias": head.bias.float()})
    else:
        stored = write_tensors(path, {"weight": head.weight, "bias": head.bias}, dtype)
    return dtype_name(stored["weight"])


def read_head(path: Path, num_classes: int, dim: int) -> LMHead:
    """Read what ``write_head`` wrote.

    Args:
        path: the file.
        num_classes: V that is expected.
        dim: D that is expected.

    Returns:
        The head on the CPU, in float32 and in eval mode.

    Raises:
        CheckpointError: no head, or one of another shape.
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
