"""The model of the classifier: word vectors -> head -> outputs, and a log-linear classifier of n-grams beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from elmo_lite import CheckpointError, ConfigError
from tasks.classification.bcn import BCN, BCNConfig
from tasks.classification.config import HeadConfig
from tasks.classification.documents import DocumentBatch, items_of
from tasks.classification.ngrams import NgramClassifier
from tasks.classification.outputs import OneLabelOutputs, Outputs
from tasks.classification.pair_bcn import PairBCN
from tasks.classification.pooled_head import PooledConfig, PooledHead
from tasks.inputs.batch import Batch
from tasks.inputs.representation import MixWeights, Representation


class ClassificationModel(nn.Module):
    """The classification network, a ``Head`` for ``finetune``: it computes the loss and the predictions of a batch."""

    def __init__(
        self,
        representation: Representation,
        labels: Sequence[str],
        head: PooledConfig | BCNConfig,
        outputs: Outputs | None = None,
        pairs: bool = False,
    ) -> None:
        """Build the network.

        Args:
            representation: Word vectors and, if it has one, the second mix, which is concatenated to the output of the
                BCN's integrator.
            labels: Names of the K outputs.
            head: Sizes of the head. Their class chooses the head.
            outputs: Loss and predictions. Defaults to one label of K for each text.
            pairs: Classify pairs of texts. Defaults to False.

        Raises:
            ConfigError: The representation has a second mix, but the pooled head has no RNN.
        """
        super().__init__()
        self.labels, self.pairs = list(labels), pairs
        self.temperature = self.ngram_weight = 1.0
        self.ngrams: NgramClassifier | None = None
        self.representation = representation
        self.outputs = OneLabelOutputs() if outputs is None else outputs
        self.head: PooledHead | BCN | PairBCN
        if isinstance(head, BCNConfig):
            make = PairBCN if pairs else BCN
            self.head = make(representation.dim, len(self.labels), head, representation.output_dim)
        elif representation.output_dim:
            raise ConfigError("output_mix: expected false for the pooled head, which has no RNN, found true (try bcn)")
        else:
            self.head = PooledHead(representation.dim, len(self.labels), head, pairs)

    def forward(self, batch: Batch | DocumentBatch) -> Tensor:
        """The logits of the outputs, (B, K).

        In training, pieces of long texts that do not fit in memory together are read again in the backward pass.
        """
        if isinstance(batch, Batch):
            owner = torch.arange(len(batch), device=batch.mask.device)
            return self.head.judge([self._read(batch)], owner, len(batch))

        def read(indices: range) -> Any:
            return self._read(batch.read(indices))

        chunks = batch.chunks()
        if torch.is_grad_enabled() and not batch.is_small():
            parts = [checkpoint(read, indices, use_reentrant=False) for indices in chunks]
        else:
            parts = [read(indices) for indices in chunks]
        return self.head.judge(parts, batch.owner, batch.num_texts)

    def _read(self, batch: Batch) -> Any:
        """What the head keeps of pieces of texts."""
        batch = self.representation.with_layers(batch)  # the encoder runs once for both mixes
        return self.head.read(self.representation.parts(batch), batch.mask, self.representation.output(batch))

    def loss(self, batch: Batch | DocumentBatch) -> Tensor:
        """The mean loss of the texts, plus ``penalty``.

        Raises:
            ValueError: The batch has no targets.
        """
        if batch.targets is None:
            raise ValueError("batch: expected targets to learn from, found none")
        return self.outputs.loss(self(batch).float(), batch.targets) + self.penalty()

    @property
    def scales(self) -> tuple[str, ...]:
        """Names of the attributes that are fitted to dev, see ``Head``."""
        return ("temperature",) if self.ngrams is None else ("temperature", "ngram_weight")

    def lists(self) -> dict[str, list[str]]:
        """The n-grams that have weights, for a saved model."""
        return {} if self.ngrams is None else {"ngrams": self.ngrams.names}

    def set_lists(self, lists: Mapping[str, Sequence[str]]) -> None:
        """Make the classifier of n-grams, whose weights follow, if a saved model has one."""
        if "ngrams" in lists:
            self.ngrams = NgramClassifier(lists["ngrams"], len(self.labels), self.pairs)

    def evidence(self, batch: Batch | DocumentBatch) -> Tensor:
        """The logits of the network and, if there is one, of the classifier of n-grams, (1 or 2, B, K)."""
        found = [self(batch).float()]
        if self.ngrams is not None:
            found.append(self.ngrams(items_of(batch, self.ngrams.pairs)))
        return torch.stack(found)

    def log_likelihood(
        self, evidence: Tensor, batch: Batch | DocumentBatch, temperature: float, ngram_weight: float = 1.0
    ) -> Tensor:
        """The log-likelihood of the label of each text, (B,), from what ``evidence`` returned.

        Raises:
            ValueError: The batch has no targets.
        """
        if batch.targets is None:
            raise ValueError("batch: expected targets, found none")
        return -F.cross_entropy(_joined(evidence, temperature, ngram_weight), batch.targets, reduction="none")

    @torch.no_grad()
    def predict(self, batch: Batch | DocumentBatch) -> list[Any]:
        """The most probable label of each text, its labels or its number, by the network alone."""
        return self.outputs.guesses(self(batch).float(), self.labels)

    @torch.no_grad()
    def probabilities(self, batch: Batch | DocumentBatch) -> Tensor:
        """The probabilities of the labels, (B, K), or the numbers, (B, 1).

        Raises:
            CheckpointError: They are not finite, because the weights or the encoder's are not.
        """
        found = self.outputs.activated(_joined(self.evidence(batch), self.temperature, self.ngram_weight))
        if not found.isfinite().all():
            raise CheckpointError("weights: expected finite scores of labels, found NaN or infinity")
        return found

    def mix_weights(self) -> dict[str, MixWeights]:
        """The learned weights of each layer mix, see ``Representation.mix_weights``."""
        return self.representation.mix_weights()

    def penalty(self) -> Tensor:
        """The L2 penalty on the weights of the layer mixes, which ``loss`` includes."""
        return self.representation.penalty()


def _joined(evidence: Tensor, temperature: float, ngram_weight: float) -> Tensor:
    """The logits (B, K) of a product of experts: (network + ngram_weight * ngrams) / temperature."""
    joined = evidence[0] + ngram_weight * evidence[1] if len(evidence) == 2 else evidence[0]
    return joined / temperature


def make_network(config: HeadConfig, labels: Sequence[str], representation: Representation) -> ClassificationModel:
    """The network of these settings."""
    outputs, pairs = config.labels_as.outputs(), config.reading.columns().pairs
    return ClassificationModel(representation, labels, config.head_config, outputs, pairs)
