"""Sentiment: text classification (``tasks.classification``) with treebanks and defaults for the sentiment of a text.

    from tasks.sentiment import SentimentClassifier, SentimentConfig, train

    train(SentimentConfig(encoder="path or name"), "train.tsv", "dev.tsv", "my_classifier")
    SentimentClassifier.from_pretrained("my_classifier").predict(["A film that never drags."])

Public names are imported on first use, as in ``elmo_lite``.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tasks.classification.data import read_labelled
    from tasks.classification.prediction import Prediction
    from tasks.classification.readers import LabelledText
    from tasks.sentiment.classifier import SentimentClassifier
    from tasks.sentiment.commands import evaluate
    from tasks.sentiment.config import SentimentConfig
    from tasks.sentiment.training import train

__all__ = [
    "LabelledText",
    "Prediction",
    "SentimentClassifier",
    "SentimentConfig",
    "evaluate",
    "read_labelled",
    "train",
]

_MODULE_OF = {
    "LabelledText": "tasks.classification.readers",
    "Prediction": "tasks.classification.prediction",
    "SentimentClassifier": "tasks.sentiment.classifier",
    "SentimentConfig": "tasks.sentiment.config",
    "evaluate": "tasks.sentiment.commands",
    "read_labelled": "tasks.classification.data",
    "train": "tasks.sentiment.training",
}


def __getattr__(name: str) -> Any:
    """Import the module of a public name on its first use (PEP 562)."""
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_MODULE_OF[name]), name)
    globals()[name] = value
    return value
