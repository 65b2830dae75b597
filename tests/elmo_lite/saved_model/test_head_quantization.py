"""8-bit rows: how far they are off, and that rounding again changes nothing."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from elmo_lite.errors import CheckpointError
from elmo_lite.saved_model.head import LEVELS, dequantize_rows, quantize_rows

MATRICES = arrays.arrays(
    np.float32,
    arrays.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=9),
    elements=st.floats(-float(np.float32(3e38)), float(np.float32(3e38)), width=32) | st.floats(-1, 1, width=32),
)


@settings(max_examples=300, deadline=None)
@given(MATRICES)
def test_within_half_a_step(matrix: np.ndarray) -> None:
    weight = torch.from_numpy(matrix)
    integers, scale = quantize_rows(weight)
    assert integers.dtype == torch.int8 and scale.dtype == torch.float32 and scale.shape == (len(weight),)
    assert int(integers.abs().max()) <= LEVELS
    error = (dequantize_rows(integers, scale).double() - weight.double()).abs()
    rounding = 1 + 1e-5  # of float32, over a quotient of up to 127 and a product
    smallest = LEVELS * torch.finfo(torch.float32).tiny  # rows that are smaller count as zeros
    assert bool((error <= rounding * scale.double()[:, None] / 2 + (scale == 0)[:, None] * smallest).all())


@settings(max_examples=300, deadline=None)
@given(MATRICES)
def test_rounded_again_gives_the_same_integers(matrix: np.ndarray) -> None:
    integers, scale = quantize_rows(torch.from_numpy(matrix))
    again, scale_again = quantize_rows(dequantize_rows(integers, scale))
    assert torch.equal(again, integers)
    torch.testing.assert_close(scale_again, scale, rtol=2e-7, atol=0)


def test_a_plain_example() -> None:
    integers, scale = quantize_rows(torch.tensor([[0.0, 127.0, -63.4], [0.0, 0.0, 0.0], [2.54, -2.54, 0.041]]))
    assert integers.tolist() == [[0, 127, -63], [0, 0, 0], [127, -127, 2]]
    assert scale.tolist() == pytest.approx([1.0, 0.0, 0.02])
    assert dequantize_rows(integers, scale)[1].tolist() == [0, 0, 0]


def test_the_largest_number_of_a_row_is_kept() -> None:
    weight = torch.randn(50, 8, generator=torch.Generator().manual_seed(0))
    integers, scale = quantize_rows(weight)
    assert integers.abs().amax(dim=1).tolist() == [LEVELS] * 50
    found = dequantize_rows(integers, scale).abs().amax(dim=1)
    torch.testing.assert_close(found, weight.abs().amax(dim=1), rtol=2e-7, atol=0)


@pytest.mark.parametrize("wrong", [torch.inf, -torch.inf, torch.nan, 3.4e38])
def test_numbers_that_have_no_step(wrong: float) -> None:
    weight = torch.zeros(4, 3)
    weight[2, 1] = wrong
    with pytest.raises(CheckpointError, match="^row 2: expected finite numbers to round to 8 bits, found "):
        quantize_rows(weight)


def test_parameters_of_any_precision() -> None:
    weight = torch.nn.Parameter(torch.randn(3, 4).bfloat16())
    integers, scale = quantize_rows(weight)
    assert not integers.requires_grad and not scale.requires_grad
    assert torch.equal(integers, quantize_rows(weight.float())[0])
    assert quantize_rows(torch.zeros(0, 4))[0].shape == (0, 4)
