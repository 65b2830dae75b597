"""How even the classes of the training data are: what chooses the best epoch, and class weights.

Classes are uneven if the most frequent label has at least 1.5 times as many texts as the least frequent one. Then a
network can score a high accuracy while it neglects the rare labels, and macro-F1, where every label counts the same,
chooses the best epoch.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

UNEVEN = 1.5
"""Ratio of the numbers of texts of the most and the least frequent label from which on classes are uneven."""
_MOST = 100.0
"""Largest class weight of one of several labels, so that a label of one text does not rule the gradient."""


def are_uneven(labels: Iterable[str]) -> bool:
    """Whether the classes are uneven, by the labels of all training texts."""
    counts = Counter(labels).values()
    return bool(counts) and max(counts) >= UNEVEN * min(counts)


def balanced_weights(found: Iterable[str], labels: Sequence[str]) -> list[float]:
    """Weights N / (K n) of K labels with n of N training texts, as scikit-learn's "balanced": all weigh the same."""
    counts = Counter(found)
    return [counts.total() / (len(labels) * counts[label]) for label in labels]


def balanced_positive_weights(found: Iterable[str], labels: Sequence[str], num_texts: int) -> list[float]:
    """Weights (N - n) / n, 1 to 100, of labels that n of N texts have: a label weighs as much as its absence."""
    counts = Counter(found)
    return [min(_MOST, max(1.0, (num_texts - counts[label]) / counts[label])) for label in labels]
