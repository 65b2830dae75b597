"""A model in one line: name, sizes and settings."""

from __future__ import annotations

from elmo_lite.nn.bilm import BiLM
from elmo_lite.text.tokenization import Tokenization
from elmo_lite.text.vocabulary import Vocabulary


def described(model: object, name: str, bilm: BiLM, tokenization: Tokenization, vocabulary: Vocabulary | None) -> str:
    """Describe a model by the name of its class, as ``repr`` shows it."""
    weights = list(bilm.parameters())
    classes = "no vocabulary" if vocabulary is None else f"{len(vocabulary):,} classes"
    return (
        f"{type(model).__name__}({name or 'unsaved'}: "
        f"{bilm.config.num_layers + 1} layers of {2 * bilm.config.dim} values, "
        f"{sum(weight.numel() for weight in weights):,} parameters, {str(weights[0].dtype).removeprefix('torch.')} "
        f"on {weights[0].device}, tokenisation {tokenization}, {classes})"
    )
