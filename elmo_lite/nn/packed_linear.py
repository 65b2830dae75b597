"""Products with a weight laid out once for the matrix library.

A plain product on the CPU lays the weight out anew at every call, and in float32 it may run a library that does not
know the processor. For the few rows of a recurrent step both cost more than the product itself: 32 rows times a
(16384, 512) weight ran 3.4 times as fast from a packed weight, one row 5.7 times (benchmarks/published_elmo.py).
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
"""Rows that oneDNN chooses the layout for; measured to serve 1 to 256 rows equally well."""


def can_pack(weight: Tensor) -> bool:
    """Whether oneDNN can hold this weight (N, K) in a layout of its own."""
    return (
        weight.device.type == "cpu"
        and weight.dtype in (torch.float32, torch.bfloat16)
        and weight.numel() > 0
        and bool(torch.backends.mkldnn.enabled)
        and _library_packs(weight.dtype)
    )


@functools.cache
def _library_packs(dtype: torch.dtype) -> bool:
    """Whether this machine's torch has the operators, as its own compiler uses them."""
    return (
        platform.machine().lower() in ("x86_64", "amd64")
        and bool(torch.backends.mkldnn.is_available())  # type: ignore[no-untyped-call]
        and hasattr(torch.ops.mkldnn, "_reorder_linear_weight")
        and (dtype == torch.float32 or bool(torch.ops.mkldnn._is_mkldnn_bf16_supported()))
    )


class PackedProduct:
    """x W^T + b for one weight, without a graph; a plain product where the weight cannot be packed."""

    def __init__(self, weight: Tensor, bias: Tensor | None = None) -> None:
        """Lay out a weight.

        Args:
            weight: W (N, K); copied.
            bias: b (N,) or None.
        """
        weight = weight.detach()
        self.bias = None if bias is None else bias.detach()
        self.packed = can_pack(weight)
        self.weight = torch.ops.mkldnn._reorder_linear_weight(weight, _ROWS_HINT) if self.packed else weight

    def __call__(self, inputs: Tensor) -> Tensor:
        """Multiply (..., K). Returns (..., N)."""
        if not self.packed:
            return F.linear(inputs, self.weight, self.bias)
        if inputs.numel() == 0:  # a weight that is packed is not empty, so there are no rows
            return inputs.new_zeros((*inputs.shape[:-1], self.weight.shape[0]))
        product: Tensor = torch.ops.mkldnn._linear_pointwise(inputs, self.weight, self.bias, "none", [], "")
        return product


class PackedLinear(nn.Linear):
    """``torch.nn.Linear`` that packs its weight once it is used without a graph, and again when the weight changed."""

    def __init__(self, in_features: int, out_features: int) -> None:
        """Make a layer with a bias, initialised as torch does."""
        super().__init__(in_features, out_features)
        self._product: PackedProduct | None = None
        self._snapshot = WeightSnapshot()

    def forward(self, inputs: Tensor) -> Tensor:
        """Multiply (..., in_features). Returns (..., out_features)."""
        weights = (self.weight, self.bias)
        autocast = torch.is_autocast_enabled(inputs.device.type)  # torch's product picks the dtype there
        mixed = autocast or inputs.dtype != self.weight.dtype
        if mixed or needs_graph(inputs, *weights) or not can_pack(self.weight):
            return super().forward(inputs)
        if self._product is None or not self._snapshot.matches(weights):
            self._product, self._snapshot = PackedProduct(*weights), WeightSnapshot(weights)
        return self._product(inputs)

    def clear_packed(self) -> None:
        """Forget the packed weight; needed only after it was written through ``parameter.data``."""
        self._product, self._snapshot = None, WeightSnapshot()

    def _apply(self, fn: Any, recurse: bool = True) -> PackedLinear:
        self.clear_packed()
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        return self

    def __getstate__(self) -> dict[str, Any]:
        """State for copies and worker processes, without the packed weight: each packs its own."""
        return {**self.__dict__, "_product": None, "_snapshot": WeightSnapshot()}


def needs_graph(*tensors: Tensor) -> bool:
    """Whether autograd would record an operation on these."""
    return torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors)
