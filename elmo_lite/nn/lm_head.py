"""The language model head: sampled softmax for training, full softmax for perplexity.

Both directions share one table of class vectors.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from elmo_lite.errors import require
from elmo_lite.nn.sampled_softmax import GatherRows, SampledLoss, expected_counts, row_chunks


class LMHead(nn.Module):
    """A table of class vectors and biases, shared by both directions."""

    _order: Tensor
    _cumulative: Tensor
    _log_counts: Tensor

    def __init__(self, num_classes: int, dim: int) -> None:
        """Create a table of ``num_classes`` (V) vectors of width ``dim`` (D)."""
        super().__init__()
        self.weight = nn.Parameter(torch.empty(num_classes, dim))
        nn.init.normal_(self.weight).detach().div_(math.sqrt(dim))
        self.bias = nn.Parameter(torch.zeros(num_classes))
        self.num_samples = 0
        self._num_certain = 0
        for name in ("_order", "_cumulative", "_log_counts"):
            # On the CPU even if the module is created on the meta device: loading weights does not fill these buffers.
            self.register_buffer(name, torch.empty(0, device="cpu"), persistent=False)

    @property
    def num_classes(self) -> int:
        """The number of classes V."""
        return len(self.weight)

    def start_from_counts(self, class_counts: Tensor) -> None:
        """Set the biases to the log frequencies of the classes, so that training starts at the unigram distribution.

        Args:
            class_counts: Count of each class, (V,). A count of zero is replaced by 0.5.
        """
        counts = class_counts.double().clamp(min=0.5)
        with torch.no_grad():
            self.bias.copy_((counts / counts.sum()).log())

    def prepare_sampling(self, class_counts: Tensor, num_samples: int, power: float = 0.75) -> None:
        """Set the sampling distribution of ``sampled_loss``.

        Args:
            class_counts: Count of each class in the training text, (V,).
            num_samples: Number of classes sampled per step; V or more samples all of them.
            power: Exponent of the counts. Defaults to 0.75.

        Raises:
            ConfigError: ``num_samples`` is not positive.
        """
        require(num_samples >= 1, "head.num_samples", "1 or more", num_samples)
        self.num_samples = min(num_samples, self.num_classes)
        counts = expected_counts(class_counts, self.num_samples, power)
        # Classes that are always drawn come first, so that each fills a whole stratum. The vocabulary is in descending
        # order of frequency already, except for <unk>.
        certain = counts >= 1.0
        order = torch.argsort(certain.int(), descending=True, stable=True)
        self._order = order
        self._cumulative = torch.cumsum(counts[order], dim=0)
        self._log_counts = torch.log(counts).float()
        self._num_certain = int(certain.sum())

    def sample(self, generator: torch.Generator | None = None) -> Tensor:
        """Draw classes, (S,) in ascending order; a class with an expected count below 1 may be drawn twice.

        The cumulative expected counts are divided into S strata of length 1, and one class is drawn from each.
        """
        device = self._cumulative.device
        strata = torch.arange(self._num_certain, self.num_samples, dtype=torch.float64, device=device)
        draws = strata + torch.rand(len(strata), generator=generator, dtype=torch.float64, device=device)
        places = torch.searchsorted(self._cumulative, draws, right=True).clamp(max=self.num_classes - 1)
        return torch.cat([self._order[: self._num_certain], self._order[places]]).sort().values

    def sampled_loss(
        self,
        states: Tensor,
        targets: Tensor,
        generator: torch.Generator | None = None,
        other_targets: Tensor | None = None,
    ) -> Tensor:
        """Sampled cross-entropy in nats, summed over rows. It is for training only; perplexity needs the full softmax.

        The gradients of ``weight`` and ``bias`` are sparse: they have the rows of the sampled and the target classes.

        Args:
            states: Outputs of the top layer, (N, D), float32 or bfloat16.
            targets: Target classes, (N,).
            generator: Random number generator of the sampling. Defaults to the global one.
            other_targets: Further classes, (M,), whose rows are to be in the gradient, with zeros unless they are
                used. Defaults to none.

        Returns:
            The loss, a scalar.
        """
        samples = self.sample(generator)
        others = [] if other_targets is None else [other_targets]
        classes, places = torch.unique(torch.cat([samples, targets, *others]), return_inverse=True)
        columns, target_places = places[: len(samples)], places[len(samples) : len(samples) + len(targets)]
        table = GatherRows.apply(self.weight, classes).to(states.dtype)  # type: ignore[no-untyped-call]
        bias = GatherRows.apply(self.bias, classes)  # type: ignore[no-untyped-call]
        loss: Tensor = SampledLoss.apply(  # type: ignore[no-untyped-call]
            states, table, bias, self._log_counts[samples], columns, target_places
        )
        return loss

    def log_probabilities(self, states: Tensor, targets: Tensor) -> Tensor:
        """Log probabilities of the targets under the full softmax in nats, computed in chunks.

        Args:
            states: Outputs of the top layer, (N, D).
            targets: Target classes, (N,).

        Returns:
            Log probabilities (N,), float32.
        """
        result = [-F.cross_entropy(logits, targets[rows], reduction="none") for rows, logits in self.logits(states)]
        return torch.cat(result) if result else states.new_zeros(0, dtype=torch.float32)

    def logits(self, states: Tensor) -> Iterator[tuple[slice, Tensor]]:
        """Logits of all classes, in chunks that bound memory.

        Args:
            states: Outputs of the top layer, (N, D).

        Yields:
            Rows of ``states`` and their logits (rows, V), float32, which the caller may overwrite.
        """
        weight, bias = self.weight.to(states.dtype), self.bias.to(states.dtype)
        for rows in row_chunks(len(states), len(weight), states.device):
            yield rows, torch.addmm(bias, states[rows], weight.t()).float()
