"""The pooled head: a hidden layer at each word, followed by mean and max pooling over the words.

This is a convolution of width one with max pooling (Kim 2014), extended by mean pooling. The hidden layer comes before
the pooling: a hidden unit can detect praise at any word, and the maximum keeps it, while the mean of the contextual
vectors themselves says little about the polarity of a sentence.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from elmo_lite import ConfigError
from elmo_lite.errors import require_range
from elmo_lite.nn import WIDEST
from tasks.sentiment.pooling import masked_max, masked_mean


@dataclass(frozen=True, kw_only=True)
class PooledConfig:
    """Sizes of the pooled head."""

    hidden_dim: int = 200
    """Width of the hidden layer."""
    dropout: float = 0.3
    """Dropout probability of the pooled vector, in [0, 1)."""

    def __post_init__(self) -> None:
        """Check the ranges of the settings."""
        require_range(self.hidden_dim, "pooled.hidden_dim", 1, WIDEST)
        if not 0 <= self.dropout < 1:
            raise ConfigError(f"pooled.dropout: expected a probability in [0, 1), found {self.dropout}")


class PooledHead(nn.Module):
    """Hidden layer at each word -> [mean; max] over the words -> classes. Only the vectors depend on word order."""

    def __init__(self, input_dim: int, num_classes: int, config: PooledConfig) -> None:
        """Build the head for word vectors of width ``input_dim``."""
        super().__init__()
        self.hidden = nn.Sequential(nn.Linear(input_dim, config.hidden_dim), nn.ReLU())
        self.dropout = nn.Dropout(config.dropout)
        self.scores = nn.Linear(2 * config.hidden_dim, num_classes)

    def forward(self, vectors: Tensor, mask: Tensor) -> Tensor:
        """Map word vectors (B, T, input_dim) with mask (B, T) to logits (B, num_classes)."""
        hidden = self.hidden(vectors)
        pooled = torch.cat([masked_mean(hidden, mask), masked_max(hidden, mask)], dim=-1)
        scores: Tensor = self.scores(self.dropout(pooled))
        return scores
