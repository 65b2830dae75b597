"""Named entity recognition: data readers, a biLSTM-CRF tagger, training and prediction.

    from tasks.ner import NerConfig, NerTagger, train

    train(NerConfig(encoder="path or name"), "train.conll", "dev.conll", "my_tagger")
    NerTagger.from_pretrained("my_tagger").predict(["Anna works at Siemens in Munich ."])

Public names are imported on first use, as in ``elmo_lite``.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tasks.ner.commands import evaluate
    from tasks.ner.config import NerConfig
    from tasks.ner.data import TaggedData, read_tagged
    from tasks.ner.readers import TaggedSentence
    from tasks.ner.tagger import NerTagger, Span
    from tasks.ner.training import train

__all__ = ["NerConfig", "NerTagger", "Span", "TaggedData", "TaggedSentence", "evaluate", "read_tagged", "train"]

_MODULE_OF = {
    "NerConfig": "config",
    "NerTagger": "tagger",
    "Span": "tagger",
    "TaggedData": "data",
    "TaggedSentence": "readers",
    "evaluate": "commands",
    "read_tagged": "data",
    "train": "training",
}


def __getattr__(name: str) -> Any:
    """Import the module of a public name on its first use (PEP 562)."""
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
    globals()[name] = value
    return value
