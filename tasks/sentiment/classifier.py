"""A trained classifier that predicts the sentiment of texts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tasks.classification.classifier import Classifier
from tasks.classification.prediction import Prediction
from tasks.inputs.encoders import Encoder
from tasks.sentiment.config import SentimentConfig

__all__ = ["Prediction", "SentimentClassifier", "new_classifier"]


class SentimentClassifier(Classifier):
    """A classifier with the settings of sentiment: one label for each text."""

    kind = "sentiment"
    config_type = SentimentConfig


def new_classifier(
    config: SentimentConfig,
    labels: Sequence[str],
    elmo: Encoder | None,
    train: Iterable[Sequence[str]],
    others: Iterable[Sequence[str]] = (),
) -> SentimentClassifier:
    """Create an untrained classifier, see ``Classifier.untrained``."""
    return SentimentClassifier.untrained(config, labels, elmo, train, others)
