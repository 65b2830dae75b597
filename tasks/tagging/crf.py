"""A linear-chain conditional random field (Lafferty, McCallum and Pereira 2001) over legal tag sequences.

For a sentence of T words with emissions e (T, N), the score of a tag sequence y is

    s(y) = first[y_1] + sum_t e[t, y_t] + sum_t follow[y_t, y_t+1] + last[y_T]

and log p(y) = s(y) - log Z, where Z is the sum of exp(s) over the legal sequences. The score of an illegal sequence is
minus infinity in training, decoding and marginals. Its probability is therefore zero, and the parameters do not have to
learn the constraints.

log Z is a custom autograd function. Its gradients are the marginals, which the forward-backward algorithm computes
without an autograd graph over the time steps. This makes the loss fast.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from tasks.tagging.recursions import (
    at_least_float32,
    backward_weights,
    best_previous,
    forward_weights,
    sums_of_pairs,
)

Segment = tuple[int, int, Sequence[int]]
"""Index of a sentence in a batch, that of the first word of a segment, and the label ids of its words."""


class LinearChainCRF(nn.Module):
    """The transition scores of N labels. The emissions come from the layer below."""

    forbidden_first: Tensor
    forbidden_follow: Tensor
    forbidden_last: Tensor

    def __init__(self, first: Sequence[bool], follow: Sequence[Sequence[bool]], last: Sequence[bool]) -> None:
        """Initialise all scores to zero.

        Args:
            first: (N,), whether a label may start a sentence.
            follow: (N, N), whether label j may follow label i, at [i][j].
            last: (N,), whether a label may end a sentence.
        """
        super().__init__()
        self.num_labels = len(first)
        self.first = nn.Parameter(torch.zeros(self.num_labels))
        self.follow = nn.Parameter(torch.zeros(self.num_labels, self.num_labels))
        self.last = nn.Parameter(torch.zeros(self.num_labels))
        # Not saved, since the labels determine them.
        for name, allowed in (("first", first), ("follow", follow), ("last", last)):
            self.register_buffer(f"forbidden_{name}", ~torch.tensor(allowed, dtype=torch.bool), persistent=False)

    def scores(self, temperature: float = 1.0) -> tuple[Tensor, Tensor, Tensor]:
        """The scores of first labels (N,), transitions (N, N) and last labels (N,), minus infinity if illegal.

        They are divided by ``temperature``.
        """
        return (
            self.first.masked_fill(self.forbidden_first, -torch.inf) / temperature,
            self.follow.masked_fill(self.forbidden_follow, -torch.inf) / temperature,
            self.last.masked_fill(self.forbidden_last, -torch.inf) / temperature,
        )

    def log_likelihood(self, emissions: Tensor, targets: Tensor, mask: Tensor, temperature: float = 1.0) -> Tensor:
        """The log-likelihood of label sequences, computed in float32 or float64.

        Args:
            emissions: (B, T, N), scores of the labels at each word.
            targets: (B, T), label ids, which are arbitrary at padding.
            mask: (B, T), True at words. Padding follows the words, and no sentence is empty.
            temperature: Positive number by which s(y) is divided. Defaults to 1.

        Returns:
            (B,), log-likelihoods, at most 0. That of an illegal sequence is minus infinity.
        """
        emissions = at_least_float32(emissions) / temperature
        first, follow, last = self.scores(temperature)
        log_z: Tensor = _LogPartition.apply(emissions, first, follow, last, mask)  # type: ignore[no-untyped-call]
        return self._score(emissions, targets.masked_fill(~mask, 0), mask, temperature) - log_z

    def _score(self, emissions: Tensor, targets: Tensor, mask: Tensor, temperature: float) -> Tensor:
        """The scores of label sequences, (B,), from emissions that were divided by the temperature."""
        first, follow, last = self.scores(temperature)
        words = emissions.gather(2, targets.unsqueeze(2)).squeeze(2)
        steps = follow[targets[:, :-1], targets[:, 1:]]
        ends = targets.gather(1, mask.sum(dim=1, keepdim=True) - 1).squeeze(1)
        total: Tensor = (
            first[targets[:, 0]]
            + words.masked_fill(~mask, 0.0).sum(dim=1)
            + steps.masked_fill(~mask[:, 1:], 0.0).sum(dim=1)
            + last[ends]
        )
        return total

    @torch.no_grad()
    def decode(self, emissions: Tensor, mask: Tensor) -> list[list[int]]:
        """The most probable legal label sequence of each sentence (Viterbi 1967).

        Args:
            emissions: (B, T, N), scores of the labels at each word.
            mask: (B, T), as in ``log_likelihood``.

        Returns:
            The label ids of each sentence, one per word.
        """
        emissions = at_least_float32(emissions)
        first, follow, last = self.scores()
        best = first + emissions[:, 0]  # (B, N): score of the best path that ends in each label
        came_from: list[Tensor] = []
        stay = torch.arange(self.num_labels, device=emissions.device)
        for step in range(1, emissions.shape[1]):
            scores, previous = best_previous(best, follow)
            real = mask[:, step, None]
            best = torch.where(real, scores + emissions[:, step], best)
            came_from.append(torch.where(real, previous, stay))
        label = (best + last).argmax(dim=1)
        path = [label]
        for previous in reversed(came_from):
            label = previous.gather(1, label.unsqueeze(1)).squeeze(1)
            path.append(label)
        labels = torch.stack(path[::-1], dim=1).tolist()
        return [row[:length] for row, length in zip(labels, mask.sum(dim=1).tolist(), strict=True)]

    @torch.no_grad()
    def marginals(self, emissions: Tensor, mask: Tensor, temperature: float = 1.0) -> Marginals:
        """Run the forward-backward algorithm. Arguments are as in ``log_likelihood``.

        With a temperature, the probability of y is exp(s(y) / temperature) over the sum of these; the most probable
        sequence, that of ``decode``, is the same for all temperatures.
        """
        emissions = at_least_float32(emissions) / temperature
        first, follow, last = self.scores(temperature)
        ahead = forward_weights(emissions, first, follow, mask)
        back = backward_weights(emissions, follow, last, mask)
        return Marginals(emissions, follow, ahead, back, torch.logsumexp(ahead[:, 0] + back[:, 0], dim=1))


@dataclass(frozen=True)
class Marginals:
    """Marginal probabilities of labels and segments, from the forward-backward algorithm."""

    emissions: Tensor
    """(B, T, N): scores of the labels at each word."""
    follow: Tensor
    """(N, N): transition scores."""
    ahead: Tensor
    """(B, T, N): forward log weights of all paths up to a label at a word, including its emission."""
    back: Tensor
    """(B, T, N): backward log weights of all paths after a label at a word, without its emission."""
    log_z: Tensor
    """(B,): log Z."""

    def labels(self) -> Tensor:
        """The probability of each label at each word, (B, T, N). Values at padding are arbitrary."""
        return (self.ahead + self.back - self.log_z[:, None, None]).exp()

    def segments(self, segments: Sequence[Segment]) -> list[float]:
        """The probability of each segment: that its words have exactly these labels, such as those of an entity.

        From equation 5 of Culotta and McCallum 2004, Confidence estimation for information extraction.

        Args:
            segments: (sentence, start, labels): the index of a sentence in the batch, that of the first word, and the
                label ids of the words, at least one.

        Returns:
            Probabilities in 0..1.
        """
        if not segments:
            return []
        rows = [row for row, _, _ in segments]
        first = self.ahead[rows, [start for _, start, _ in segments], [labels[0] for _, _, labels in segments]]
        stops = [start + len(labels) - 1 for _, start, labels in segments]
        total = first + self.back[rows, stops, [labels[-1] for _, _, labels in segments]] - self.log_z[rows]
        steps = [
            (number, row, start + place, labels[place - 1], labels[place])
            for number, (row, start, labels) in enumerate(segments)
            for place in range(1, len(labels))
        ]
        if steps:
            of_segment, rows_of, places, before, after = torch.tensor(steps, device=total.device).unbind(dim=1)
            inner = self.emissions[rows_of, places, after] + self.follow[before, after]
            total = total.index_add(0, of_segment, inner)
        return total.exp().clamp(max=1.0).tolist()


class _LogPartition(torch.autograd.Function):
    """log Z (B,) from emissions (B, T, N), first (N,), follow (N, N), last (N,) and mask (B, T)."""

    @staticmethod
    def forward(ctx: Any, emissions: Tensor, first: Tensor, follow: Tensor, last: Tensor, mask: Tensor) -> Tensor:
        ahead = forward_weights(emissions, first, follow, mask)
        log_z = torch.logsumexp(ahead[:, -1] + last, dim=1)  # padding repeats the value at the last word
        ctx.save_for_backward(emissions, follow, last, mask, ahead, log_z)
        return log_z

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, None]:
        emissions, follow, last, mask, ahead, log_z = ctx.saved_tensors
        back = backward_weights(emissions, follow, last, mask)
        words = (ahead + back - log_z[:, None, None]).exp() * (mask * gradient[:, None])[..., None]
        rows = torch.arange(len(mask), device=mask.device)
        # Pairs at t, t + 1: exp(ahead[t, i] + follow[i, j] + emissions[t + 1, j] + back[t + 1, j] - log Z).
        onward = (emissions + back - log_z[:, None, None])[:, 1:].masked_fill(~mask[:, 1:, None], -torch.inf)
        steps = sums_of_pairs(ahead[:, :-1], follow, onward, gradient)
        return words, words[:, 0].sum(dim=0), steps, words[rows, mask.sum(dim=1) - 1].sum(dim=0), None
