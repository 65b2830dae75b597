"""Settings of a tagger and its training. Every field is a flag of ``elmo-lite ner train``."""

from __future__ import annotations

from dataclasses import dataclass

from elmo_lite.errors import require, require_range
from elmo_lite.nn import DEEPEST, WIDEST
from tasks.ner.readers import ENTITY_TYPE
from tasks.training.task_config import TaskConfig


@dataclass(frozen=True, kw_only=True)
class NerConfig(TaskConfig):
    """Settings of a tagger."""

    word_column: int | None = None
    """Column of the words in a column file, from 0; -1 for the last. Detected by default."""
    tag_column: int | None = None
    """Column of the tags, counted in the same way. Detected by default."""
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
