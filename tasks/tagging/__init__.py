"""Tagging with any labels: data readers, a biLSTM tagger with a CRF or a softmax, training and prediction.

    from tasks.tagging import Tagger, TaggerConfig, train

    train(TaggerConfig(encoder="path or name", column="upos"), "train.conllu", "dev.conllu", "my_tagger")
    Tagger.from_pretrained("my_tagger").predict(["Anna works at Siemens in Munich ."])

Public names are imported on first use, as in ``elmo_lite``.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tasks.tagging.commands import evaluate
    from tasks.tagging.config import TaggerConfig
    from tasks.tagging.data import TaggedData, read_tagged
    from tasks.tagging.prediction import Marked, Span, Tagged
    from tasks.tagging.sentences import TaggedSentence
    from tasks.tagging.tagger import Tagger
    from tasks.tagging.training import train

__all__ = [
    "Marked",
    "Span",
    "Tagged",
    "TaggedData",
    "TaggedSentence",
    "Tagger",
    "TaggerConfig",
    "evaluate",
    "read_tagged",
    "train",
]

_MODULE_OF = {
    "Marked": "prediction",
    "Span": "prediction",
    "Tagged": "prediction",
    "TaggedData": "data",
    "TaggedSentence": "sentences",
    "Tagger": "tagger",
    "TaggerConfig": "config",
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
