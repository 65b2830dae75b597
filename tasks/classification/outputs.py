"""From logits to a loss, to guesses and to probabilities, for one label, several labels and numbers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from itertools import compress
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Outputs(nn.Module, ABC):
    """The use of the logits of a head."""

    has_threshold: ClassVar[bool] = False
    threshold: float = 0.5
    """Least probability of a label that is predicted, where there may be several, in (0, 1)."""

    @abstractmethod
    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        """The mean loss of B texts with logits (B, K), a scalar."""

    def joined(self, evidence: Tensor, temperature: float, ngram_weight: float) -> Tensor:
        """The outputs (B, K) of the network and, if there is one, of the model of n-grams, from those of each.

        Logits are added, (network + ngram_weight * ngrams) / temperature: a product of experts (Hinton 2002).

        Args:
            evidence: (1 or 2, B, K), outputs of the network, and of the n-grams.
            temperature: What divides the sum, above 0.
            ngram_weight: Weight of the n-grams beside the network, above 0.
        """
        both = evidence[0] + ngram_weight * evidence[1] if len(evidence) == 2 else evidence[0]
        return both / temperature

    @abstractmethod
    def log_likelihood(self, logits: Tensor, targets: Tensor) -> Tensor:
        """The log-likelihood of the target of each text, (B,), without class weights."""

    @abstractmethod
    def activated(self, logits: Tensor) -> Tensor:
        """Probabilities of the labels, (B, K), or numbers, (B, 1)."""

    @abstractmethod
    def guesses(self, logits: Tensor, labels: Sequence[str]) -> list[Any]:
        """What the scores of an epoch compare with the targets, for each text."""

    @abstractmethod
    def targets(self, encoded: Sequence[Any]) -> Tensor:
        """B targets as a tensor on the CPU."""


class _Weighted(Outputs):
    """Outputs with class weights, which only training needs."""

    weights: Tensor | None

    def __init__(self) -> None:
        """Start without class weights."""
        super().__init__()
        self.register_buffer("weights", None, persistent=False)

    def set_weights(self, weights: Sequence[float] | None) -> None:
        """Weight the K classes in the loss; None for no weights."""
        device = None if self.weights is None else self.weights.device
        self.weights = None if weights is None else torch.tensor(weights, dtype=torch.float32, device=device)


class OneLabelOutputs(_Weighted):
    """Softmax and cross-entropy."""

    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        """The mean cross-entropy, weighted by the class weights if there are any."""
        return F.cross_entropy(logits, targets, weight=self.weights)

    def log_likelihood(self, logits: Tensor, targets: Tensor) -> Tensor:
        """That of the label."""
        return -F.cross_entropy(logits, targets, reduction="none")

    def activated(self, logits: Tensor) -> Tensor:
        """Probabilities (B, K); each row sums to 1."""
        return torch.softmax(logits, dim=-1)

    def guesses(self, logits: Tensor, labels: Sequence[str]) -> list[str]:
        """The most probable label of each text."""
        return [labels[number] for number in logits.argmax(dim=-1).tolist()]

    def targets(self, encoded: Sequence[Any]) -> Tensor:
        """(B,) long, the indices of the labels."""
        return torch.tensor(encoded)


class SeveralLabelsOutputs(_Weighted):
    """A sigmoid and binary cross-entropy for each label."""

    has_threshold: ClassVar[bool] = True

    def __init__(self, threshold: float) -> None:
        """Guess the labels whose probability is at least ``threshold``."""
        super().__init__()
        self.threshold = threshold

    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        """The mean over texts of the sum over labels of the binary cross-entropy.

        Class weights multiply the terms of labels that a text has.
        """
        wanted = _indicators(targets, logits)
        total = F.binary_cross_entropy_with_logits(logits, wanted, pos_weight=self.weights, reduction="sum")
        return total / len(logits)

    def log_likelihood(self, logits: Tensor, targets: Tensor) -> Tensor:
        """That of each label, present or absent, added up."""
        return -F.binary_cross_entropy_with_logits(logits, _indicators(targets, logits), reduction="none").sum(dim=1)

    def activated(self, logits: Tensor) -> Tensor:
        """Probabilities (B, K), each by itself."""
        return torch.sigmoid(logits)

    def guesses(self, logits: Tensor, labels: Sequence[str]) -> list[tuple[str, ...]]:
        """The labels of each text whose probability reaches the threshold."""
        return [tuple(compress(labels, row)) for row in (self.activated(logits) >= self.threshold).tolist()]

    def targets(self, encoded: Sequence[Any]) -> Tensor:
        """(B, M) long, the indices of the labels of each text, at most M; -1 at padding."""
        longest = max(map(len, encoded))
        return torch.tensor([[*row, *[-1] * (longest - len(row))] for row in encoded], dtype=torch.long)


def _indicators(targets: Tensor, logits: Tensor) -> Tensor:
    """(B, K), 1 for the labels that a text has and 0 for others, like the logits; -1 in the targets is padding."""
    num_labels = logits.shape[1]
    places = targets.where(targets >= 0, num_labels)  # padding goes to a column that is dropped
    return logits.new_zeros(len(logits), num_labels + 1).scatter_(1, places, 1.0)[:, :num_labels]


class ValueOutputs(Outputs):
    """A number, and the squared error in units of the deviation of the training data."""

    mean: Tensor
    deviation: Tensor

    def __init__(self) -> None:
        """Start with mean 0 and deviation 1; ``fit`` sets those of the training data."""
        super().__init__()
        self.register_buffer("mean", torch.zeros(()))
        self.register_buffer("deviation", torch.ones(()))

    def fit(self, values: Sequence[float]) -> None:
        """Set mean and deviation to those of the training data, so that the network predicts values around 0."""
        numbers = torch.tensor(values, dtype=torch.float64)
        self.mean.fill_(numbers.mean())
        self.deviation.fill_(numbers.std(correction=0))

    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        """The mean squared error of standardised numbers."""
        return F.mse_loss(logits[:, 0], self.standardized(targets))

    def joined(self, evidence: Tensor, temperature: float, ngram_weight: float) -> Tensor:
        """The mean of both standardised numbers, weighted 1 to ``ngram_weight``, over the temperature."""
        both = super().joined(evidence, temperature, ngram_weight)
        return both / (1 + ngram_weight) if len(evidence) == 2 else both

    def log_likelihood(self, logits: Tensor, targets: Tensor) -> Tensor:
        """That of a normal distribution of the standardised number with variance 1, up to a constant."""
        return -0.5 * (logits[:, 0] - self.standardized(targets)) ** 2

    def standardized(self, numbers: Tensor) -> Tensor:
        """Numbers with mean 0 and deviation 1 over the training data."""
        return (numbers - self.mean) / self.deviation

    def activated(self, logits: Tensor) -> Tensor:
        """Numbers (B, 1) in the unit of the training data."""
        return logits * self.deviation + self.mean

    def guesses(self, logits: Tensor, labels: Sequence[str]) -> list[float]:
        """The number of each text."""
        return [float(value) for value in self.activated(logits)[:, 0].tolist()]

    def targets(self, encoded: Sequence[Any]) -> Tensor:
        """(B,) float32, the numbers."""
        return torch.tensor(encoded, dtype=torch.float32)
