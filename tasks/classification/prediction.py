"""The prediction of a text, or of a pair of texts: one label, several labels, or a number."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from elmo_lite import ConfigError
from elmo_lite.errors import require
from tasks.classification.columns import LabelKind

Text = str | Sequence[str]
"""A string, which is split by the classifier's tokenisation, or a list of words, which are not split."""
TextPair = tuple[Text, Text]
"""The two texts of a pair."""


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


@dataclass(frozen=True)
class LabelsPrediction:
    """The prediction of one text that may have any number of labels."""

    labels: tuple[str, ...]
    """Labels whose probability reaches the threshold, in the order of the classifier's labels; none for a text without
    words."""
    scores: tuple[float, ...]
    """Probability of each of these labels, in 0..1."""
    probabilities: dict[str, float]
    """Probability of every label, in the order of the classifier's labels; 0 for a text without words."""


@dataclass(frozen=True)
class ValuePrediction:
    """The prediction of a number for one text."""

    value: float | None
    """The number, in the unit of the training data; None for a text without words."""


AnyPrediction = Prediction | LabelsPrediction | ValuePrediction


def check_min_score(min_score: float, kind: LabelKind) -> None:
    """Check that predictions can be left out by their probability.

    Raises:
        ConfigError: ``min_score`` is out of range, or there is not one label for each text.
    """
    require(0 <= min_score <= 1, "min_score", "a probability in 0..1", min_score)
    if min_score and kind != "one":
        raise ConfigError("min_score: expected a classifier with one label for each text, found another")


def sure(predictions: Iterable[Any], min_score: float) -> Iterator[Any]:
    """Predictions with an empty label where its probability is below ``min_score``; its score is kept."""
    for found in predictions:
        is_unsure = isinstance(found, Prediction) and found.score < min_score
        yield dataclasses.replace(found, label="") if is_unsure else found
