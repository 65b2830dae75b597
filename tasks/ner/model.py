"""The network of the tagger: vectors of words -> biLSTM -> scores of tags -> CRF (Lample et al. 2016)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from tasks.inputs.batch import Batch
from tasks.inputs.representation import Representation
from tasks.modules.bilstm import BiLSTM
from tasks.modules.dropout import VariationalDropout
from tasks.ner.crf import LinearChainCRF, Marginals
from tasks.ner.tags import Entity, entities_of, legal_bioes


@dataclass(frozen=True)
class Decoded:
    """What the network says of one sentence."""

    tags: list[str]
    """The most probable legal sequence, in BIOES."""
    entities: list[Entity]
    scores: list[float]
    """Probability of each entity, whatever the rest of the sentence is."""
    probabilities: list[list[float]]
    """(T, N): of each label at each word."""


class NerModel(nn.Module):
    """A head in the sense of ``finetune``: loss and predictions of a batch."""

    def __init__(
        self,
        representation: Representation,
        labels: Sequence[str],
        lstm_dim: int = 128,
        lstm_layers: int = 1,
        dropout: float = 0.5,
    ) -> None:
        """Make the network.

        Args:
            representation: vectors of words, and where it has one the second mix for the output of the biLSTM.
            labels: all N tags, BIOES.
            lstm_dim: width of one direction of the biLSTM.
            lstm_layers: layers of the biLSTM.
            dropout: probability in [0, 1) after each of them.
        """
        super().__init__()
        self.labels = list(labels)
        self.representation = representation
        widths = [representation.dim, *[2 * lstm_dim] * (lstm_layers - 1)]
        self.lstm = nn.ModuleList(BiLSTM(width, lstm_dim) for width in widths)
        self.dropout = VariationalDropout(dropout)
        self.tag_scores = nn.Linear(2 * lstm_dim + representation.output_dim, len(self.labels))
        legal = legal_bioes(self.labels)
        self.crf = LinearChainCRF(legal.first, legal.follow, legal.last)

    def forward(self, batch: Batch) -> Tensor:
        """Scores of the labels at each word: (B, T, N); those of padding mean nothing."""
        batch = self.representation.with_layers(batch)  # once for both mixes
        vectors = self.representation(batch)
        for layer in self.lstm:
            vectors = self.dropout(layer(vectors, batch.mask))
        second = self.representation.output(batch)
        if second is not None:
            vectors = torch.cat([vectors, second], dim=-1)
        scores: Tensor = self.tag_scores(vectors)
        return scores

    def loss(self, batch: Batch) -> Tensor:
        """Mean negative log-likelihood of a sentence's tags, and the pull on the mix of the layers."""
        if batch.targets is None:
            raise ValueError("batch: expected targets to learn from, found none")
        log_likelihood = self.crf.log_likelihood(self(batch), batch.targets, batch.mask)
        return self.representation.penalty() - log_likelihood.mean()

    @torch.no_grad()
    def predict(self, batch: Batch) -> list[list[str]]:
        """The tags of each sentence, in BIOES."""
        paths = self.crf.decode(self(batch), batch.mask)
        return [[self.labels[label] for label in path] for path in paths]

    @torch.no_grad()
    def decode(self, batch: Batch) -> list[Decoded]:
        """Tags with the probabilities of entities and labels."""
        scores = self(batch)
        marginals = self.crf.marginals(scores, batch.mask)
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
        """What each mix of layers has learned."""
        return self.representation.mix_weights()

    def penalty(self) -> Tensor:
        """The pull on the mix of the layers; part of ``loss`` already."""
        return self.representation.penalty()
