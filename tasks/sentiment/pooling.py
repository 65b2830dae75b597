"""Pooling of word vectors into one vector per sentence. Padding is ignored."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def masked_mean(vectors: Tensor, mask: Tensor) -> Tensor:
    """Average the word vectors (B, T, D) with mask (B, T) to (B, D)."""
    return (vectors * mask[..., None]).sum(dim=1) / mask.sum(dim=1, keepdim=True)


def masked_max(vectors: Tensor, mask: Tensor) -> Tensor:
    """Take the maximum of each dimension of the word vectors (B, T, D) with mask (B, T) to (B, D)."""
    return vectors.masked_fill(~mask[..., None], -torch.inf).amax(dim=1)


def masked_min(vectors: Tensor, mask: Tensor) -> Tensor:
    """Take the minimum of each dimension of the word vectors (B, T, D) with mask (B, T) to (B, D)."""
    return vectors.masked_fill(~mask[..., None], torch.inf).amin(dim=1)


class AttentivePooling(nn.Module):
    """Mean of word vectors X weighted by softmax(X v + d), with learned v and d (McCann et al. 2017, equation 14)."""

    def __init__(self, dim: int) -> None:
        """Create v and d for word vectors of width ``dim``."""
        super().__init__()
        self.score = nn.Linear(dim, 1)

    def forward(self, vectors: Tensor, mask: Tensor) -> Tensor:
        """Pool word vectors (B, T, D) with mask (B, T) to (B, D)."""
        scores = self.score(vectors)[..., 0].masked_fill(~mask, -torch.inf)
        pooled: Tensor = torch.einsum("bt,btd->bd", torch.softmax(scores, dim=1), vectors)
        return pooled
