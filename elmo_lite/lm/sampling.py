"""Choosing a class from logits: temperature, the k most probable classes, the nucleus of probability p."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from elmo_lite.errors import require

_COLDEST = 1e-6
"""A lower temperature changes nothing, and float32 could not divide by it."""


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """How a class is chosen. Temperature comes first, then ``top_k``, then ``top_p`` among what is left."""

    temperature: float = 1.0
    """Divides the logits; 0 always takes the most probable class."""
    top_k: int | None = None
    """Choose among the most probable classes alone, 1 or more (equal ones stay together). Defaults to all."""
    top_p: float | None = None
    """Choose among the smallest set of most probable classes that holds this probability, in (0, 1] (equal ones stay
    together). Defaults to all."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        require(0 <= self.temperature < math.inf, "temperature", "a finite number of 0 or more", self.temperature)
        require(self.top_k is None or self.top_k >= 1, "top_k", "1 or more", self.top_k)
        require(self.top_p is None or 0 < self.top_p <= 1, "top_p", "a number above 0, at most 1", self.top_p)

    def choose(self, logits: Tensor, draws: Tensor) -> Tensor:
        """Choose a class in each row.

        Args:
            logits: Logits (B, V); minus infinity is never chosen.
            draws: Random numbers in [0, 1), (B,), one for each row, by which the distribution is inverted.

        Returns:
            Classes (B,).
        """
        if self.temperature == 0:
            return logits.argmax(dim=1)
        return draw(self.probabilities(logits), draws)

    def probabilities(self, logits: Tensor) -> Tensor:
        """What is drawn from at a temperature above 0: weights (B, V), zero where a class is left out."""
        if self.temperature != 1:
            logits = (logits - logits.amax(dim=1, keepdim=True)) / max(self.temperature, _COLDEST)
        weights = torch.softmax(logits, dim=1)
        if self.top_k is not None and self.top_k < weights.shape[1]:
            weights = _at_least(weights, weights.topk(self.top_k, dim=1).values[:, -1:])
        if self.top_p is not None and self.top_p < 1:
            weights = _at_least(weights, _least_of_nucleus(weights, self.top_p))
        return weights


def draw(weights: Tensor, draws: Tensor) -> Tensor:
    """Draw a class from each row of weights (B, V) by random numbers (B,) in [0, 1)."""
    cumulative = weights.cumsum(dim=1)
    total = cumulative[:, -1:]
    # Below the total even if the product is rounded up, so that a class of weight 0 is never found.
    places = torch.minimum(draws[:, None].to(total.dtype) * total, torch.nextafter(total, torch.zeros_like(total)))
    return torch.searchsorted(cumulative, places, right=True)[:, 0]


def _at_least(weights: Tensor, least: Tensor) -> Tensor:
    """Weights (B, V) with zeros for those below ``least`` (B, 1)."""
    return weights.masked_fill(weights < least, 0.0)


def _least_of_nucleus(weights: Tensor, top_p: float) -> Tensor:
    """The smallest weight of the nucleus of each row, (B, 1)."""
    # NumPy sorts floats with the vector instructions of the processor, ten times as fast as torch.
    ordered = torch.from_numpy(np.sort(weights.cpu().numpy(), axis=1)[:, ::-1].copy()).to(weights.device)
    needed = top_p * weights.sum(dim=1, keepdim=True)
    number = (ordered.cumsum(dim=1) < needed).sum(dim=1, keepdim=True)
    return ordered.gather(1, number.clamp(max=weights.shape[1] - 1))
