"""Perplexity of a stream of words with the full softmax.

A text is a stream of word ids ``0 w w w 0 w w 0`` with the boundary id 0 before, between and after its sentences. The
forward model predicts each id from those before it, the backward model from those after it. A sentence of n words has
n + 1 predictions in each direction; the last one is the boundary token.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from tqdm import tqdm

from elmo_lite.corpus.corpus import BOUNDARY_ID
from elmo_lite.embedding.eval_mode import EvalMode
from elmo_lite.embedding.runner import run_chunks
from elmo_lite.embedding.word_vectors import BEGIN_ROW, END_ROW, WordVectors
from elmo_lite.errors import CorpusError
from elmo_lite.nn.bilm import DIRECTIONS, BiLM, Direction
from elmo_lite.text.length_batches import batches_by_length
from elmo_lite.text.vocabulary import UNKNOWN_CLASS

Positions = npt.NDArray[np.int64]

BATCH_POSITIONS = 4096
"""Number of predictions scored at a time."""
MAX_TABLE = 2**27
"""Maximum number of values in the table of token vectors: half a gigabyte."""


class Head(Protocol):
    """A softmax over classes, such as ``LMHead``."""

    def log_probabilities(self, states: Tensor, targets: Tensor) -> Tensor:
        """Log probabilities (N,) in nats of classes (N,) after states (N, D)."""
        ...


@dataclass(frozen=True)
class LMScore:
    """Cross-entropy and perplexity of both directions on a text."""

    forward_nats: float
    """Cross-entropy of the forward model in nats per prediction."""
    backward_nats: float
    """Cross-entropy of the backward model in nats per prediction."""
    num_predictions: int
    """Number of predictions of one direction."""
    known: LMScore | None = None
    """The same over the predictions whose target is not the unknown word."""

    @property
    def forward_perplexity(self) -> float:
        """Exp of ``forward_nats``."""
        return _exp(self.forward_nats)

    @property
    def backward_perplexity(self) -> float:
        """Exp of ``backward_nats``."""
        return _exp(self.backward_nats)

    @property
    def mean_nats(self) -> float:
        """Mean cross-entropy of both directions, which pretraining minimises."""
        return (self.forward_nats + self.backward_nats) / 2

    @property
    def mean_perplexity(self) -> float:
        """Exp of ``mean_nats``: the geometric mean of both perplexities."""
        return _exp(self.mean_nats)

    def to_dict(self) -> dict[str, float]:
        """Perplexities and cross-entropies by name."""
        names = ("forward_perplexity", "backward_perplexity", "mean_perplexity", "forward_nats", "backward_nats")
        return {name: getattr(self, name) for name in names}


def stream_perplexity(
    bilm: BiLM,
    head: Head,
    stream: npt.NDArray[np.int32],
    char_ids: npt.NDArray[np.int16],
    class_of_word: npt.NDArray[np.integer[Any]],
    *,
    stateful: bool,
    batch_positions: int = BATCH_POSITIONS,
    progress: bool = False,
) -> LMScore:
    """Score a stream in both directions, with the full softmax over all classes.

    Args:
        bilm: The encoder. It runs on its device in evaluation mode; its training mode is restored afterwards.
        head: The softmax: an ``LMHead``, or another with its ``log_probabilities``.
        stream: (S,) word ids. The first and the last one are the boundary id 0.
        char_ids: (num_words, C) character ids of word id k in row k - 1.
        class_of_word: (num_words + 1,) class of each word id; that of the boundary token for id 0.
        stateful: Whether to carry states over sentences: forward from the first to the last, backward from the last to
            the first. Otherwise each sentence is scored on its own.
        batch_positions: Number of predictions made at a time. It limits memory and does not change the result.
        progress: Whether to show a progress bar on standard error. Defaults to False.

    Raises:
        CorpusError: The stream has no sentence.
    """
    boundaries = np.flatnonzero(np.asarray(stream) == BOUNDARY_ID)
    if len(boundaries) < 2:
        raise CorpusError(f"text to score: expected at least one sentence, found {max(0, len(stream) - 1)} words")
    starts, ends = (boundaries[:1], boundaries[-1:]) if stateful else (boundaries[:-1], boundaries[1:])
    predictions = int((ends - starts).sum())
    bar = tqdm(total=2 * predictions, unit="word", unit_scale=True, disable=not progress, file=sys.stderr)
    with EvalMode(bilm).entered(), torch.inference_mode(), bar:
        scorer = _Scorer(bilm, head, stream, char_ids, class_of_word, bar)
        nats = [
            -sum(
                (
                    scorer.log_likelihoods(direction, starts[batch], ends[batch], size)
                    for batch, size in _batches(ends - starts, batch_positions)
                ),
                np.zeros(2),
            )
            for direction in DIRECTIONS
        ]
    known = predictions - int((np.asarray(class_of_word)[stream] == UNKNOWN_CLASS).sum())
    (forward, known_forward), (backward, known_backward) = nats
    of_known = LMScore(known_forward / known, known_backward / known, known)
    return LMScore(forward / predictions, backward / predictions, predictions, of_known)


def _exp(nats: float) -> float:
    return math.exp(nats) if nats < 700 else math.inf


def _batches(lengths: Positions, batch_positions: int) -> Iterator[tuple[Positions, int]]:
    """Indices of the segments of each batch, and the number of positions of each segment to run at a time."""
    for batch in batches_by_length(lengths.tolist(), batch_positions):
        yield np.array(batch), max(1, batch_positions // len(batch))


class _Scorer:
    """Language model scores of one stream."""

    def __init__(
        self,
        bilm: BiLM,
        head: Head,
        stream: npt.NDArray[np.int32],
        char_ids: npt.NDArray[np.int16],
        class_of_word: npt.NDArray[np.integer[Any]],
        bar: Any,
    ) -> None:
        self.bilm, self.head, self.bar = bilm, head, bar
        self.stream, self.char_ids, self.class_of_word = stream, char_ids, class_of_word
        distinct = np.unique(stream)
        distinct = distinct[distinct != BOUNDARY_ID]
        capacity = max(1, min(len(distinct), MAX_TABLE // bilm.config.dim))
        self.words = WordVectors(bilm, capacity)
        if len(distinct) <= capacity:
            self.words.rows(char_ids[distinct - 1])  # all at once, in full blocks

    def log_likelihoods(
        self, direction: Direction, starts: Positions, ends: Positions, size: int
    ) -> npt.NDArray[np.float64]:
        """Sums of the log probabilities of segments: of all targets, and of those that are not the unknown word.

        The forward model reads the ids at start..end - 1 and predicts those at start + 1..end; the backward model reads
        end..start + 1 and predicts end - 1..start.

        Args:
            direction: The direction to run.
            starts: (B,) first positions of the segments.
            ends: (B,) last positions.
            size: Number of positions of each segment to run at a time.
        """
        lengths, step = ends - starts, 1 if direction == "forward" else -1

        def positions(start: int, stop: int) -> Positions:
            """(B, T') positions that are read. Padding repeats the last position of the segment."""
            offsets: Positions = np.minimum(np.arange(start, stop), lengths[:, None] - 1)
            return starts[:, None] + offsets if direction == "forward" else ends[:, None] - offsets

        def vectors_at(start: int, stop: int) -> Tensor:
            return self.words.gather(lambda: self._rows(direction, self.stream[positions(start, stop).T]))

        total = np.zeros(2)
        for start, vectors, outputs in run_chunks(self.bilm, direction, torch.from_numpy(lengths), size, vectors_at):
            stop = start + len(vectors)
            is_real = np.arange(start, stop) < lengths[:, None]  # (B, T')
            targets = self.class_of_word[self.stream[positions(start, stop)[is_real] + step]].astype(np.int64)
            states = outputs[-1].transpose(0, 1)[torch.from_numpy(is_real).to(vectors.device)]
            scores = self.head.log_probabilities(states, torch.from_numpy(targets).to(vectors.device)).cpu().double()
            total += (float(scores.sum()), float(scores[torch.from_numpy(targets != UNKNOWN_CLASS)].sum()))
            self.bar.update(len(targets))
        return total

    def _rows(self, direction: Direction, ids: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
        """Rows of word ids in the table of token vectors. The boundary token is BOS forward, EOS backward."""
        distinct, places = np.unique(ids, return_inverse=True)
        rows = np.full(len(distinct), BEGIN_ROW if direction == "forward" else END_ROW, dtype=np.int64)
        is_word = distinct != BOUNDARY_ID
        rows[is_word] = self.words.rows(self.char_ids[distinct[is_word] - 1])
        return rows[places.reshape(ids.shape)]
