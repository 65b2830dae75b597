"""The network of taggers: word vectors -> biLSTM -> scores of labels -> CRF (Lample et al. 2016) or softmax."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import torch
from torch import Tensor, nn

from elmo_lite import CheckpointError
from tasks.inputs.batch import Batch
from tasks.inputs.representation import Representation
from tasks.modules.bilstm import BiLSTM
from tasks.modules.dropout import VariationalDropout
from tasks.modules.parts import Linear
from tasks.saved_task.task_network import TaskNetwork
from tasks.tagging.crf import LinearChainCRF
from tasks.tagging.softmax import Softmax
from tasks.tagging.tags import OUTSIDE, Entity, entities_of, legal_bioes, spell

OutputLayer = Literal["crf", "softmax"]


@dataclass(frozen=True)
class Decoded:
    """The output of the network for one sentence."""

    tags: list[str]
    """The most probable label sequence, in well-formed BIOES if labels are those of spans."""
    entities: list[Entity]
    """The entities in ``tags``; otherwise each word with its label."""
    scores: list[float]
    """Marginal probability of each entity, in 0..1."""
    probabilities: list[list[float]]
    """(T, N): marginal probability of each label at each word. Empty if it was not asked for."""
    gold: list[float] = field(default_factory=list)
    """Marginal probability of the gold label of each word, in 0..1. Empty without gold labels."""
    has_spans: bool = True
    """Whether the labels are those of spans."""

    def surer_than(self, least: float) -> Decoded:
        """The same without the entities whose probability is below ``least``; their words have the tag O."""
        sure = [index for index, score in enumerate(self.scores) if score >= least]
        entities = [self.entities[index] for index in sure]
        inside = {place for entity in entities for place in range(entity.start, entity.end)}
        tags = [tag if place in inside else OUTSIDE for place, tag in enumerate(self.tags)]
        return replace(self, tags=tags, entities=entities, scores=[self.scores[index] for index in sure])


def segments(tags: Sequence[str], has_spans: bool) -> list[Entity]:
    """What labels say: the entities of span tags; otherwise each word, with its label."""
    return entities_of(tags) if has_spans else [Entity(place, place + 1, tag) for place, tag in enumerate(tags)]


class TaggingModel(TaskNetwork):
    """The tagging network, a ``Head`` for ``finetune``: it computes the loss and the predictions of a batch."""

    def __init__(
        self,
        representation: Representation,
        labels: Sequence[str],
        lstm_dim: int = 128,
        lstm_layers: int = 1,
        dropout: float = 0.5,
        *,
        has_spans: bool = True,
        output_layer: OutputLayer = "crf",
        mark_dim: int = 0,
    ) -> None:
        """Build the network.

        Args:
            representation: Word vectors and, if it has one, the second mix, which is concatenated to the output of the
                biLSTM.
            labels: All N labels; of spans in BIOES.
            lstm_dim: Width of one direction of the biLSTM.
            lstm_layers: Number of layers of the biLSTM.
            dropout: Dropout probability after each layer of the biLSTM, in [0, 1).
            has_spans: Whether the labels are those of spans. A CRF then has the constraints of BIOES.
            output_layer: "crf", or "softmax" for labels that are chosen at each word for itself.
            mark_dim: Width of a learned vector that tells marked words from others, such as a predicate. Defaults to 0,
                without marks.
        """
        super().__init__(representation, labels)
        self.has_spans = has_spans
        self.marks = nn.Embedding(2, mark_dim) if mark_dim else None
        widths = [representation.dim + mark_dim, *[2 * lstm_dim] * (lstm_layers - 1)]
        self.lstm = nn.ModuleList(BiLSTM(width, lstm_dim) for width in widths)
        self.dropout = VariationalDropout(dropout)
        self.tag_scores = Linear(2 * lstm_dim + representation.output_dim, len(self.labels))
        self.crf = _crf(self.labels, has_spans) if output_layer == "crf" else None

    @property
    def output_layer(self) -> LinearChainCRF | Softmax:
        """The CRF, or the softmax at each word."""
        return Softmax() if self.crf is None else self.crf

    def forward(self, batch: Batch) -> Tensor:
        """The scores of the labels at each word, (B, T, N). Scores at padding are arbitrary."""
        batch = self.representation.with_layers(batch)  # the encoder runs once for both mixes
        parts = self.representation.parts(batch)
        if self.marks is not None:
            if batch.marks is None:
                raise ValueError("batch: expected marked words, found none")
            parts = [*parts, self.marks(batch.marks.long())]
        for layer in self.lstm:
            parts = [self.dropout(layer(parts, batch.mask))]
        second = self.representation.output(batch)
        scores: Tensor = self.tag_scores(parts if second is None else [*parts, second])
        return scores

    def loss(self, batch: Batch) -> Tensor:
        """The mean negative log-likelihood of a sentence's tags, plus ``penalty``.

        Raises:
            ValueError: The batch has no targets.
        """
        if batch.targets is None:
            raise ValueError("batch: expected targets to learn from, found none")
        log_likelihood = self.output_layer.log_likelihood(self(batch), batch.targets, batch.mask)
        return self.representation.penalty() - log_likelihood.mean()

    def log_likelihood(self, scores: Tensor, batch: Batch, temperature: float) -> Tensor:
        """The log-likelihood of the labels of each sentence, (B,), from the scores that ``forward`` returned."""
        if batch.targets is None:
            raise ValueError("batch: expected targets, found none")
        return self.output_layer.log_likelihood(scores, batch.targets, batch.mask, temperature)

    @torch.no_grad()
    def predict(self, batch: Batch) -> list[list[str]]:
        """The labels of each sentence; of spans in BIOES."""
        return [self._tags(path) for path in self.output_layer.decode(self(batch), batch.mask)]

    @torch.no_grad()
    def decode(self, batch: Batch, probabilities: bool = True) -> list[Decoded]:
        """The labels of each sentence, with the probabilities of its entities and labels.

        Args:
            batch: Sentences. Its targets, if it has any, are gold labels; -1 for one that the network does not have.
            probabilities: Keep those of all labels at each word, which take memory. Defaults to True.

        Raises:
            CheckpointError: The scores are not finite, because the weights or the encoder's are not.
        """
        scores = self(batch)
        marginals = self.output_layer.marginals(scores, batch.mask, self.temperature)
        if not marginals.log_z.isfinite().all():
            raise CheckpointError("weights: expected finite scores of tags, found NaN or infinity")
        paths, of_labels = self.output_layer.decode(scores, batch.mask), marginals.labels()
        tags = [self._tags(path) for path in paths]
        entities = [segments(row, self.has_spans) for row in tags]
        found = iter(
            marginals.segments(
                [(row, e.start, paths[row][e.start : e.end]) for row, of_row in enumerate(entities) for e in of_row]
            )
        )
        of_entities = [[next(found) for _ in of_row] for of_row in entities]
        kept = of_labels.tolist() if probabilities else [[]] * len(paths)
        gold = _gold(of_labels, batch)
        return [
            Decoded(tags[row], entities[row], of_entities[row], kept[row][:length], gold[row][:length], self.has_spans)
            for row, length in enumerate(map(len, paths))
        ]

    def _tags(self, path: Sequence[int]) -> list[str]:
        """The labels of a path. Without a CRF, tags of spans may be out of order, and are put right."""
        tags = [self.labels[label] for label in path]
        return spell(entities_of(tags), len(tags), "BIOES") if self.has_spans and self.crf is None else tags


def _crf(labels: Sequence[str], has_spans: bool) -> LinearChainCRF:
    """A CRF with the constraints of BIOES, or without any."""
    if has_spans:
        legal = legal_bioes(labels)
        return LinearChainCRF(legal.first, legal.follow, legal.last)
    every = [True] * len(labels)
    return LinearChainCRF(every, [every] * len(labels), every)


def _gold(of_labels: Tensor, batch: Batch) -> list[list[float]]:
    """The probabilities of the targets, (B, T), 0 for a label that the network does not have; empty without targets."""
    if batch.targets is None:
        return [[]] * len(batch)
    of_targets = of_labels.gather(2, batch.targets.clamp(min=0).unsqueeze(2)).squeeze(2)
    found: list[list[float]] = of_targets.masked_fill(batch.targets < 0, 0.0).clamp(max=1.0).tolist()
    return found
