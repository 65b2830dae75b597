"""Settings of a sentiment classifier and its training. Every field is a flag of ``elmo-lite sentiment train``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from elmo_lite.errors import require
from tasks.sentiment.bcn import BCNConfig
from tasks.sentiment.pooled_head import PooledConfig
from tasks.sentiment.readers import DataConfig
from tasks.training.config import FinetuneConfig
from tasks.training.task_config import TaskConfig


@dataclass(frozen=True, kw_only=True)
class SentimentConfig(TaskConfig):
    """Settings of a sentiment classifier."""

    head: Literal["pooled", "bcn"] = "pooled"
    """Network. pooled is a hidden layer at each word, pooled over the words; bcn is the biattentive classification
    network."""
    data: DataConfig = field(default_factory=DataConfig)
    """Reading of the data."""
    pooled: PooledConfig = field(default_factory=PooledConfig)
    """Sizes of the pooled head."""
    bcn: BCNConfig = field(default_factory=BCNConfig)
    """Sizes of the biattentive classification network."""
    # The best learning rate of the pooled head is a third of the tagger's.
    finetune: FinetuneConfig = field(default_factory=lambda: FinetuneConfig(learning_rate=1e-3))
    """Training."""

    def __post_init__(self) -> None:
        """Check the ranges of the settings."""
        super().__post_init__()
        require(self.head in ("pooled", "bcn"), "head", "one of pooled, bcn", self.head)
        has_output_mix = self.representation.output_mix and self.head == "pooled"
        expected = "false for the pooled head, which has no RNN (or the head bcn)"
        require(not has_output_mix, "representation.output_mix", expected, True)

    @property
    def head_config(self) -> PooledConfig | BCNConfig:
        """Sizes of the chosen head."""
        return self.bcn if self.head == "bcn" else self.pooled
