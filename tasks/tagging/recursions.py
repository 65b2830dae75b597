"""The recursions of a CRF over the words of a sentence, in batches: forward and backward log weights, sums, maxima.

Weights are computed as probabilities in float64, scaled to sum to 1 at each word (Rabiner 1989, section V.A). Where
scores differ so much that they could be lost, sums over pairs of labels are computed relative to the largest, or in log
space, in blocks that fit into memory.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

MAX_PAIRS = 1 << 24
"""Number of probabilities of pairs of labels that are in memory at once."""
MAX_EXPONENT = 80.0
"""Exponent whose exponential float32 holds, with room for a sum."""
MAX_SPREAD = 200.0
"""Difference of scores at a word for which weights can be scaled: float64 holds the product of three steps."""


def forward_weights(emissions: Tensor, first: Tensor, follow: Tensor, mask: Tensor) -> Tensor:
    """The forward log weights, (B, T, N), including the emission at each word. Padding repeats the last word's."""
    if can_be_scaled(emissions, first, follow):
        return _scaled_forward(emissions, first, follow, mask)
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
    if can_be_scaled(emissions, last, follow):
        return _scaled_backward(emissions, follow, last, mask)
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


def can_be_scaled(emissions: Tensor, ends: Tensor, follow: Tensor) -> bool:
    """Whether weights scaled at each word lose nothing: scores differ by less than ``MAX_SPREAD``, there is float64."""
    if emissions.device.type == "mps":
        return False
    spread = (emissions.amax(dim=2) - emissions.amin(dim=2)).max() + sum(map(_spread, (ends, follow)))
    return bool(spread < MAX_SPREAD)  # not if it is NaN


def _spread(scores: Tensor) -> Tensor:
    """The difference of the largest and the smallest score of what is legal."""
    return scores.max() - scores.masked_fill(scores == -torch.inf, torch.inf).min()


def _scaled_forward(emissions: Tensor, first: Tensor, follow: Tensor, mask: Tensor) -> Tensor:
    """``forward_weights`` by weights that are scaled at each word."""
    top = emissions.amax(dim=2, keepdim=True)
    words = (emissions - top).double().exp().unbind(dim=1)
    transitions, is_full = follow.double().exp(), _is_full(mask)
    current = words[0] * (first - first.max()).double().exp()
    found, sums = [current], [torch.ones_like(current[:, :1])]
    for step in range(1, len(words)):
        reached = current @ transitions * words[step]
        scale = reached.sum(dim=1, keepdim=True)
        reached = reached / scale
        current = reached if is_full[step] else torch.where(mask[:, step, None], reached, current)
        found.append(current)
        sums.append(scale)
    scales = (torch.stack(sums, dim=1).log() + top).masked_fill(~mask[..., None], 0.0).cumsum(dim=1)
    return (torch.stack(found, dim=1).log() + scales + first.max()).to(emissions.dtype)


def _scaled_backward(emissions: Tensor, follow: Tensor, last: Tensor, mask: Tensor) -> Tensor:
    """``backward_weights`` by weights that are scaled at each word."""
    top = emissions.amax(dim=2, keepdim=True)
    words = (emissions - top).double().exp().unbind(dim=1)
    transitions, is_full = follow.double().exp().t(), _is_full(mask)
    current = end = (last - last.max()).double().exp().expand(len(mask), -1)
    found, sums = [current], []
    for step in range(len(words) - 1, 0, -1):
        reached = (current * words[step]) @ transitions
        scale = reached.sum(dim=1, keepdim=True)
        reached = reached / scale
        current = reached if is_full[step] else torch.where(mask[:, step, None], reached, end)
        found.append(current)
        sums.append(scale)
    weights = torch.stack(found[::-1], dim=1).log()
    if sums:
        scales = (torch.stack(sums[::-1], dim=1).log() + top[:, 1:]).masked_fill(~mask[:, 1:, None], 0.0)
        weights[:, :-1] += scales.flip(1).cumsum(dim=1).flip(1)
    return (weights + last.max()).to(emissions.dtype)


def _is_full(mask: Tensor) -> list[bool]:
    """Whether each position is a word in all sentences, which saves a CPU work; a GPU is not asked, nor waited for."""
    return mask.all(dim=0).tolist() if mask.device.type == "cpu" else [False] * mask.shape[1]


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
