"""Temperature, top k and nucleus against sorting all classes, and the draw against its distribution."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from elmo_lite.errors import ConfigError
from elmo_lite.lm.sampling import Sampling, draw


def plain(logits: list[float], temperature: float, top_k: int | None, top_p: float | None) -> list[float]:
    """The distribution that is drawn from, one class at a time."""
    weights = [math.exp((value - max(logits)) / temperature) for value in logits]
    kept = sorted(range(len(logits)), key=lambda place: -weights[place])[: top_k or len(logits)]
    if top_p is not None:
        total, mass, nucleus = sum(weights[place] for place in kept), 0.0, []
        for place in kept:
            nucleus.append(place)
            mass += weights[place]
            if mass >= top_p * total:
                break
        kept = nucleus
    total = sum(weights[place] for place in kept)
    return [weights[place] / total if place in kept else 0.0 for place in range(len(logits))]


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 10**6),
    st.integers(2, 40),
    st.sampled_from([0.3, 1.0, 2.0]),
    st.none() | st.integers(1, 50),
    st.none() | st.floats(0.05, 1.0),
)
def test_distribution(seed: int, classes: int, temperature: float, top_k: int | None, top_p: float | None) -> None:
    logits = torch.randn(3, classes, generator=torch.Generator().manual_seed(seed)) * 2
    found = Sampling(temperature=temperature, top_k=top_k, top_p=top_p).probabilities(logits.clone())
    found = found / found.sum(dim=1, keepdim=True)
    for row, values in zip(found.tolist(), logits.tolist(), strict=True):
        expected = plain(values, temperature, top_k, top_p)
        differs = [place for place, (a, b) in enumerate(zip(row, expected, strict=True)) if abs(a - b) > 1e-4]
        assert not differs or top_p is not None and is_on_the_edge(expected, row, top_p), (row, expected)


def is_on_the_edge(expected: list[float], found: list[float], top_p: float) -> bool:
    """Whether two nuclei differ by rounding alone: in one class, at which the mass is p to six digits."""
    return sum((a > 0) != (b > 0) for a, b in zip(expected, found, strict=True)) == 1


def test_equal_classes_stay_together() -> None:
    weights = Sampling(top_k=2).probabilities(torch.tensor([[0.0, 1.0, 1.0, 1.0]]))
    assert (weights > 0).tolist() == [[False, True, True, True]]


def test_draws_invert_the_distribution() -> None:
    weights = torch.tensor([[0.0, 0.25, 0.0, 0.5, 0.25, 0.0]])
    draws = torch.tensor([0.0, 0.2499, 0.25, 0.7499, 0.75, 1 - 2**-24, 1.0])
    found = draw(weights.expand(len(draws), -1), draws)
    assert found.tolist() == [1, 1, 3, 3, 4, 4, 4]  # never a class of weight zero


def test_frequencies_are_the_probabilities() -> None:
    logits = torch.tensor([[1.0, -math.inf, 0.0, 2.0]]).expand(40_000, -1)
    draws = torch.from_numpy(np.random.default_rng(0).random(40_000))
    chosen = Sampling(temperature=0.7).choose(logits, draws)
    found = torch.bincount(chosen, minlength=4) / len(chosen)
    torch.testing.assert_close(found, torch.softmax(logits[0] / 0.7, dim=0), atol=0.01, rtol=0)
    assert found[1] == 0


@pytest.mark.parametrize("temperature", [0.0, 1e-30, 1e-9])
def test_cold_is_greedy(temperature: float) -> None:
    logits = torch.tensor([[1.0, 3.0, 2.999], [-math.inf, -5.0, -4.0]])
    assert Sampling(temperature=temperature).choose(logits, torch.tensor([0.999, 0.0])).tolist() == [1, 2]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"temperature": -0.1}, "temperature: expected a finite number of 0 or more, found -0.1"),
        ({"temperature": math.nan}, "temperature: expected a finite number of 0 or more, found nan"),
        ({"temperature": math.inf}, "temperature: expected a finite number"),
        ({"top_k": 0}, "top_k: expected 1 or more, found 0"),
        ({"top_p": 0.0}, "top_p: expected a number above 0, at most 1, found 0.0"),
        ({"top_p": 1.1}, "top_p: expected a number above 0, at most 1, found 1.1"),
    ],
)
def test_ranges(settings: dict[str, float], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Sampling(**settings)  # type: ignore[arg-type]
