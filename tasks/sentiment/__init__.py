"""Sentiment and other text classification: data readers, two heads, training and prediction.

    from tasks.sentiment import SentimentClassifier, SentimentConfig, train

    train(SentimentConfig(encoder="path or name"), "train.tsv", "dev.tsv", "my_classifier")
    SentimentClassifier.from_pretrained("my_classifier").predict(["A film that never drags."])

Public names are imported on first use, as in ``elmo_lite``.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tasks.sentiment.classifier import Prediction, SentimentClassifier
    from tasks.sentiment.commands import evaluate
    from tasks.sentiment.config import SentimentConfig
    from tasks.sentiment.data import read_labelled
    from tasks.sentiment.readers import LabelledText
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
    "LabelledText": "readers",
    "Prediction": "classifier",
    "SentimentClassifier": "classifier",
    "SentimentConfig": "config",
    "evaluate": "commands",
    "read_labelled": "data",
    "train": "training",
}


def __getattr__(name: str) -> Any:
    """Import the module of a public name on its first use (PEP 562)."""
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
    globals()[name] = value
    return value
