"""The network of the classifier: vectors of words -> head -> scores of labels."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from elmo_lite import ConfigError
from tasks.inputs.batch import Batch
from tasks.inputs.representation import MixWeights, Representation
from tasks.sentiment.bcn import BCN, BCNConfig
from tasks.sentiment.pooled_head import PooledConfig, PooledHead


class SentimentModel(nn.Module):
    """A head in the sense of ``finetune``: loss and predictions of a batch."""

    def __init__(self, representation: Representation, labels: Sequence[str], head: PooledConfig | BCNConfig) -> None:
        """Make the network.

        Args:
            representation: vectors of words, and where it has one the second mix for the output of the BCN.
            labels: names of the K classes.
            head: which head, and its sizes.

        Raises:
            ConfigError: a second mix, for the head that has no RNN.
        """
        super().__init__()
        self.labels = list(labels)
        self.representation = representation
        self.head: PooledHead | BCN
        if isinstance(head, BCNConfig):
            self.head = BCN(representation.dim, len(self.labels), head, representation.output_dim)
        elif representation.output_dim:
            raise ConfigError("output_mix: expected false for the pooled head, which has no RNN, found true (try bcn)")
        else:
            self.head = PooledHead(representation.dim, len(self.labels), head)

    def forward(self, batch: Batch) -> Tensor:
        """Scores before the softmax: (B, K)."""
        batch = self.representation.with_layers(batch)  # once for both mixes
        second = self.representation.output(batch)
        extra = () if second is None else (second,)
        scores: Tensor = self.head(self.representation(batch), batch.mask, *extra)
        return scores

    def loss(self, batch: Batch) -> Tensor:
        """Mean cross-entropy of the sentences, and the pull on the mix of the layers."""
        if batch.targets is None:
            raise ValueError("batch: expected targets to learn from, found none")
        return F.cross_entropy(self(batch).float(), batch.targets) + self.penalty()

    @torch.no_grad()
    def predict(self, batch: Batch) -> list[str]:
        """The most probable label of each sentence."""
        return [self.labels[number] for number in self(batch).argmax(dim=-1).tolist()]

    @torch.no_grad()
    def probabilities(self, batch: Batch) -> Tensor:
        """(B, K), rows of which sum to 1."""
        return torch.softmax(self(batch).float(), dim=-1)

    def mix_weights(self) -> dict[str, MixWeights]:
        """What each mix of layers has learned."""
        return self.representation.mix_weights()

    def penalty(self) -> Tensor:
        """The pull on the mix of the layers; part of ``loss`` already."""
        return self.representation.penalty()
