"""Sampled softmax: cross-entropy over a sample of the classes, with gradients computed in the forward pass.

Sampling is stratified: each step draws ``num_samples`` classes with expected counts proportional to a smoothed unigram
distribution, and the most frequent classes exactly once each. The logarithm of the expected count is subtracted from
each sampled logit. The estimate of the partition function is therefore unbiased, and equals that of the full softmax if
all classes are sampled (importance sampling as in Bengio & Senecal 2008; Jean et al. 2015).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

CHUNK_NUMBERS = 2**22
"""Number of logits computed at a time: a few million stay in the cache between the three products of a chunk."""
GPU_CHUNK_NUMBERS = 2**26
"""The same on a GPU, where many small products take longer to start than to compute."""


def row_chunks(num_rows: int, num_columns: int, device: torch.device) -> Iterator[slice]:
    """Slices of the rows of a matrix of logits, which is computed slice by slice on a device."""
    numbers = CHUNK_NUMBERS if device.type == "cpu" else GPU_CHUNK_NUMBERS
    size = max(64, numbers // max(1, num_columns))
    for start in range(0, num_rows, size):
        yield slice(start, min(start + size, num_rows))


def expected_counts(class_counts: Tensor, num_samples: int, power: float) -> Tensor:
    """The expected count of each class per step: min(1, s * count ** power), scaled by s to sum to ``num_samples``.

    Args:
        class_counts: Count of each class in the training text, (V,). A count of zero is replaced by 1.
        num_samples: Number of draws per step, at most V.
        power: Exponent of the counts in [0, 1]: 0 is uniform, 1 is unigram.

    Returns:
        Expected counts (V,), float64 in (0, 1].
    """
    weights = class_counts.double().clamp(min=1.0) ** power
    counts = torch.zeros_like(weights)
    certain = torch.zeros(len(weights), dtype=torch.bool)
    while True:  # capping some classes at 1 raises the others, which may then exceed 1
        remaining = num_samples - int(certain.sum())
        scale = remaining / float(weights[~certain].sum()) if remaining else 0.0
        counts = torch.where(certain, torch.ones_like(weights), weights * scale)
        above = (counts >= 1.0) & ~certain
        if not bool(above.any()):
            return counts
        certain |= above


class SampledLoss(torch.autograd.Function):
    """Sampled cross-entropy, summed over rows, with its gradients computed in the forward pass.

    To avoid storing all logits, the forward pass computes logits, loss and gradients of one chunk of rows at a time.
    The backward pass only scales the gradients.
    """

    @staticmethod
    def forward(
        ctx: Any, states: Tensor, table: Tensor, bias: Tensor, log_counts: Tensor, columns: Tensor, targets: Tensor
    ) -> Tensor:
        """Compute the loss of N states over S sampled columns and the target of each row.

        Args:
            ctx: Context of autograd.
            states: Outputs of the top layer, (N, D).
            table: Vectors of the K distinct sampled and target classes, (K, D), in the dtype of ``states``.
            bias: Biases of these classes, (K,), float32.
            log_counts: Logarithm of the expected count of each column, (S,).
            columns: Index of each column in ``table``, (S,), in ascending order. A class may have two adjacent ones.
            targets: Index of each target in ``table``, (N,).
        """
        # The last column is reserved for the target of each row.
        sampled = torch.cat([table[columns], table.new_zeros(1, table.shape[1])])
        offset = torch.cat([bias[columns] - log_counts, bias.new_zeros(1)]).to(states.dtype)
        table_gradient = torch.zeros(table.shape, dtype=torch.float32, device=table.device)
        bias_gradient = torch.zeros_like(bias)
        sampled_gradient = torch.zeros(sampled.shape, dtype=torch.float32, device=table.device)
        column_gradient = torch.zeros_like(offset, dtype=torch.float32)
        states_gradient = torch.empty_like(states)
        hits = torch.searchsorted(columns, targets)  # the first column of each target, if it was sampled
        padded_columns = torch.cat([columns, columns.new_full((2,), -1)])
        loss = torch.zeros((), dtype=torch.float64, device=states.device)
        for rows in row_chunks(len(states), len(offset), states.device):
            chunk, target = states[rows], targets[rows]
            target_vectors = table[target]
            true_logits = (chunk * target_vectors).sum(dim=1, dtype=torch.float32) + bias[target]
            logits = torch.addmm(offset, chunk, sampled.t())  # (R, S + 1)
            _forget_hits(logits, hits[rows], padded_columns, target)
            logits[:, -1] = true_logits.to(logits.dtype)
            shares = torch.softmax(logits, dim=1)
            target_share = shares[:, -1].float()
            loss -= target_share.clamp(min=torch.finfo(torch.float32).tiny).log().sum(dtype=torch.float64)
            error = target_share - 1  # gradient of the target's logit; that of the other logits is their probability
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
        """Scale the saved gradients."""
        states_gradient, table_gradient, bias_gradient = ctx.saved_tensors
        scale = gradients[0]
        return (
            states_gradient * scale.to(states_gradient.dtype),
            table_gradient * scale,
            bias_gradient * scale,
            *[None] * 3,
        )


def _forget_hits(logits: Tensor, hits: Tensor, columns: Tensor, targets: Tensor) -> None:
    """Mask the sampled columns of each row that hold its target, at most two adjacent ones.

    No row is selected by its value, for which a GPU would have to be waited for. The last column may change.
    """
    last = logits.shape[1] - 1
    for shift in (0, 1):
        at = (hits + shift).clamp(max=last)[:, None]
        is_hit = columns[at] == targets[:, None]
        logits.scatter_(1, at, torch.where(is_hit, -math.inf, logits.gather(1, at)))


class GatherRows(torch.autograd.Function):
    """Rows of a table with a sparse gradient, so that the cost of a step is independent of the height of the table."""

    @staticmethod
    def forward(ctx: Any, table: Tensor, rows: Tensor) -> Tensor:
        """Gather the distinct ``rows`` (K,), in ascending order, of a table (V, ...). Returns (K, ...)."""
        ctx.save_for_backward(rows)
        ctx.shape = table.shape
        return table.index_select(0, rows)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        """Return the gradient of the rows as a coalesced sparse tensor."""
        (rows,) = ctx.saved_tensors
        return torch.sparse_coo_tensor(
            rows[None], gradients[0], ctx.shape, is_coalesced=True, check_invariants=False
        ), None
