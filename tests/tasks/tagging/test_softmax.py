"""The softmax at each word is a CRF whose transitions have no scores."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from tasks.tagging.crf import LinearChainCRF
from tasks.tagging.softmax import Softmax, WordProbabilities

shapes = st.tuples(st.lists(st.integers(1, 5), min_size=1, max_size=3), st.integers(1, 4), st.integers(0, 2**31))


def made(lengths: list[int], num_labels: int, seed: int) -> tuple[LinearChainCRF, Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    every = [True] * num_labels
    crf = LinearChainCRF(every, [every] * num_labels, every).double()
    longest = max(lengths)
    emissions = 4 * torch.randn(len(lengths), longest, num_labels, dtype=torch.float64, generator=generator)
    targets = torch.randint(num_labels, (len(lengths), longest), generator=generator)
    return crf, emissions, targets, torch.arange(longest) < torch.tensor(lengths)[:, None]


@given(shapes)
@settings(max_examples=40, deadline=None)
def test_it_is_a_crf_without_transitions(shape: tuple[list[int], int, int]) -> None:
    crf, emissions, targets, mask = made(*shape)
    softmax = Softmax()
    torch.testing.assert_close(
        softmax.log_likelihood(emissions, targets, mask), crf.log_likelihood(emissions, targets, mask).detach()
    )
    assert softmax.decode(emissions, mask) == crf.decode(emissions, mask)
    found, expected = softmax.marginals(emissions, mask), crf.marginals(emissions, mask)
    torch.testing.assert_close(found.labels()[mask], expected.labels()[mask])
    torch.testing.assert_close(found.log_z, expected.log_z)
    for row, length in enumerate(shape[0]):
        path = targets[row, :length].tolist()
        segments = [(row, 0, path), (row, length - 1, path[-1:]), (row, 0, path[:1])]
        assert found.segments(segments) == pytest.approx(expected.segments(segments))
    assert found.segments([]) == []


def test_half_precision_is_computed_in_float32() -> None:
    _, emissions, targets, mask = made([40], 3, 0)
    found = Softmax().log_likelihood(emissions.bfloat16(), targets, mask)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, Softmax().log_likelihood(emissions.bfloat16().float(), targets, mask))


@pytest.mark.parametrize("temperature", [0.5, 3.0])
def test_temperature(temperature: float) -> None:
    emissions, mask = torch.randn(2, 3, 4), torch.tensor([[True] * 3, [True, False, False]])
    targets = torch.randint(0, 4, (2, 3))
    expected = torch.softmax(emissions / temperature, dim=-1)
    torch.testing.assert_close(Softmax().marginals(emissions, mask, temperature).labels(), expected)
    chosen = expected.gather(2, targets[..., None])[..., 0].log().masked_fill(~mask, 0).sum(dim=1)
    torch.testing.assert_close(Softmax().log_likelihood(emissions, targets, mask, temperature), chosen)


def test_rounding_gives_no_probability_above_1() -> None:
    found = WordProbabilities(torch.full((1, 2, 3), 1e-6), torch.zeros(1))
    assert found.segments([(0, 0, [1, 2])]) == [1.0]
