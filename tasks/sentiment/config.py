"""Settings of a sentiment classifier and its training. Every field is a flag of ``elmo-lite sentiment train``."""

from __future__ import annotations

from dataclasses import dataclass, field

from tasks.classification.config import HeadConfig
from tasks.classification.readers import DataConfig


@dataclass(frozen=True, kw_only=True)
class SentimentConfig(HeadConfig):
    """Settings of a sentiment classifier: one label for each text, whole texts, the best epoch by accuracy."""

    data: DataConfig = field(default_factory=DataConfig)
    """Reading of the data."""

    @property
    def reading(self) -> DataConfig:
        """Settings of the reading of data."""
        return self.data
