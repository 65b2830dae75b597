"""Classification of texts and pairs of texts: data readers, two heads, training and prediction.

    from tasks.classification import Classifier, ClassifierConfig, train

    train(ClassifierConfig(encoder="path or name"), "train.tsv", "dev.tsv", "my_classifier")
    Classifier.from_pretrained("my_classifier").predict(["A text to classify."])

``tasks.sentiment`` is the same with the defaults of sentiment. Public names are imported on first use, as in
``elmo_lite``.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tasks.classification.classifier import Classifier
    from tasks.classification.commands import evaluate
    from tasks.classification.config import ClassifierConfig
    from tasks.classification.data import read_labelled
    from tasks.classification.prediction import LabelsPrediction, Prediction, ValuePrediction
    from tasks.classification.readers import LabelledText
    from tasks.classification.training import train

__all__ = [
    "Classifier",
    "ClassifierConfig",
    "LabelledText",
    "LabelsPrediction",
    "Prediction",
    "ValuePrediction",
    "evaluate",
    "read_labelled",
    "train",
]

_MODULE_OF = {
    "Classifier": "classifier",
    "ClassifierConfig": "config",
    "LabelledText": "readers",
    "LabelsPrediction": "prediction",
    "Prediction": "prediction",
    "ValuePrediction": "prediction",
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
