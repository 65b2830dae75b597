"""The pooled head: a hidden layer at each word, followed by sum and max pooling over the words.

This is a convolution of width one with max pooling (Kim 2014), extended by a sum. The hidden layer comes before the
pooling: a hidden unit can detect praise at any word, and the maximum keeps it, while the mean of the contextual vectors
themselves says little about the polarity of a sentence.

The sum over n words is divided by sqrt(n), as a sum of n independent values is to keep its variance. A mean varies the
less, the longer the texts are, while a maximum does not: of texts of some hundred words, a head learns the maxima by
heart and leaves the mean unused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from elmo_lite import ConfigError
from elmo_lite.errors import require_range
from elmo_lite.nn import WIDEST
from tasks.classification.pooling import Pooled, join_pairs, join_pieces, pool_words
from tasks.modules.parts import Linear, Parts


@dataclass(frozen=True, kw_only=True)
class PooledConfig:
    """Sizes of the pooled head."""

    hidden_dim: int = 200
    """Width of the hidden layer, and of that over a pair of texts."""
    dropout: float = 0.3
    """Dropout probability of the pooled vector, and after the hidden layer over a pair, in [0, 1)."""

    def __post_init__(self) -> None:
        """Check the ranges of the settings."""
        require_range(self.hidden_dim, "pooled.hidden_dim", 1, WIDEST)
        if not 0 <= self.dropout < 1:
            raise ConfigError(f"pooled.dropout: expected a probability in [0, 1), found {self.dropout}")


class PooledHead(nn.Module):
    """Hidden layer at each word -> [sum / sqrt(n); max] over n words -> outputs. Only the vectors depend on word order.

    Of a pair of texts, the pooled vectors u and v are joined to [u; v; |u - v|; u * v], and a second hidden layer comes
    before the outputs (Conneau et al. 2017; u and v enter symmetrically but for the first two).
    """

    def __init__(self, input_dim: int, num_classes: int, config: PooledConfig, pairs: bool = False) -> None:
        """Build the head for word vectors of width ``input_dim``; ``pairs`` is for pairs of texts."""
        super().__init__()
        self.pairs = pairs
        self.hidden = nn.Sequential(Linear(input_dim, config.hidden_dim), nn.ReLU())
        self.dropout = nn.Dropout(config.dropout)
        width = config.hidden_dim
        if pairs:
            self.compare = nn.Sequential(nn.Linear(8 * width, width), nn.ReLU(), nn.Dropout(config.dropout))
        self.logits = nn.Linear(width if pairs else 2 * width, num_classes)

    def read(self, vectors: Parts, mask: Tensor, output_mix: Tensor | None = None) -> Pooled:
        """What is kept of N pieces of texts: word vectors (N, T, input_dim) with mask (N, T)."""
        return pool_words(self.hidden(vectors), mask)

    def judge(self, pieces: Sequence[Pooled], owner: Tensor, num_texts: int) -> Tensor:
        """Logits (B, num_classes) of texts or pairs, from what is kept of their pieces; see ``join_pieces``."""
        found = join_pieces(pieces, owner, num_texts)
        pooled = torch.cat([found.scaled_sum, found.largest], dim=-1)
        vectors = self.dropout(join_pairs(pooled) if self.pairs else pooled)
        logits: Tensor = self.logits(self.compare(vectors) if self.pairs else vectors)
        return logits

    def forward(self, vectors: Parts, mask: Tensor) -> Tensor:
        """Map word vectors (B, T, input_dim) with mask (B, T) to logits (B, num_classes), for texts in one piece."""
        return self.judge([self.read(vectors, mask)], torch.arange(len(mask), device=mask.device), len(mask))
