"""Muon: gradient descent with momentum whose matrices are orthogonalised.

Jordan et al. (2024), https://kellerjordan.github.io/posts/muon; rates as those of AdamW by Liu et al. (2025),
https://arxiv.org/abs/2502.16982. ``torch.optim.Muon`` is the same with products in bfloat16 alone, in which a processor
without its instructions takes 2.5 times as long as in float32.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
"""a, b, c of the quintic a x + b x^3 + c x^5, which moves every singular value in (0, 1] towards 1."""
NUM_ITERATIONS = 5
SMALLEST_NORM = 1e-7
RATE_OF_ADAMW = 0.2
"""The root mean square of an update of AdamW at a learning rate of 1."""


class Muon(torch.optim.Optimizer):
    """Update every matrix by its momentum with all singular values near 1."""

    def __init__(
        self,
        params: Iterable[nn.Parameter],
        *,
        lr: float,
        weight_decay: float,
        momentum: float = 0.95,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        """Prepare the updates of matrices.

        Args:
            params: Parameters of two dimensions.
            lr: Learning rate, 0 or more; that of AdamW, as updates have the same root mean square.
            weight_decay: Decoupled weight decay, 0 or more.
            momentum: Decay rate of the momentum (Nesterov's) in [0, 1).
            dtype: Data type of the products.
        """
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay, "momentum": momentum})
        self.dtype = dtype

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Update every matrix that has a gradient. A closure is left to ``CombinedOptimizer``."""
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._update(parameter, parameter.grad, group)

    def _update(self, matrix: Tensor, gradient: Tensor, group: Mapping[str, Any]) -> None:
        state: dict[str, Any] = self.state[matrix]
        if not state:
            state["momentum_buffer"] = torch.zeros_like(matrix)
        mean = state["momentum_buffer"].lerp_(gradient, 1 - group["momentum"])
        update = orthogonalised(gradient.lerp(mean, group["momentum"]).to(self.dtype))
        matrix.mul_(1 - group["lr"] * group["weight_decay"])
        matrix.add_(update, alpha=-group["lr"] * RATE_OF_ADAMW * math.sqrt(max(matrix.shape)))


def orthogonalised(matrix: Tensor) -> Tensor:
    """The matrix (R, C) with its singular values moved to about 1 (0.7 to 1.2), by a Newton-Schulz iteration.

    Singular values of less than about a thousandth of the norm stay smaller. Products are in the dtype of the matrix.
    """
    if matrix.shape[0] > matrix.shape[1]:
        return orthogonalised(matrix.T).T
    matrix = (matrix / matrix.norm().clamp(min=SMALLEST_NORM)).contiguous()  # singular values in [0, 1]
    # The products of the squared matrix are fewer where it is much smaller, but square the rounding error too.
    if matrix.dtype == torch.float32 and matrix.shape[1] >= 2 * matrix.shape[0]:
        return _product_of_factors(matrix @ matrix.T) @ matrix
    a, b, c = COEFFICIENTS
    for _ in range(NUM_ITERATIONS):
        square = matrix @ matrix.T
        matrix = torch.addmm(matrix, torch.addmm(square, square, square, beta=b, alpha=c), matrix, beta=a)
    return matrix


def _product_of_factors(square: Tensor) -> Tensor:
    """The product of all iterations' factors, (R, R), from X X^T alone, with whose powers each factor commutes."""
    product = factor = _factor(square)
    for _ in range(NUM_ITERATIONS - 1):
        square = factor @ square @ factor
        factor = _factor(square)
        product = factor @ product
    return product


def _factor(square: Tensor) -> Tensor:
    """A I + b X X^T + c (X X^T)^2, by which an iteration multiplies X."""
    a, b, c = COEFFICIENTS
    factor = torch.addmm(square, square, square, beta=b, alpha=c)
    factor.diagonal().add_(a)
    return factor
