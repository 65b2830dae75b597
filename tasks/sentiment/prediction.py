"""The prediction of a text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

Text = str | Sequence[str]
"""A string, which is split by the classifier's tokenisation, or a list of words, which are not split."""


@dataclass(frozen=True)
class Prediction:
    """The prediction of one text."""

    label: str
    """Most probable label; empty for a text without words, of which nothing is known."""
    score: float
    """Probability of the label, in 0..1; 0 for a text without words."""
    probabilities: dict[str, float]
    """Probability of every label, in the order of the classifier's labels. They sum to 1, and are equal for a text
    without words."""
