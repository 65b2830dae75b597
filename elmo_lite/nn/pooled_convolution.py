"""Convolutions over the characters of words, of which only the maximum over positions is kept.

    y_f = max_p sum_{j < w, e} W_fej x_{p+j, e}        (Kim et al. 2016, equations 4 and 5, without the bias)

One product computes all windows of a block of words of similar length, and only the maxima leave the block. The scores
are computed again in the backward pass, where the gradient of a maximum goes to the window that has it. Windows that
have it together share it: they are the same characters, but for chance, so that the gradients are those of any of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from elmo_lite.text.characters import NO_TOKEN, PADDING

BLOCK = 128
"""Number of words of a block, for each thread."""


class PooledConvolutions(torch.autograd.Function):
    """The maxima (N, F) of N words with character ids (N, C), an embedding (V, E) and weights (F_i, E, w_i)."""

    @staticmethod
    def forward(ctx: Any, char_ids: Tensor, embedding: Tensor, *weights: Tensor) -> Tensor:
        """Run over all blocks."""
        ctx.save_for_backward(char_ids, embedding, *weights)
        filters = [_flat(weight) for weight in weights]
        maxima = embedding.new_empty(len(char_ids), sum(map(len, filters)))
        for rows, ids in _blocks(char_ids, max(weight.shape[2] for weight in weights)):
            embedded = F.embedding(ids, embedding)
            maxima[rows] = torch.cat([_scores(embedded, flat)[1].amax(dim=1) for flat in filters], dim=1)
        return maxima

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_maxima: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients of the embedding and of the weights."""
        char_ids, embedding, *weights = ctx.saved_tensors
        filters = [_flat(weight) for weight in weights]
        d_filters, d_embedding = [torch.zeros_like(flat) for flat in filters], torch.zeros_like(embedding)
        for rows, ids in _blocks(char_ids, max(weight.shape[2] for weight in weights)):
            embedded = F.embedding(ids, embedding)
            d_embedded = torch.zeros_like(embedded)
            parts = torch.split(d_maxima[rows], [len(flat) for flat in filters], dim=1)
            for flat, d_flat, d_part in zip(filters, d_filters, parts, strict=True):
                windows, scores = _scores(embedded, flat)
                is_largest = scores.sub_(scores.amax(dim=1, keepdim=True)).sign_().add_(1)  # 1 there, 0 elsewhere
                d_scores = is_largest.mul_((d_part / is_largest.sum(dim=1))[:, None]).flatten(0, 1)
                d_flat.addmm_(d_scores.t(), windows)
                _add_windows(d_embedded, d_scores @ flat)
            d_embedding.index_add_(0, ids.flatten(), d_embedded.flatten(0, 1))
        d_weights = [d_flat.view(len(d_flat), -1, embedding.shape[1]).transpose(1, 2) for d_flat in d_filters]
        # In the layout of the weights, as several processes exchange them.
        return None, d_embedding, *(d_weight.contiguous() for d_weight in d_weights)


def _blocks(char_ids: Tensor, widest: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Rows of blocks of words of similar length, and their character ids, trimmed as ``CharCNN`` says."""
    is_used = (char_ids != PADDING) & (char_ids != NO_TOKEN)
    lengths, order = (is_used * torch.arange(1, char_ids.shape[1] + 1)).amax(dim=1).sort()
    size = BLOCK * torch.get_num_threads()
    for start in range(0, len(order), size):
        rows = order[start : start + size]
        longest = int(lengths[start + len(rows) - 1])
        yield rows, char_ids[rows, : longest + widest]


def _flat(weight: Tensor) -> Tensor:
    """Filters (F, E, w) as rows over the characters of a window, (F, wE)."""
    return weight.transpose(1, 2).flatten(1)


def _scores(embedded: Tensor, flat: Tensor) -> tuple[Tensor, Tensor]:
    """Windows (NP, wE) of words (N, L, E), and the scores (N, P, F) of filters (F, wE) there."""
    size = flat.shape[1]
    windows = embedded.flatten(1).unfold(1, size, embedded.shape[2])  # (N, P, wE)
    rows = windows.reshape(-1, size)
    return rows, (rows @ flat.t()).view(*windows.shape[:2], -1)


def _add_windows(d_embedded: Tensor, d_windows: Tensor) -> None:
    """Add the gradients of windows (NP, wE) to those of words (N, L, E)."""
    number, _, width = d_embedded.shape
    d_windows = d_windows.view(number, -1, d_windows.shape[1] // width, width)  # (N, P, w, E)
    for place in range(d_windows.shape[2]):
        d_embedded[:, place : place + d_windows.shape[1]] += d_windows[:, :, place]


def pooled_convolutions(char_ids: Tensor, embedding: Tensor, convolutions: Iterable[nn.Conv1d]) -> Tensor:
    """The maxima over positions of convolutions (E to F_i channels), biases included, (N, F_1 + F_2 + ...)."""
    weights, biases = zip(*((convolution.weight, convolution.bias) for convolution in convolutions), strict=True)
    maxima: Tensor = PooledConvolutions.apply(char_ids.int(), embedding, *weights)  # type: ignore[no-untyped-call]
    return maxima + torch.cat(biases)
