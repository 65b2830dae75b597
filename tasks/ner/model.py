"""The network of the tagger: word vectors -> biLSTM -> tag scores -> CRF (Lample et al. 2016)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from elmo_lite import CheckpointError
from tasks.inputs.batch import Batch
from tasks.inputs.representation import Representation
from tasks.modules.bilstm import BiLSTM
from tasks.modules.dropout import VariationalDropout
from tasks.ner.crf import LinearChainCRF, Marginals
from tasks.ner.tags import OUTSIDE, Entity, entities_of, legal_bioes


@dataclass(frozen=True)
class Decoded:
    """The output of the network for one sentence."""

    tags: list[str]
    """The most probable legal tag sequence, in BIOES."""
    entities: list[Entity]
    """The entities in ``tags``."""
    scores: list[float]
    """Marginal probability of each entity, in 0..1."""
    probabilities: list[list[float]]
    """(T, N): marginal probability of each label at each word."""

    def surer_than(self, least: float) -> Decoded:
        """The same without the entities whose probability is below ``least``; their words have the tag O."""
        sure = [index for index, score in enumerate(self.scores) if score >= least]
        entities = [self.entities[index] for index in sure]
        inside = {place for entity in entities for place in range(entity.start, entity.end)}
        tags = [tag if place in inside else OUTSIDE for place, tag in enumerate(self.tags)]
        return replace(self, tags=tags, entities=entities, scores=[self.scores[index] for index in sure])


class NerModel(nn.Module):
    """The tagging network, a ``Head`` for ``finetune``: it computes the loss and the predictions of a batch."""

    def __init__(
        self,
        representation: Representation,
        labels: Sequence[str],
        lstm_dim: int = 128,
        lstm_layers: int = 1,
        dropout: float = 0.5,
    ) -> None:
        """Build the network.

        Args:
            representation: Word vectors and, if it has one, the second mix, which is concatenated to the output of the
                biLSTM.
            labels: All N tags, in BIOES.
            lstm_dim: Width of one direction of the biLSTM.
            lstm_layers: Number of layers of the biLSTM.
            dropout: Dropout probability after each layer of the biLSTM, in [0, 1).
        """
        super().__init__()
        self.labels = list(labels)
        self.temperature = 1.0
        self.representation = representation
        widths = [representation.dim, *[2 * lstm_dim] * (lstm_layers - 1)]
        self.lstm = nn.ModuleList(BiLSTM(width, lstm_dim) for width in widths)
        self.dropout = VariationalDropout(dropout)
        self.tag_scores = nn.Linear(2 * lstm_dim + representation.output_dim, len(self.labels))
        legal = legal_bioes(self.labels)
        self.crf = LinearChainCRF(legal.first, legal.follow, legal.last)

    def forward(self, batch: Batch) -> Tensor:
        """The scores of the labels at each word, (B, T, N). Scores at padding are arbitrary."""
        batch = self.representation.with_layers(batch)  # the encoder runs once for both mixes
        vectors = self.representation(batch)
        for layer in self.lstm:
            vectors = self.dropout(layer(vectors, batch.mask))
        second = self.representation.output(batch)
        if second is not None:
            vectors = torch.cat([vectors, second], dim=-1)
        scores: Tensor = self.tag_scores(vectors)
        return scores

    def loss(self, batch: Batch) -> Tensor:
        """The mean negative log-likelihood of a sentence's tags, plus ``penalty``.

        Raises:
            ValueError: The batch has no targets.
        """
        if batch.targets is None:
            raise ValueError("batch: expected targets to learn from, found none")
        log_likelihood = self.crf.log_likelihood(self(batch), batch.targets, batch.mask)
        return self.representation.penalty() - log_likelihood.mean()

    def log_likelihood(self, scores: Tensor, batch: Batch, temperature: float) -> Tensor:
        """The log-likelihood of the tags of each sentence, (B,), from the scores that ``forward`` returned."""
        if batch.targets is None:
            raise ValueError("batch: expected targets, found none")
        return self.crf.log_likelihood(scores, batch.targets, batch.mask, temperature)

    @torch.no_grad()
    def predict(self, batch: Batch) -> list[list[str]]:
        """The tags of each sentence, in BIOES."""
        paths = self.crf.decode(self(batch), batch.mask)
        return [[self.labels[label] for label in path] for path in paths]

    @torch.no_grad()
    def decode(self, batch: Batch) -> list[Decoded]:
        """The tags of each sentence, with the probabilities of its entities and labels.

        Raises:
            CheckpointError: The scores are not finite, because the weights or the encoder's are not.
        """
        scores = self(batch)
        marginals = self.crf.marginals(scores, batch.mask, self.temperature)
        if not marginals.log_z.isfinite().all():
            raise CheckpointError("weights: expected finite scores of tags, found NaN or infinity")
        paths, probabilities = self.crf.decode(scores, batch.mask), marginals.labels().cpu()
        return [
            self._decoded(row, path, marginals, probabilities[row, : len(path)].tolist())
            for row, path in enumerate(paths)
        ]

    def _decoded(self, row: int, path: list[int], marginals: Marginals, probabilities: list[list[float]]) -> Decoded:
        tags = [self.labels[label] for label in path]
        entities = entities_of(tags)
        scores = [marginals.segment(row, start, path[start:end]) for start, end, _ in entities]
        return Decoded(tags, entities, scores, probabilities)

    def mix_weights(self) -> dict[str, Any]:
        """The learned weights of each layer mix, see ``Representation.mix_weights``."""
        return self.representation.mix_weights()

    def penalty(self) -> Tensor:
        """The L2 penalty on the weights of the layer mixes, which ``loss`` includes."""
        return self.representation.penalty()
