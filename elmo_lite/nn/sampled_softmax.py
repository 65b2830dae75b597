"""Sampled softmax: a cross-entropy over a sample of the classes, with gradients found on the way.

Sampling is stratified: every step draws ``num_samples`` classes with expected counts proportional to a smoothed unigram
distribution, the most frequent classes exactly once each, and each sampled logit is lowered by the logarithm of its
expected count. So the partition estimate is unbiased, and where every class is sampled it is the full softmax
(importance sampling as in Bengio & Senecal 2008; Jean et al. 2015).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

CHUNK_NUMBERS = 2**22
"""Logits computed at a time: a chunk of a few million stays in the cache between its three products."""


def row_chunks(num_rows: int, num_columns: int) -> Iterator[slice]:
    """Slices of the rows of a matrix of logits that is never made whole."""
    size = max(64, CHUNK_NUMBERS // max(1, num_columns))
    for start in range(0, num_rows, size):
        yield slice(start, min(start + size, num_rows))


def expected_counts(class_counts: Tensor, num_samples: int, power: float) -> Tensor:
    """How often each class is drawn in a step: min(1, s * count ** power), summing to ``num_samples``.

    Args:
        class_counts: (V,) counts in the training text; a class that never occurred counts as one.
        num_samples: draws in a step, at most V.
        power: exponent in [0, 1] of the counts; 0 is uniform, 1 unigram.

    Returns:
        (V,) float64 in (0, 1].
    """
    weights = class_counts.double().clamp(min=1.0) ** power
    counts = torch.zeros_like(weights)
    certain = torch.zeros(len(weights), dtype=torch.bool)
    while True:  # capping some classes at 1 raises the others, which may pass 1 in turn
        remaining = num_samples - int(certain.sum())
        scale = remaining / float(weights[~certain].sum()) if remaining else 0.0
        counts = torch.where(certain, torch.ones_like(weights), weights * scale)
        above = (counts >= 1.0) & ~certain
        if not bool(above.any()):
            return counts
        certain |= above


class SampledLoss(torch.autograd.Function):
    """Sampled cross-entropy, summed over rows, with its gradient found on the way.

    Logits are large and never needed again, so each chunk of rows makes its logits, its loss and its part of the
    gradient before the next one begins. Backward only scales what is there.
    """

    @staticmethod
    def forward(
        ctx: Any, states: Tensor, table: Tensor, bias: Tensor, log_counts: Tensor, columns: Tensor, targets: Tensor
    ) -> Tensor:
        """Loss of N states over S sampled columns and each row's own target.

        Args:
            ctx: autograd's.
            states: (N, D).
            table: (K, D) vectors of the distinct classes in play, in the dtype of ``states``.
            bias: (K,) float32.
            log_counts: (S,) log expected count of each column.
            columns: (S,) index into ``table``, in rising order; a class may stand in two neighbouring columns.
            targets: (N,) index into ``table``.
        """
        # The last column is kept free for each row's target.
        sampled = torch.cat([table[columns], table.new_zeros(1, table.shape[1])])
        offset = torch.cat([bias[columns] - log_counts, bias.new_zeros(1)]).to(states.dtype)
        table_gradient = torch.zeros(table.shape, dtype=torch.float32, device=table.device)
        bias_gradient = torch.zeros_like(bias)
        sampled_gradient = torch.zeros(sampled.shape, dtype=torch.float32, device=table.device)
        column_gradient = torch.zeros_like(offset, dtype=torch.float32)
        states_gradient = torch.empty_like(states)
        hits = torch.searchsorted(columns, targets)  # the first column of each target, if it was sampled at all
        padded_columns = torch.cat([columns, columns.new_full((2,), -1)])
        loss = torch.zeros((), dtype=torch.float64, device=states.device)
        for rows in row_chunks(len(states), len(offset)):
            chunk, target = states[rows], targets[rows]
            target_vectors = table[target]
            true_logits = (chunk * target_vectors).sum(dim=1, dtype=torch.float32) + bias[target]
            logits = torch.addmm(offset, chunk, sampled.t())  # (R, S + 1)
            _forget_hits(logits, hits[rows], padded_columns, target)
            logits[:, -1] = true_logits.to(logits.dtype)
            shares = torch.softmax(logits, dim=1)
            target_share = shares[:, -1].float()
            loss -= target_share.clamp(min=torch.finfo(torch.float32).tiny).log().sum(dtype=torch.float64)
            error = target_share - 1  # of the target's logit; the other logits' errors are their shares
            shares[:, -1] = 0
            column_gradient += (shares.t() @ shares.new_ones(len(shares), 1)).squeeze(1)
            states_gradient[rows] = torch.addcmul(shares @ sampled, error[:, None].to(states.dtype), target_vectors)
            sampled_gradient += shares.t() @ chunk
            table_gradient.index_add_(0, target, chunk.float() * error[:, None])
            bias_gradient.index_add_(0, target, error)
        table_gradient.index_add_(0, columns, sampled_gradient[:-1])
        bias_gradient.index_add_(0, columns, column_gradient[:-1])
        ctx.save_for_backward(states_gradient, table_gradient, bias_gradient)
        return loss.float()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Scale the stored gradients."""
        states_gradient, table_gradient, bias_gradient = ctx.saved_tensors
        scale = gradients[0]
        return (
            states_gradient * scale.to(states_gradient.dtype),
            table_gradient * scale,
            bias_gradient * scale,
            *[None] * 3,
        )


def _forget_hits(logits: Tensor, hits: Tensor, columns: Tensor, targets: Tensor) -> None:
    """Take a row's own target out of its sampled columns; it may stand in two neighbouring ones."""
    for shift in (0, 1):
        at = hits + shift
        rows = (columns[at] == targets).nonzero().squeeze(1)
        logits[rows, at[rows]] = -math.inf


class GatherRows(torch.autograd.Function):
    """Rows of a table whose gradient stays sparse: steps cost the same whatever the table's height."""

    @staticmethod
    def forward(ctx: Any, table: Tensor, rows: Tensor) -> Tensor:
        """Gather distinct, rising ``rows`` (K,) of a table (V, ...)."""
        ctx.save_for_backward(rows)
        ctx.shape = table.shape
        return table.index_select(0, rows)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        """Wrap the rows' gradient as a coalesced sparse tensor."""
        (rows,) = ctx.saved_tensors
        return torch.sparse_coo_tensor(
            rows[None], gradients[0], ctx.shape, is_coalesced=True, check_invariants=False
        ), None
