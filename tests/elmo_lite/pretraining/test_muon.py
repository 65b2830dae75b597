"""Muon: against torch's, against a plain iteration in float64, and by what it promises of singular values."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from elmo_lite.pretraining.muon import COEFFICIENTS, NUM_ITERATIONS, Muon, orthogonalised

SHAPES = [(1, 1), (3, 3), (8, 9), (8, 16), (5, 40), (40, 5), (16, 8), (1, 6), (7, 1)]


def plain(matrix: Tensor) -> Tensor:
    """Each singular value through the quintic, in float64."""
    left, values, right = torch.linalg.svd(matrix.double(), full_matrices=False)
    values = values / matrix.double().norm()
    a, b, c = COEFFICIENTS
    for _ in range(NUM_ITERATIONS):
        values = a * values + b * values**3 + c * values**5
    return left * values @ right


@pytest.mark.parametrize("shape", SHAPES)
def test_moves_singular_values_by_the_quintic(shape: tuple[int, int]) -> None:
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(orthogonalised(matrix).double(), plain(matrix), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("shape", [(16, 64), (64, 16), (16, 16)])
@pytest.mark.parametrize("smallest", [1e-2, 1e-5, 0.0])
def test_ill_conditioned(shape: tuple[int, int], smallest: float) -> None:
    left, values, right = torch.linalg.svd(torch.randn(shape, dtype=torch.float64), full_matrices=False)
    values = torch.logspace(0, math.log10(smallest), len(values)) if smallest else values.new_zeros(len(values))
    values[0] = 1.0
    matrix = (left * values @ right).float()
    torch.testing.assert_close(orthogonalised(matrix).double(), plain(matrix), atol=2e-3, rtol=0)


def test_singular_values_are_about_one() -> None:
    for shape in ((32, 32), (32, 128)):
        values = torch.linalg.svdvals(orthogonalised(torch.randn(shape, generator=torch.Generator().manual_seed(1))))
        large = values[values > 0.5]  # those of a square matrix reach down to 0
        assert len(large) >= 30
        assert 0.6 < float(large.min()) and float(large.max()) < 1.3


def test_zeros_stay_zero() -> None:
    for shape in ((4, 4), (4, 8)):
        assert torch.equal(orthogonalised(torch.zeros(shape)), torch.zeros(shape))


def steps(optimizer_of: type[torch.optim.Optimizer], options: dict[str, object], shape: tuple[int, int]) -> Tensor:
    matrix = nn.Parameter(torch.randn(shape, generator=torch.Generator().manual_seed(0)))
    optimizer = optimizer_of([matrix], lr=0.02, weight_decay=0.1, **options)  # type: ignore[call-arg]
    for step in range(4):
        matrix.grad = torch.randn(shape, generator=torch.Generator().manual_seed(step + 1))
        optimizer.step()
    return matrix.detach()


@pytest.mark.skipif(not hasattr(torch.optim, "Muon"), reason="torch has Muon from 2.9 on")
@pytest.mark.parametrize("shape", SHAPES)
def test_is_that_of_torch(shape: tuple[int, int]) -> None:
    of_torch = steps(torch.optim.Muon, {"adjust_lr_fn": "match_rms_adamw"}, shape)
    torch.testing.assert_close(steps(Muon, {"dtype": torch.bfloat16}, shape), of_torch, atol=1e-7, rtol=1e-6)
    update = 0.02 * 0.2 * math.sqrt(max(shape))
    torch.testing.assert_close(steps(Muon, {}, shape), of_torch, atol=0.2 * update, rtol=0)


def test_leaves_a_matrix_without_gradient() -> None:
    matrix = nn.Parameter(torch.ones(2, 2))
    optimizer = Muon([matrix], lr=0.1, weight_decay=0.5)
    optimizer.step()
    assert torch.equal(matrix, torch.ones(2, 2))
    assert not optimizer.state
