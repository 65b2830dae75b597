"""Matrix products with a weight that is packed once for oneDNN.

A plain product on the CPU packs the weight at every call, and in float32 it may use a library that is not optimised for
the processor. For the few rows of a recurrent step both cost more than the product itself: with a (16384, 512) weight,
packing was 3.4 times as fast for 32 rows and 5.7 times as fast for one row (benchmarks/published_elmo.py).
"""

from __future__ import annotations

import functools
import platform
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from elmo_lite.nn.weight_snapshot import WeightSnapshot

_ROWS_HINT = 32
"""Number of rows for which oneDNN chooses the layout. The layout was measured to suit 1 to 256 rows equally well."""


def can_pack(weight: Tensor) -> bool:
    """Whether oneDNN can pack this weight (N, K)."""
    return (
        weight.device.type == "cpu"
        and weight.dtype in (torch.float32, torch.bfloat16)
        and weight.numel() > 0
        and bool(torch.backends.mkldnn.enabled)
        and _library_packs(weight.dtype)
    )


@functools.cache
def _library_packs(dtype: torch.dtype) -> bool:
    """Whether the installed PyTorch has the packing operators, which its own compiler uses."""
    return (
        platform.machine().lower() in ("x86_64", "amd64")
        and bool(torch.backends.mkldnn.is_available())  # type: ignore[no-untyped-call]
        and hasattr(torch.ops.mkldnn, "_reorder_linear_weight")
        and (dtype == torch.float32 or bool(torch.ops.mkldnn._is_mkldnn_bf16_supported()))
    )


class PackedProduct:
    """The product x W^T + b with a fixed weight, without a graph; a plain product if the weight cannot be packed."""

    def __init__(self, weight: Tensor, bias: Tensor | None = None) -> None:
        """Pack a weight.

        Args:
            weight: Weight W (N, K), which is copied if it can be packed.
            bias: Bias b (N,). Defaults to no bias.
        """
        weight = weight.detach()
        self.bias = None if bias is None else bias.detach()
        self.packed = can_pack(weight)
        self.weight = torch.ops.mkldnn._reorder_linear_weight(weight, _ROWS_HINT) if self.packed else weight

    def __call__(self, inputs: Tensor) -> Tensor:
        """Multiply inputs (..., K). Returns (..., N)."""
        if not self.packed:
            return F.linear(inputs, self.weight, self.bias)
        if inputs.numel() == 0:  # a packed weight is never empty, so there are no rows
            return inputs.new_zeros((*inputs.shape[:-1], self.weight.shape[0]))
        product: Tensor = torch.ops.mkldnn._linear_pointwise(inputs, self.weight, self.bias, "none", [], "")
        return product


class PackedLinear(nn.Linear):
    """``torch.nn.Linear`` that packs its weight when it first runs without a graph, and again after a change."""

    def __init__(self, in_features: int, out_features: int) -> None:
        """Create a layer with a bias, initialised as in ``torch.nn.Linear``."""
        super().__init__(in_features, out_features)
        self._packed: tuple[PackedProduct, WeightSnapshot] | None = None  # one value, so that threads read it whole

    def forward(self, inputs: Tensor) -> Tensor:
        """Multiply inputs (..., in_features). Returns (..., out_features)."""
        weights = (self.weight, self.bias)
        autocast = torch.is_autocast_enabled(inputs.device.type)  # F.linear chooses the dtype under autocast
        mixed = autocast or inputs.dtype != self.weight.dtype
        if mixed or needs_graph(inputs, *weights) or not can_pack(self.weight):
            return super().forward(inputs)
        packed = self._packed
        if packed is None or not packed[1].matches(weights):
            self._packed = packed = PackedProduct(*weights), WeightSnapshot(weights)
        return packed[0](inputs)

    def clear_packed(self) -> None:
        """Discard the packed weight. Needed only after the weight was written through ``parameter.data``."""
        self._packed = None

    def _apply(self, fn: Any, recurse: bool = True) -> PackedLinear:
        self.clear_packed()
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        return self

    def __getstate__(self) -> dict[str, Any]:
        """State for copies and worker processes, without the packed weight, which each of them packs itself."""
        return {**self.__dict__, "_packed": None}


def needs_graph(*tensors: Tensor) -> bool:
    """Whether autograd records an operation on these tensors."""
    return torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors)
