"""The recursions of a CRF over the words of a sentence, in batches: forward and backward log weights, sums, maxima.

A sum over pairs of labels is a product of matrices of exponentials, relative to the largest; where exponentials are
too small or too large for that, it is computed in log space, in blocks that fit into memory.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

MAX_PAIRS = 1 << 24
"""Number of probabilities of pairs of labels that are in memory at once."""
MAX_EXPONENT = 80.0
"""Exponent whose exponential float32 holds, with room for a sum."""


def forward_weights(emissions: Tensor, first: Tensor, follow: Tensor, mask: Tensor) -> Tensor:
    """The forward log weights, (B, T, N), including the emission at each word. Padding repeats the last word's."""
    current = first + emissions[:, 0]
    found = [current]
    columns = follow.t().contiguous()  # a sum is over the last, contiguous dimension
    weights = columns.exp()
    with torch.autocast(emissions.device.type, enabled=False):  # bfloat16 is too coarse
        for step in range(1, emissions.shape[1]):
            reached = _summed(current, columns, weights) + emissions[:, step]
            current = torch.where(mask[:, step, None], reached, current)
            found.append(current)
    return torch.stack(found, dim=1)


def backward_weights(emissions: Tensor, follow: Tensor, last: Tensor, mask: Tensor) -> Tensor:
    """The backward log weights, (B, T, N), without the emission at each word."""
    end = last.expand(emissions.shape[0], -1)
    current = end
    found = [current]
    weights = follow.exp()
    with torch.autocast(emissions.device.type, enabled=False):
        for step in range(emissions.shape[1] - 1, 0, -1):
            reached = _summed(emissions[:, step] + current, follow, weights)
            current = torch.where(mask[:, step, None], reached, end)
            found.append(current)
    return torch.stack(found[::-1], dim=1)


def _summed(current: Tensor, scores: Tensor, weights: Tensor) -> Tensor:
    """logsumexp_j of current[b, j] + scores[i, j], (B, N), with ``weights`` the exponentials of the scores.

    A product of matrices computes it, relative to the largest summand of ``current``. Where all summands are too small
    for that, the sums are computed again.
    """
    top = current.amax(dim=1, keepdim=True)
    sums = F.linear((current - top).exp(), weights).log() + top
    if sums.isinf().any():
        rows = torch.split(current, max(1, MAX_PAIRS // scores.numel()))
        sums = torch.cat([torch.logsumexp(row.unsqueeze(1) + scores, dim=2) for row in rows])
    return sums


def best_previous(current: Tensor, scores: Tensor) -> tuple[Tensor, Tensor]:
    """The maximum over i of current[b, i] + scores[i, j], (B, N), and its i, for some sentences at a time."""
    block = max(1, MAX_PAIRS // scores.numel())
    found = [(rows.unsqueeze(2) + scores).max(dim=1) for rows in torch.split(current, block)]
    return torch.cat([best for best, _ in found]), torch.cat([place for _, place in found])


def sums_of_pairs(ahead: Tensor, follow: Tensor, onward: Tensor, gradient: Tensor) -> Tensor:
    """The sums over words of exp(ahead[b, t, i] + follow[i, j] + onward[b, t, j]) gradient[b], (N, N)."""
    top = ahead.amax(dim=2, keepdim=True)
    right = onward + top
    if right.numel() == 0 or right.max() < MAX_EXPONENT:
        left = (ahead - top).exp() * gradient[:, None, None]
        with torch.autocast(follow.device.type, enabled=False):
            return follow.exp() * (left.flatten(0, 1).t() @ right.exp().flatten(0, 1))
    steps = torch.zeros_like(follow)
    block = max(1, MAX_PAIRS // (len(ahead) * follow.numel()))  # words at once
    for here, there in zip(torch.split(ahead, block, 1), torch.split(onward, block, 1), strict=True):
        steps += torch.einsum("btij,b->ij", (here[..., None] + follow + there[:, :, None, :]).exp(), gradient)
    return steps


def at_least_float32(emissions: Tensor) -> Tensor:
    """Convert half precision, which is too coarse for the sums over long sentences, to float32."""
    return emissions if emissions.dtype == torch.float64 else emissions.float()
