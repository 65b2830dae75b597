"""Pooling of word vectors into one vector per text. Padding is ignored.

A long text comes in pieces. What a piece adds to each pool is small and known without the others (``Pooled``), so that
the pools over a whole text are exact, whatever its length, and no more than one piece need be in memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn


class Pooled(NamedTuple):
    """What the pools keep of N pieces or texts."""

    total: Tensor
    """(N, D), sum of the word vectors."""
    number: Tensor
    """(N, 1), number of words."""
    largest: Tensor
    """(N, D), maximum of each dimension."""
    smallest: Tensor | None = None
    """(N, D), minimum of each dimension; None if it is not used."""
    attended: Attended | None = None
    """Of attentive pooling; None if it is not used."""

    @property
    def mean(self) -> Tensor:
        """(N, D), mean of the word vectors."""
        return self.total / self.number

    @property
    def scaled_sum(self) -> Tensor:
        """(N, D), sum of the word vectors over the square root of their number."""
        return self.total / self.number.sqrt()


class Attended(NamedTuple):
    """What attentive pooling keeps of N pieces or texts, relative to their highest score."""

    highest: Tensor
    """(N, 1), highest score s of a word."""
    weight: Tensor
    """(N, 1), sum of exp(s - highest) over the words."""
    total: Tensor
    """(N, D), sum of the word vectors with these weights."""

    @property
    def mean(self) -> Tensor:
        """(N, D), mean of the word vectors weighted by the softmax of their scores."""
        return self.total / self.weight


class AttentivePooling(nn.Module):
    """Mean of word vectors X weighted by softmax(X v + d), with learned v and d (McCann et al. 2017, equation 14)."""

    def __init__(self, dim: int) -> None:
        """Create v and d for word vectors of width ``dim``."""
        super().__init__()
        self.score = nn.Linear(dim, 1)

    def pooled(self, vectors: Tensor, mask: Tensor) -> Attended:
        """What is kept of word vectors (N, T, D) with mask (N, T)."""
        scores = self.score(vectors)[..., 0].float().masked_fill(~mask, -torch.inf)
        highest = scores.amax(dim=1, keepdim=True).detach()  # it cancels out
        weights = torch.exp(scores - highest)
        return Attended(highest, weights.sum(dim=1, keepdim=True), torch.einsum("bt,btd->bd", weights, vectors))

    def forward(self, vectors: Tensor, mask: Tensor) -> Tensor:
        """Pool word vectors (B, T, D) with mask (B, T) to (B, D)."""
        return self.pooled(vectors, mask).mean


def masked_mean(vectors: Tensor, mask: Tensor) -> Tensor:
    """Average the word vectors (B, T, D) with mask (B, T) to (B, D)."""
    return masked_sum(vectors, mask) / mask.sum(dim=1, keepdim=True)


def masked_sum(vectors: Tensor, mask: Tensor) -> Tensor:
    """Add the word vectors (B, T, D) with mask (B, T) to (B, D)."""
    return (vectors * mask[..., None]).sum(dim=1)


def masked_max(vectors: Tensor, mask: Tensor) -> Tensor:
    """Take the maximum of each dimension of the word vectors (B, T, D) with mask (B, T) to (B, D)."""
    return vectors.masked_fill(~mask[..., None], -torch.inf).amax(dim=1)


def masked_min(vectors: Tensor, mask: Tensor) -> Tensor:
    """Take the minimum of each dimension of the word vectors (B, T, D) with mask (B, T) to (B, D)."""
    return vectors.masked_fill(~mask[..., None], torch.inf).amin(dim=1)


def pool_words(vectors: Tensor, mask: Tensor) -> Pooled:
    """What sum and max pooling keep of word vectors (N, T, D) with mask (N, T)."""
    return Pooled(masked_sum(vectors, mask), mask.sum(dim=1, keepdim=True), masked_max(vectors, mask))


def pool_all(vectors: Tensor, mask: Tensor, attentive: AttentivePooling) -> Pooled:
    """What all four pools keep of word vectors (N, T, D) with mask (N, T)."""
    words = pool_words(vectors, mask)
    return words._replace(smallest=masked_min(vectors, mask), attended=attentive.pooled(vectors, mask))


def join_pieces(pieces: Sequence[Pooled], owner: Tensor, num_texts: int) -> Pooled:
    """Join what is kept of pieces to what is kept of texts.

    Args:
        pieces: Pools of all pieces, in order, any number of pieces in each.
        owner: (P,), index of the text of each of the P pieces.
        num_texts: Number of texts, each of one or more pieces.
    """
    if len(pieces) == 1 and len(owner) == num_texts:
        return pieces[0]
    sums, numbers, largest, smallest, attended = zip(*pieces, strict=True)

    def added(parts: Sequence[Tensor]) -> Tensor:
        values = torch.cat(list(parts)).float()  # sums of many pieces need its precision
        return values.new_zeros(num_texts, values.shape[1]).index_add(0, owner, values)

    def extreme(parts: Sequence[Tensor], which: str) -> Tensor:
        values = torch.cat(list(parts))
        index = owner[:, None].expand_as(values)
        start = values.new_zeros(num_texts, values.shape[1])
        return start.scatter_reduce(0, index, values, which, include_self=False)

    joined = Pooled(added(sums), added(numbers), extreme(largest, "amax"))
    if smallest[0] is None:
        return joined
    highest, weights, totals = zip(*attended, strict=True)
    top = extreme(highest, "amax")
    scale = torch.exp(torch.cat(highest) - top[owner])  # float32
    of_texts = Attended(top, added([torch.cat(weights) * scale]), added([torch.cat(totals) * scale]))
    return joined._replace(smallest=extreme(smallest, "amin"), attended=of_texts)


def join_pairs(texts: Tensor) -> Tensor:
    """Join the vectors u and v of each pair, (2B, D), u before v, to [u; v; |u - v|; u * v], (B, 4D)."""
    first, second = texts[0::2], texts[1::2]
    return torch.cat([first, second, (first - second).abs(), first * second], dim=-1)
