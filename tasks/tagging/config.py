"""Settings of a tagger and its training. Every field is a flag of ``elmo-lite tag train``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from elmo_lite.errors import require, require_range
from elmo_lite.nn import DEEPEST, WIDEST
from tasks.tagging.tags import ENTITY_TYPE
from tasks.training.task_config import TaskConfig

_LABELS = ("auto", "spans", "tokens")
_OUTPUT_LAYERS = ("auto", "crf", "softmax")


@dataclass(frozen=True, kw_only=True)
class TaggerSettings(TaskConfig):
    """Settings of taggers of all kinds of labels."""

    entity_type: str = ENTITY_TYPE
    """Type of the entities in data whose tags have none: B, I and O."""
    lstm_dim: int = 128
    """Width of one direction of the biLSTM."""
    lstm_layers: int = 1
    """Number of layers of the biLSTM."""
    dropout: float = 0.5
    """Dropout probability after each layer of the biLSTM, in [0, 1)."""

    def __post_init__(self) -> None:
        """Check the ranges of the settings."""
        super().__post_init__()
        is_name = bool(self.entity_type) and not any(map(str.isspace, self.entity_type))
        require(is_name, "entity_type", "a name without blanks", self.entity_type)
        require_range(self.lstm_dim, "lstm_dim", 1, WIDEST)
        require_range(self.lstm_layers, "lstm_layers", 1, DEEPEST)
        require(0 <= self.dropout < 1, "dropout", "a probability in [0, 1)", self.dropout)


@dataclass(frozen=True, kw_only=True)
class TaggerConfig(TaggerSettings):
    """Settings of a tagger."""

    column: int | str | None = None
    """Column of the labels: a name in CoNLL-U, such as upos, xpos or deprel; a number in other column files, from 0, or
    -1 for the last; a field of JSON. Defaults to upos in CoNLL-U, to a column of tags such as B-PER, or to the last."""
    word_column: int | str | None = None
    """Column of the words, named or counted in the same way. Detected by default."""
    predicate_column: int | str | None = None
    """Column that marks predicates, with - at other words, or field of JSON with the index of one: the labels are the
    arguments of the predicate, one example for each. Defaults to none."""
    mark_dim: int = 32
    """Width of a learned vector that tells the predicate from other words."""
    labels: Literal["auto", "spans", "tokens"] = "auto"
    """Kind of the labels: spans, marked by B-, I- and O, or one label for each token. auto detects it from the
    training data."""
    output_layer: Literal["auto", "crf", "softmax"] = "auto"
    """Choice of labels: crf scores whole sequences, softmax each word for itself. auto is crf for spans and softmax for
    other labels."""

    def __post_init__(self) -> None:
        """Check the choices."""
        super().__post_init__()
        require(self.labels in _LABELS, "labels", f"one of {', '.join(_LABELS)}", self.labels)
        require_range(self.mark_dim, "mark_dim", 1, WIDEST)
        expected = f"one of {', '.join(_OUTPUT_LAYERS)}"
        require(self.output_layer in _OUTPUT_LAYERS, "output_layer", expected, self.output_layer)
