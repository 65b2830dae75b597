"""Labels chosen at each word for itself, with the interface of ``LinearChainCRF``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from tasks.tagging.crf import Segment
from tasks.tagging.recursions import at_least_float32


class Softmax:
    """A softmax over the N labels at each word. It has no parameters; time and memory grow linearly with N."""

    def log_likelihood(self, emissions: Tensor, targets: Tensor, mask: Tensor, temperature: float = 1.0) -> Tensor:
        """The log-likelihood of label sequences, the sum of those of their words; see ``LinearChainCRF``.

        Args:
            emissions: (B, T, N), scores of the labels at each word.
            targets: (B, T), label ids, which are arbitrary at padding.
            mask: (B, T), True at words.
            temperature: Positive number by which the scores are divided. Defaults to 1.

        Returns:
            (B,), log-likelihoods, at most 0.
        """
        emissions = at_least_float32(emissions) / temperature
        chosen = emissions.gather(2, targets.masked_fill(~mask, 0).unsqueeze(2)).squeeze(2)
        words = chosen - torch.logsumexp(emissions, dim=2)
        return words.masked_fill(~mask, 0.0).sum(dim=1)

    @torch.no_grad()
    def decode(self, emissions: Tensor, mask: Tensor) -> list[list[int]]:
        """The most probable label of each word. Arguments and result are as in ``LinearChainCRF.decode``."""
        rows = emissions.argmax(dim=2).tolist()
        return [row[:length] for row, length in zip(rows, mask.sum(dim=1).tolist(), strict=True)]

    @torch.no_grad()
    def marginals(self, emissions: Tensor, mask: Tensor, temperature: float = 1.0) -> WordProbabilities:
        """The probabilities of the labels. Arguments are as in ``log_likelihood``."""
        emissions = at_least_float32(emissions) / temperature
        log_z = torch.logsumexp(emissions, dim=2)  # (B, T)
        return WordProbabilities(emissions - log_z.unsqueeze(2), log_z.masked_fill(~mask, 0.0).sum(dim=1))


@dataclass(frozen=True)
class WordProbabilities:
    """Probabilities of labels that do not depend on one another, with the interface of ``crf.Marginals``."""

    log_probabilities: Tensor
    """(B, T, N): log probability of each label at each word."""
    log_z: Tensor
    """(B,): sum of the log partition functions of the words."""

    def labels(self) -> Tensor:
        """The probability of each label at each word, (B, T, N). Values at padding are arbitrary."""
        return self.log_probabilities.exp()

    def segments(self, segments: Sequence[Segment]) -> list[float]:
        """The probability of each segment, that its words have exactly these labels; see ``crf.Marginals``."""
        words = [
            (number, row, start + place, label)
            for number, (row, start, labels) in enumerate(segments)
            for place, label in enumerate(labels)
        ]
        if not words:
            return []
        of_segment, rows, places, labels_of = torch.tensor(words, device=self.log_z.device).unbind(dim=1)
        found = self.log_probabilities[rows, places, labels_of]
        return found.new_zeros(len(segments)).index_add(0, of_segment, found).exp().clamp(max=1.0).tolist()
