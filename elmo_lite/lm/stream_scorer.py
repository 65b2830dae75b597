"""Log probability of each prediction of a stream of words, in one direction, with the full softmax.

A text is a stream of word ids ``0 w w w 0 w w 0`` with the boundary id 0 before, between and after its sentences. The
forward model predicts each id from those before it, the backward model from those after it. A sentence of n words has
n + 1 predictions in each direction; the last one is the boundary token.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from elmo_lite.corpus.corpus import BOUNDARY_ID
from elmo_lite.embedding.runner import run_chunks
from elmo_lite.embedding.word_vectors import BEGIN_ROW, END_ROW, WordVectors
from elmo_lite.nn.bilm import BiLM, Direction
from elmo_lite.text.length_batches import batches_by_length

Positions = npt.NDArray[np.int64]
Nats = npt.NDArray[np.float64]

BATCH_POSITIONS = 4096
"""Number of predictions scored at a time."""


class Head(Protocol):
    """A softmax over classes, such as ``LMHead``."""

    def log_probabilities(self, states: Tensor, targets: Tensor) -> Tensor:
        """Log probabilities (N,) in nats of classes (N,) after states (N, D)."""
        ...


@dataclass(frozen=True, eq=False)
class EncodedStream:
    """A stream of words, and what a model reads and predicts for each of them."""

    ids: npt.NDArray[np.int32]
    """(S,) word ids. The first and the last one are the boundary id 0."""
    char_ids: npt.NDArray[np.int16]
    """(num_words, C) character ids of word id k in row k - 1."""
    class_of_word: npt.NDArray[np.integer[Any]]
    """(num_words + 1,) class of each word id; that of the boundary token for id 0."""

    @property
    def sentences(self) -> tuple[Positions, Positions]:
        """(sentences,) positions of the boundary before, and of that after each sentence."""
        boundaries = np.flatnonzero(np.asarray(self.ids) == BOUNDARY_ID)
        return boundaries[:-1], boundaries[1:]

    @property
    def classes(self) -> npt.NDArray[np.integer[Any]]:
        """(S,) class of each position."""
        return np.asarray(self.class_of_word)[self.ids]


class StreamScorer:
    """Scores streams with one model; the token vectors of their words stay for the next."""

    def __init__(self, bilm: BiLM, head: Head, words: WordVectors) -> None:
        """Score with an encoder in evaluation mode, a softmax and the token vectors of that encoder."""
        self.bilm, self.head, self.words = bilm, head, words

    def scores(
        self, direction: Direction, stream: EncodedStream, starts: Positions, ends: Positions, batch_positions: int
    ) -> Iterator[tuple[Positions, Nats]]:
        """Score segments of a stream, each from zero states, without a graph, in batches of similar length.

        The forward model reads the ids at start..end - 1 and predicts those at start + 1..end; the backward model reads
        end..start + 1 and predicts end - 1..start.

        Args:
            direction: The direction to run.
            stream: The stream.
            starts: (N,) first positions of the segments.
            ends: (N,) last positions.
            batch_positions: Number of predictions made at a time. It limits memory and does not change the result.

        Yields:
            Positions that are predicted, (M,), in no particular order, and their log probabilities in nats, (M,).
        """
        for batch in batches_by_length((ends - starts).tolist(), batch_positions):
            size = max(1, batch_positions // len(batch))
            yield from self._batch(direction, stream, starts[batch], ends[batch], size)

    def _batch(
        self, direction: Direction, stream: EncodedStream, starts: Positions, ends: Positions, size: int
    ) -> Iterator[tuple[Positions, Nats]]:
        """Score the segments of a batch, ``size`` positions of each at a time."""
        lengths, step = ends - starts, 1 if direction == "forward" else -1

        def positions(start: int, stop: int) -> Positions:
            """(B, T') positions that are read. Padding repeats the last position of the segment."""
            offsets: Positions = np.minimum(np.arange(start, stop), lengths[:, None] - 1)
            return starts[:, None] + offsets if direction == "forward" else ends[:, None] - offsets

        def vectors_at(start: int, stop: int) -> Tensor:
            return self.words.gather(lambda: self._rows(direction, stream, stream.ids[positions(start, stop).T]))

        for start, vectors, outputs in run_chunks(self.bilm, direction, torch.from_numpy(lengths), size, vectors_at):
            stop = start + len(vectors)
            is_real = np.arange(start, stop) < lengths[:, None]  # (B, T')
            predicted = positions(start, stop)[is_real] + step
            targets = torch.from_numpy(stream.class_of_word[stream.ids[predicted]].astype(np.int64))
            states = outputs[-1].transpose(0, 1)[torch.from_numpy(is_real).to(vectors.device)]
            scores = self.head.log_probabilities(states, targets.to(vectors.device))
            yield predicted, scores.cpu().double().numpy()

    def _rows(self, direction: Direction, stream: EncodedStream, ids: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
        """Rows of word ids in the table of token vectors. The boundary token is BOS forward, EOS backward."""
        distinct, places = np.unique(ids, return_inverse=True)
        rows = np.full(len(distinct), BEGIN_ROW if direction == "forward" else END_ROW, dtype=np.int64)
        is_word = distinct != BOUNDARY_ID
        rows[is_word] = self.words.rows(stream.char_ids[distinct[is_word] - 1])
        return rows[places.reshape(ids.shape)]
