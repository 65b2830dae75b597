"""Peak speed of matrix products on this machine, the reference of all shares of peak."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

# (rows, inner, columns): from what one LSTM step multiplies to what fills the caches.
SIZES = ((128, 512, 1024), (512, 1024, 1024), (256, 512, 16384), (1024, 2048, 2048), (4096, 256, 4096))


def measure_peak(dtype: torch.dtype) -> float:
    """Highest speed of a matrix product in FLOP/s over several sizes, plain or with weights packed for oneDNN."""
    return max(
        2 * n * k * m / _fastest(product)
        for n, k, m in SIZES
        for product in _products(torch.randn(n, k).to(dtype), torch.randn(m, k).to(dtype))
    )


def _products(a: Tensor, b: Tensor) -> Iterator[Callable[[], Any]]:
    transposed = b.t().contiguous()
    yield lambda: a @ transposed
    try:
        packed = torch.ops.mkldnn._reorder_linear_weight(b, len(a))
        torch.ops.mkldnn._linear_pointwise(a, packed, None, "none", [], "")
    except (RuntimeError, AttributeError):
        return  # torch without oneDNN
    yield lambda: torch.ops.mkldnn._linear_pointwise(a, packed, None, "none", [], "")


def _fastest(run: Callable[[], Any]) -> float:
    times = []
    for _ in range(15):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times)
