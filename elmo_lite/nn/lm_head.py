"""Top states to the language models' loss: sampled softmax in training, full softmax wherever a perplexity is printed.

One table of class vectors serves both directions. Sampling is stratified: every step draws ``num_samples`` classes with
expected counts proportional to a smoothed unigram distribution, the most frequent classes exactly once each, and each
sampled logit is lowered by the logarithm of its expected count. So the partition estimate is unbiased, and where every
class is sampled it is the full softmax (importance sampling as in Bengio & Senecal 2008; Jean et al. 2015).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from elmo_lite.errors import ConfigError

# Rows of logits computed at a time: a chunk of a few million numbers stays in the cache between its three products.
CHUNK_NUMBERS = 2**22


def _chunks(num_rows: int, num_columns: int) -> Iterator[slice]:
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
        for rows in _chunks(len(states), len(offset)):
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


class LMHead(nn.Module):
    """Class vectors and biases shared by both directions."""

    _order: Tensor
    _cumulative: Tensor
    _log_counts: Tensor

    def __init__(self, num_classes: int, dim: int) -> None:
        """Make a table of ``num_classes`` (V) vectors of width ``dim`` (D)."""
        super().__init__()
        self.weight = nn.Parameter(torch.empty(num_classes, dim))
        nn.init.normal_(self.weight).detach().div_(math.sqrt(dim))
        self.bias = nn.Parameter(torch.zeros(num_classes))
        self.num_samples = 0
        self._num_certain = 0
        for name in ("_order", "_cumulative", "_log_counts"):
            # On the CPU also where the module is made of shapes alone: nothing would ever fill them there.
            self.register_buffer(name, torch.empty(0, device="cpu"), persistent=False)

    @property
    def num_classes(self) -> int:
        """V."""
        return len(self.weight)

    def start_from_counts(self, class_counts: Tensor) -> None:
        """Set the biases to the classes' log frequencies: training then begins at the unigram distribution.

        Args:
            class_counts: (V,); a class that never occurred counts as half an occurrence.
        """
        counts = class_counts.double().clamp(min=0.5)
        with torch.no_grad():
            self.bias.copy_((counts / counts.sum()).log())

    def prepare_sampling(self, class_counts: Tensor, num_samples: int, power: float = 0.75) -> None:
        """Set what ``sampled_loss`` draws from.

        Args:
            class_counts: (V,) occurrences of each class in the training text.
            num_samples: classes drawn in a step; V or more means all of them.
            power: exponent of the counts.

        Raises:
            ConfigError: ``num_samples`` is not positive.
        """
        if num_samples < 1:
            raise ConfigError(f"head.num_samples: expected a positive number, found {num_samples}")
        self.num_samples = min(num_samples, self.num_classes)
        counts = expected_counts(class_counts, self.num_samples, power)
        # Certain draws must fill whole strata, so they lead; the vocabulary is by falling count, but for <unk>.
        certain = counts >= 1.0
        order = torch.argsort(certain.int(), descending=True, stable=True)
        self._order = order
        self._cumulative = torch.cumsum(counts[order], dim=0)
        self._log_counts = torch.log(counts).float()
        self._num_certain = int(certain.sum())

    def sample(self, generator: torch.Generator | None = None) -> Tensor:
        """Draw classes: (S,) in rising order; an uncertain class may come twice.

        The cumulative expected counts are cut into S strata of length one, and one class is drawn from each.
        """
        device = self._cumulative.device
        strata = torch.arange(self._num_certain, self.num_samples, dtype=torch.float64, device=device)
        draws = strata + torch.rand(len(strata), generator=generator, dtype=torch.float64, device=device)
        places = torch.searchsorted(self._cumulative, draws, right=True).clamp(max=self.num_classes - 1)
        return torch.cat([self._order[: self._num_certain], self._order[places]]).sort().values

    def sampled_loss(
        self, states: Tensor, targets: Tensor, generator: torch.Generator | None = None, sparse: bool = True
    ) -> Tensor:
        """Sum over rows of the sampled cross-entropy in nats; for training only, it is no perplexity.

        Args:
            states: (N, D) float32 or bfloat16.
            targets: (N,) classes.
            generator: of the draws.
            sparse: whether ``weight`` and ``bias`` get sparse gradients.

        Returns:
            A scalar.
        """
        samples = self.sample(generator)
        classes, places = torch.unique(torch.cat([samples, targets]), return_inverse=True)
        columns, target_places = places[: len(samples)], places[len(samples) :]
        gather = GatherRows.apply if sparse else torch.Tensor.__getitem__
        table = gather(self.weight, classes).to(states.dtype)
        bias = gather(self.bias, classes)
        loss: Tensor = SampledLoss.apply(  # type: ignore[no-untyped-call]
            states, table, bias, self._log_counts[samples], columns, target_places
        )
        return loss

    def log_probabilities(self, states: Tensor, targets: Tensor) -> Tensor:
        """Log probability of each target under the full softmax, in nats, computed in chunks.

        Args:
            states: (N, D).
            targets: (N,) classes.

        Returns:
            (N,) float32.
        """
        weight = self.weight.to(states.dtype)
        bias = self.bias.to(states.dtype)
        result = []
        for rows in _chunks(len(states), len(weight)):
            logits = torch.addmm(bias, states[rows], weight.t()).float()
            result.append(-F.cross_entropy(logits, targets[rows], reduction="none"))
        return torch.cat(result) if result else states.new_zeros(0, dtype=torch.float32)
