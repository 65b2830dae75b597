"""Batches of a corpus: windows of a stream, or whole sentences bucketed by length.

A batch holds sequences for each direction, in the order in which that direction reads them. The stream ``0 w w 0 w 0``
(0 = boundary token) is cut into segments. A segment at positions a..b gives the forward model the inputs a..b-1 and the
targets a+1..b, and the backward model the inputs b..a+1 and the targets b-1..a. A batch is a pure function of the seed
and the step, so that a resumed run continues with the next batch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from elmo_lite.corpus.corpus import BOUNDARY_ID
from elmo_lite.errors import CorpusError
from elmo_lite.text.characters import PADDING, begin_sentence_row, end_sentence_row
from elmo_lite.text.vocabulary import BOUNDARY_CLASS

Ids = npt.NDArray[np.int32]
Positions = npt.NDArray[np.int64]

# Number of batches in a pool of sentences sorted by length: large pools need less padding, small ones mix better.
POOL_BATCHES = 64


@dataclass(frozen=True)
class Batch:
    """Sequences of one training step. B and T may differ between steps."""

    char_ids: Tensor
    """(K, C) int16: BOS, EOS, then the distinct words of the batch in ascending order of length."""
    num_short: int
    """Number of rows of ``char_ids`` that the token layer runs as a block of their own, to save padding."""
    forward_inputs: Tensor
    """(B, T) rows of ``char_ids``, in reading order like the three tensors below."""
    forward_targets: Tensor
    """(B, T) classes."""
    backward_inputs: Tensor
    """(B, T) rows of ``char_ids``."""
    backward_targets: Tensor
    """(B, T) classes."""
    real: Tensor
    """(P,) flat positions b * T + t that are not padding, the same in both directions."""
    starts_afresh: bool
    """Whether to reset carried states before this batch."""
    classes: Tensor
    """(K,) class of each row of ``char_ids``; that of the boundary token for BOS and EOS."""

    @property
    def num_words(self) -> int:
        """Number of predictions of one direction."""
        return len(self.real)

    def to(self, device: torch.device) -> Batch:
        """Move the tensors to a device."""
        return self._map(lambda tensor: tensor.to(device, non_blocking=True))

    def pin_memory(self) -> Batch:
        """Pin the tensors in memory, so that they are copied to a GPU while it computes."""
        return self._map(Tensor.pin_memory)

    def _map(self, change: Callable[[Tensor], Tensor]) -> Batch:
        changed: dict[str, Any] = {k: change(value) for k, value in vars(self).items() if isinstance(value, Tensor)}
        return replace(self, **changed)


class WordTable(Protocol):
    """The part of a corpus that batches need."""

    @property
    def char_ids(self) -> npt.NDArray[np.int16]:
        """(num_words, C): character ids of word id k in row k - 1."""

    @property
    def class_of_word(self) -> Ids:
        """(num_words + 1,): class of each word id."""


def make_batch(
    words: WordTable,
    stream: Ids,
    ahead: Positions,
    back: Positions,
    lengths: Positions | None = None,
    starts_afresh: bool = True,
) -> Batch:
    """Make a batch from positions of a stream.

    Args:
        words: Character ids and classes of the words.
        stream: (S,) word ids.
        ahead: (B, T + 1) positions that the forward model reads, ascending. Padding is any valid position.
        back: (B, T + 1) positions that the backward model reads, descending.
        lengths: (B,) number of predictions in each row. Defaults to T.
        starts_afresh: Whether to reset carried states before this batch. Defaults to True.
    """
    ids = np.stack([stream[ahead], stream[back]])  # (2, B, T + 1)
    distinct, places = np.unique(ids[:, :, :-1], return_inverse=True)
    if distinct[0] == BOUNDARY_ID:
        distinct = distinct[1:]
    else:
        places = places + 1
    char_ids = words.char_ids[distinct - 1]
    used = (char_ids != PADDING).sum(axis=1)
    order = np.argsort(used, kind="stable")
    # Row 0 is BOS, row 1 is EOS: the boundary token is BOS to the forward model, EOS to the backward model.
    row_of = np.zeros(len(distinct) + 1, dtype=np.int64)
    row_of[order + 1] = np.arange(len(distinct)) + 2
    rows = row_of[places.reshape(ids[:, :, :-1].shape)]
    rows[1][rows[1] == 0] = 1
    boundaries = [row(char_ids.shape[1]) for row in (begin_sentence_row, end_sentence_row)]
    targets = words.class_of_word[ids[:, :, 1:]].astype(np.int64)
    batch, length = ahead.shape[0], ahead.shape[1] - 1
    real = np.arange(batch * length)
    if lengths is not None:
        real = np.flatnonzero(np.arange(length) < lengths[:, None])
    return Batch(
        torch.from_numpy(np.concatenate([boundaries, char_ids[order]]).astype(np.int16)),
        2 + _cheapest_split(used[order]),
        torch.from_numpy(rows[0]),
        torch.from_numpy(targets[0]),
        torch.from_numpy(rows[1]),
        torch.from_numpy(targets[1]),
        torch.from_numpy(real),
        starts_afresh,
        torch.from_numpy(np.concatenate([[BOUNDARY_CLASS] * 2, words.class_of_word[distinct[order]]]).astype(np.int64)),
    )


def _cheapest_split(used: Positions) -> int:
    """Number of the shortest words to run as a block of their own, so that both blocks together cost least.

    Args:
        used: (K,) number of characters of each word, ascending.
    """
    number = np.arange(len(used))
    shorter = np.concatenate([[0], used[:-1]])
    return int(np.argmin(number * shorter + (len(used) - number) * used[-1:])) if len(used) else 0


class WindowBatches:
    """Windows of a stream cut into parallel rows (truncated backpropagation through time).

    Row r of the forward model reads its part of the stream from left to right, row r of the backward model reads the
    same part from right to left. Each carries its states from window to window. Every pass starts at another offset.
    """

    def __init__(self, words: WordTable, stream: Ids, *, rows: int, length: int, seed: int) -> None:
        """Cut ``stream`` into batches of ``rows`` x ``length`` predictions.

        Raises:
            CorpusError: The stream has fewer than (``rows`` + 1) x ``length`` predictions.
        """
        self.words, self.stream, self.rows, self.length, self.seed = words, stream, rows, length, seed
        self.row_length = (len(stream) - 1 - length) // rows
        self.steps_per_epoch = self.row_length // length
        if self.steps_per_epoch < 1:
            raise CorpusError(
                f"training text: expected at least one batch of {rows} x {length} = {rows * length} words and {length} "
                f"more for its offset, found {max(0, len(stream) - 1)}"
            )

    def batch(self, step: int) -> Batch:
        """The batch of a step, counted from 0 over all passes."""
        epoch, window = divmod(step, self.steps_per_epoch)
        offset = int(np.random.default_rng((self.seed, epoch)).integers(self.length))
        starts = offset + np.arange(self.rows)[:, None] * self.row_length
        places = window * self.length + np.arange(self.length + 1)
        end = starts + self.steps_per_epoch * self.length
        return make_batch(self.words, self.stream, starts + places, end - places, starts_afresh=window == 0)


class SentenceBatches:
    """Whole sentences bucketed by length. Very long sentences are cut into pieces."""

    def __init__(self, words: WordTable, stream: Ids, *, num_words: int, max_length: int, seed: int) -> None:
        """Plan batches of about ``num_words`` predictions, from pieces of at most ``max_length`` predictions.

        A stream that is shorter than a batch is one batch.

        Raises:
            CorpusError: The stream has no word.
        """
        if len(stream) < 2:
            raise CorpusError("training text: expected words, found none")
        self.words, self.stream, self.num_words, self.seed = words, stream, num_words, seed
        boundaries = np.flatnonzero(stream == BOUNDARY_ID)
        self.starts, self.lengths = cut_segments(boundaries[:-1], np.diff(boundaries), max_length)
        self._epoch = -1
        self._plan(0)

    def _plan(self, epoch: int) -> None:
        """Order one pass: shuffle the sentences, sort each pool by length, cut it into batches, shuffle the batches.

        The cut depends only on the number of words, so that all passes have the same number of steps.
        """
        if epoch == self._epoch:
            return
        rng = np.random.default_rng((self.seed, epoch))
        order = rng.permutation(len(self.starts))
        total = int(self.lengths.sum())
        self.steps_per_epoch = max(1, total // self.num_words)
        words_before = np.cumsum(self.lengths[order]) - self.lengths[order]
        pool = words_before * self.steps_per_epoch // (total * POOL_BATCHES)
        order = order[np.lexsort((self.lengths[order], pool))]
        words_before = np.cumsum(self.lengths[order]) - self.lengths[order]
        number = words_before * self.steps_per_epoch // total
        self._order = order
        self._cuts = np.searchsorted(number, np.arange(self.steps_per_epoch + 1))
        self._steps = rng.permutation(self.steps_per_epoch)
        self._epoch = epoch

    def batch(self, step: int) -> Batch:
        """The batch of a step, counted from 0 over all passes."""
        epoch, number = divmod(step, self.steps_per_epoch)
        self._plan(epoch)
        number = self._steps[number]
        chosen = self._order[self._cuts[number] : self._cuts[number + 1]]
        starts, lengths = self.starts[chosen][:, None], self.lengths[chosen]
        places = np.minimum(np.arange(lengths.max() + 1), lengths[:, None])
        return make_batch(self.words, self.stream, starts + places, starts + lengths[:, None] - places, lengths)


def cut_segments(starts: Positions, lengths: Positions, max_length: int) -> tuple[Positions, Positions]:
    """Cut segments longer than ``max_length`` into pieces. Returns the starts and the lengths of the pieces."""
    pieces = -(-lengths // max_length)
    which = np.repeat(np.arange(len(starts)), pieces)
    number = np.arange(len(which)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    return starts[which] + number * max_length, np.minimum(max_length, lengths[which] - number * max_length)


class StepBatches(torch.utils.data.IterableDataset[Batch]):
    """Endless batches from a given step. Process ``rank`` takes every ``world_size``-th batch."""

    def __init__(self, source: Any, first_step: int, rank: int = 0, world_size: int = 1) -> None:
        """Start at ``first_step``, counted in steps of this process."""
        self.source, self.first_step, self.rank, self.world_size = source, first_step, rank, world_size

    def __iter__(self) -> Iterator[Batch]:
        """Yield batches."""
        step = self.first_step
        while True:
            yield self.source.batch(step * self.world_size + self.rank)
            step += 1
