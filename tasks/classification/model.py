"""The model of the classifier: word vectors -> head -> outputs, and a linear model of n-grams beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from elmo_lite import CheckpointError, ConfigError
from tasks.classification.bcn import BCN, BCNConfig
from tasks.classification.config import HeadConfig
from tasks.classification.documents import DocumentBatch, items_of
from tasks.classification.ngrams import NgramModel
from tasks.classification.outputs import OneLabelOutputs, Outputs
from tasks.classification.pair_bcn import PairBCN
from tasks.classification.pooled_head import PooledConfig, PooledHead
from tasks.inputs.batch import Batch
from tasks.inputs.representation import Representation
from tasks.saved_task.task_network import TaskNetwork


class ClassificationModel(TaskNetwork):
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
        super().__init__(representation, labels)
        self.pairs, self.ngram_weight = pairs, 1.0
        self.ngrams: NgramModel | None = None
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
    def scales(self) -> dict[str, float]:
        """The temperature and, with n-grams, their weight."""
        weight = {} if self.ngrams is None else {"ngram_weight": self.ngram_weight}
        return {**super().scales, **weight}

    @property
    def threshold(self) -> float:
        """Least probability of a predicted label, if there may be several."""
        return self.outputs.threshold

    @threshold.setter
    def threshold(self, value: float) -> None:
        self.outputs.threshold = value

    @property
    def fitted(self) -> dict[str, float]:
        """The scales and, if there may be several labels, the threshold."""
        return {**self.scales, **({"threshold": self.threshold} if self.outputs.has_threshold else {})}

    def lists(self) -> dict[str, list[str]]:
        """The n-grams that have weights, for a saved model."""
        return {} if self.ngrams is None else {"ngrams": self.ngrams.names}

    def set_lists(self, lists: Mapping[str, Sequence[str]]) -> None:
        """Make the model of n-grams, whose weights follow, if a saved classifier has one."""
        if "ngrams" in lists:
            self.ngrams = NgramModel(lists["ngrams"], len(self.labels), self.pairs)

    def evidence(self, batch: Batch | DocumentBatch) -> Tensor:
        """The outputs of the network and, if there is one, of the model of n-grams, (1 or 2, B, K)."""
        found = [self(batch).float()]
        if self.ngrams is not None:
            found.append(self.ngrams(items_of(batch, self.ngrams.pairs)))
        return torch.stack(found)

    def log_likelihood(
        self, evidence: Tensor, batch: Batch | DocumentBatch, temperature: float, ngram_weight: float = 1.0
    ) -> Tensor:
        """The log-likelihood of the label, labels or number of each text, (B,), from what ``evidence`` returned.

        Raises:
            ValueError: The batch has no targets.
        """
        if batch.targets is None:
            raise ValueError("batch: expected targets, found none")
        return self.outputs.log_likelihood(self.outputs.joined(evidence, temperature, ngram_weight), batch.targets)

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
        joined = self.outputs.joined(self.evidence(batch), self.temperature, self.ngram_weight)
        found = self.outputs.activated(joined)
        if not found.isfinite().all():
            raise CheckpointError("weights: expected finite scores of labels, found NaN or infinity")
        return found


def make_network(config: HeadConfig, labels: Sequence[str], representation: Representation) -> ClassificationModel:
    """The network of these settings."""
    outputs, pairs = config.labels_as.outputs(), config.reading.columns().pairs
    return ClassificationModel(representation, labels, config.head_config, outputs, pairs)
