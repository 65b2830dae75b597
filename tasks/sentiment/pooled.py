"""The small head: what the words' vectors are on average and at most, under one hidden layer."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from elmo_lite import ConfigError
from tasks.sentiment.pooling import masked_max, masked_mean


@dataclass(frozen=True, kw_only=True)
class PooledConfig:
    """Sizes of the pooled head."""

    hidden_dim: int = 200
    """Width of the hidden layer."""
    dropout: float = 0.3
    """Probability in [0, 1) before each of the two layers."""

    def __post_init__(self) -> None:
        """Check ranges."""
        if self.hidden_dim < 1:
            raise ConfigError(f"pooled.hidden_dim: expected 1 or more, found {self.hidden_dim}")
        if not 0 <= self.dropout < 1:
            raise ConfigError(f"pooled.dropout: expected a probability in [0, 1), found {self.dropout}")


class PooledHead(nn.Module):
    """[mean; max] over the words -> hidden layer -> classes; it sees no order but what the vectors carry."""

    def __init__(self, input_dim: int, num_classes: int, config: PooledConfig) -> None:
        """Make it over word vectors of width ``input_dim``."""
        super().__init__()
        self.layers = nn.Sequential(
            nn.Dropout(config.dropout),
            nn.Linear(2 * input_dim, config.hidden_dim),
            nn.ReLU(),
            nn.Dropout(config.dropout),
            nn.Linear(config.hidden_dim, num_classes),
        )

    def forward(self, vectors: Tensor, mask: Tensor) -> Tensor:
        """Scores before the softmax: (B, T, input_dim) and (B, T) to (B, num_classes)."""
        pooled = torch.cat([masked_mean(vectors, mask), masked_max(vectors, mask)], dim=-1)
        scores: Tensor = self.layers(pooled)
        return scores
