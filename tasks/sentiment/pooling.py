"""One vector a sentence from its words' vectors; padding never counts."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def masked_mean(vectors: Tensor, mask: Tensor) -> Tensor:
    """Mean over the words: (B, T, D) and (B, T) to (B, D)."""
    return (vectors * mask[..., None]).sum(dim=1) / mask.sum(dim=1, keepdim=True)


def masked_max(vectors: Tensor, mask: Tensor) -> Tensor:
    """Largest value of each dimension over the words: (B, T, D) and (B, T) to (B, D)."""
    return vectors.masked_fill(~mask[..., None], -torch.inf).amax(dim=1)


def masked_min(vectors: Tensor, mask: Tensor) -> Tensor:
    """Smallest value of each dimension over the words: (B, T, D) and (B, T) to (B, D)."""
    return vectors.masked_fill(~mask[..., None], torch.inf).amin(dim=1)


class AttentivePooling(nn.Module):
    """Mean weighted by softmax(X v + d) over the words, with v and d learned (McCann et al. 2017, equation 14)."""

    def __init__(self, dim: int) -> None:
        """Score vectors of width ``dim``."""
        super().__init__()
        self.score = nn.Linear(dim, 1)

    def forward(self, vectors: Tensor, mask: Tensor) -> Tensor:
        """(B, T, D) and (B, T) to (B, D)."""
        scores = self.score(vectors)[..., 0].masked_fill(~mask, -torch.inf)
        pooled: Tensor = torch.einsum("bt,btd->bd", torch.softmax(scores, dim=1), vectors)
        return pooled
