"""Peak speed of matrix products on this machine, the reference of all shares of peak."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

# (rows, inner, columns): from what one LSTM step multiplies to what fills the caches.
SIZES = ((128, 512, 1024), (512, 1024, 1024), (256, 512, 16384), (1024, 2048, 2048), (4096, 256, 4096))


GPU_SIZES = ((4096, 1024, 4096), (8192, 8192, 8192))
"""The same for a GPU, which the sizes above leave idle."""


def measure_peak(dtype: torch.dtype, device: torch.device = torch.device("cpu")) -> float:  # noqa: B008
    """Highest speed of a matrix product in FLOP/s over several sizes, plain or with weights packed for oneDNN."""
    return max(
        2 * n * k * m / _fastest(product, device)
        for n, k, m in (SIZES if device.type == "cpu" else GPU_SIZES)
        for product in _products(torch.randn(n, k).to(device, dtype), torch.randn(m, k).to(device, dtype))
    )


def synchronize(device: torch.device) -> None:
    """Wait for a GPU."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _products(a: Tensor, b: Tensor) -> Iterator[Callable[[], Any]]:
    transposed = b.t().contiguous()
    yield lambda: a @ transposed
    if a.device.type != "cpu":
        return
    try:
        packed = torch.ops.mkldnn._reorder_linear_weight(b, len(a))
        torch.ops.mkldnn._linear_pointwise(a, packed, None, "none", [], "")
    except (RuntimeError, AttributeError):
        return  # torch without oneDNN
    yield lambda: torch.ops.mkldnn._linear_pointwise(a, packed, None, "none", [], "")


def _fastest(run: Callable[[], Any], device: torch.device) -> float:
    times = []
    for _ in range(15):
        start = time.perf_counter()
        run()
        synchronize(device)
        times.append(time.perf_counter() - start)
    return min(times)
