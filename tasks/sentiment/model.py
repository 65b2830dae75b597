"""The network of the classifier: word vectors -> head -> label scores."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from elmo_lite import CheckpointError, ConfigError
from tasks.inputs.batch import Batch
from tasks.inputs.representation import MixWeights, Representation
from tasks.sentiment.bcn import BCN, BCNConfig
from tasks.sentiment.pooled_head import PooledConfig, PooledHead


class SentimentModel(nn.Module):
    """The classification network, a ``Head`` for ``finetune``: it computes the loss and the predictions of a batch."""

    def __init__(self, representation: Representation, labels: Sequence[str], head: PooledConfig | BCNConfig) -> None:
        """Build the network.

        Args:
            representation: Word vectors and, if it has one, the second mix, which is concatenated to the output of the
                BCN's integrator.
            labels: Names of the K classes.
            head: Sizes of the head. Their class chooses the head.

        Raises:
            ConfigError: The representation has a second mix, but the pooled head has no RNN.
        """
        super().__init__()
        self.labels = list(labels)
        self.temperature = 1.0
        self.representation = representation
        self.head: PooledHead | BCN
        if isinstance(head, BCNConfig):
            self.head = BCN(representation.dim, len(self.labels), head, representation.output_dim)
        elif representation.output_dim:
            raise ConfigError("output_mix: expected false for the pooled head, which has no RNN, found true (try bcn)")
        else:
            self.head = PooledHead(representation.dim, len(self.labels), head)

    def forward(self, batch: Batch) -> Tensor:
        """The logits of the classes, (B, K)."""
        batch = self.representation.with_layers(batch)  # the encoder runs once for both mixes
        second = self.representation.output(batch)
        extra = () if second is None else (second,)
        scores: Tensor = self.head(self.representation(batch), batch.mask, *extra)
        return scores

    def loss(self, batch: Batch) -> Tensor:
        """The mean cross-entropy of the sentences, plus ``penalty``.

        Raises:
            ValueError: The batch has no targets.
        """
        if batch.targets is None:
            raise ValueError("batch: expected targets to learn from, found none")
        return F.cross_entropy(self(batch).float(), batch.targets) + self.penalty()

    def log_likelihood(self, scores: Tensor, batch: Batch, temperature: float) -> Tensor:
        """The log-likelihood of the label of each sentence, (B,), from the logits that ``forward`` returned."""
        if batch.targets is None:
            raise ValueError("batch: expected targets, found none")
        return -F.cross_entropy(scores.float() / temperature, batch.targets, reduction="none")

    @torch.no_grad()
    def predict(self, batch: Batch) -> list[str]:
        """The most probable label of each sentence."""
        return [self.labels[number] for number in self(batch).argmax(dim=-1).tolist()]

    @torch.no_grad()
    def probabilities(self, batch: Batch) -> Tensor:
        """The probabilities of the classes, (B, K). Each row sums to 1.

        Raises:
            CheckpointError: They are not finite, because the weights or the encoder's are not.
        """
        found = torch.softmax(self(batch).float() / self.temperature, dim=-1)
        if not found.isfinite().all():
            raise CheckpointError("weights: expected finite scores of labels, found NaN or infinity")
        return found

    def mix_weights(self) -> dict[str, MixWeights]:
        """The learned weights of each layer mix, see ``Representation.mix_weights``."""
        return self.representation.mix_weights()

    def penalty(self) -> Tensor:
        """The L2 penalty on the weights of the layer mixes, which ``loss`` includes."""
        return self.representation.penalty()
