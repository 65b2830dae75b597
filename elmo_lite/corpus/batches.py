"""Batches of a corpus: windows of a stream, or whole sentences bucketed by length.

A batch holds sequences for each direction, in the order in which that direction reads them. The stream ``0 w w 0 w 0``
(0 = boundary token) is cut into segments. A segment at positions a..b gives the forward model the inputs a..b-1 and the
targets a+1..b, and the backward model the inputs b..a+1 and the targets b-1..a. A batch is a pure function of the seed
and the step, so that a resumed run continues with the next batch; several processes read a share of its rows each.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch

from elmo_lite.corpus.batch import Batch
from elmo_lite.corpus.corpus import BOUNDARY_ID
from elmo_lite.corpus.share import WHOLE, Share
from elmo_lite.errors import CorpusError
from elmo_lite.text.characters import PADDING, begin_sentence_row, end_sentence_row, longest_word
from elmo_lite.text.vocabulary import BOUNDARY_CLASS

Ids = npt.NDArray[np.int32]
Positions = npt.NDArray[np.int64]

# Number of batches in a pool of sentences sorted by length: large pools need less padding, small ones mix better.
POOL_BATCHES = 64


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
    share: Share = WHOLE,
) -> Batch:
    """Make a batch, or the share of it that a process reads, from positions of a stream.

    Args:
        words: Character ids and classes of the words.
        stream: (S,) word ids.
        ahead: (B, T + 1) positions that the forward model reads, ascending. Padding is any valid position.
        back: (B, T + 1) positions that the backward model reads, descending.
        lengths: (B,) number of predictions in each row. Defaults to T.
        starts_afresh: Whether to reset carried states before this batch. Defaults to True.
        share: Rows to read; a share without rows gets one that predicts nothing. Defaults to the whole batch.
    """
    step_words = ahead.shape[0] * (ahead.shape[1] - 1) if lengths is None else int(lengths.sum())
    step_classes = None
    if share.size > 1:
        step_classes = torch.from_numpy(_target_classes(words.class_of_word, stream, ahead, back))
        ahead, back, lengths = _rows_of(share, ahead, back, lengths)
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
    real = np.arange(batch * length) if lengths is None else np.flatnonzero(np.arange(length) < lengths[:, None])
    rows_of_words = np.concatenate([boundaries, char_ids[order]]).astype(np.int16)
    num_short = 2 + _cheapest_split(used[order])
    return Batch(
        torch.from_numpy(rows_of_words),
        num_short,
        (longest_word(rows_of_words[:num_short]), longest_word(rows_of_words[num_short:])),
        torch.from_numpy(rows[0]),
        torch.from_numpy(targets[0]),
        torch.from_numpy(rows[1]),
        torch.from_numpy(targets[1]),
        torch.from_numpy(real),
        starts_afresh,
        torch.from_numpy(np.concatenate([[BOUNDARY_CLASS] * 2, words.class_of_word[distinct[order]]]).astype(np.int64)),
        step_words,
        step_classes,
    )


def _target_classes(class_of_word: Ids, stream: Ids, ahead: Positions, back: Positions) -> npt.NDArray[np.int64]:
    """The classes of all targets of a batch, each once, ascending."""
    is_target = np.zeros(len(class_of_word), dtype=bool)  # marked, as sorting takes ten times as long
    for positions in (ahead, back):
        is_target[stream[positions[:, 1:]]] = True  # padding repeats a target
    return np.unique(class_of_word[is_target]).astype(np.int64)


def _rows_of(
    share: Share, ahead: Positions, back: Positions, lengths: Positions | None
) -> tuple[Positions, Positions, Positions | None]:
    """The rows of a share, cut to the longest of them."""
    if share.rank >= len(ahead):
        return ahead[:1], back[:1], np.zeros(1, dtype=np.int64)
    if lengths is None:
        return ahead[share.rows], back[share.rows], None
    lengths = lengths[share.rows]
    return ahead[share.rows, : lengths.max() + 1], back[share.rows, : lengths.max() + 1], lengths


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

    def batch(self, step: int, share: Share = WHOLE) -> Batch:
        """The batch of a step, counted from 0 over all passes."""
        epoch, window = divmod(step, self.steps_per_epoch)
        offset = int(np.random.default_rng((self.seed, epoch)).integers(self.length))
        starts = offset + np.arange(self.rows)[:, None] * self.row_length
        places = window * self.length + np.arange(self.length + 1)
        end = starts + self.steps_per_epoch * self.length
        ahead, back = starts + places, end - places
        return make_batch(self.words, self.stream, ahead, back, starts_afresh=window == 0, share=share)


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

    def batch(self, step: int, share: Share = WHOLE) -> Batch:
        """The batch of a step, counted from 0 over all passes."""
        epoch, number = divmod(step, self.steps_per_epoch)
        self._plan(epoch)
        number = self._steps[number]
        chosen = self._order[self._cuts[number] : self._cuts[number + 1]]
        starts, lengths = self.starts[chosen][:, None], self.lengths[chosen]
        places = np.minimum(np.arange(lengths.max() + 1), lengths[:, None])
        ahead, back = starts + places, starts + lengths[:, None] - places
        return make_batch(self.words, self.stream, ahead, back, lengths, share=share)


def cut_segments(starts: Positions, lengths: Positions, max_length: int) -> tuple[Positions, Positions]:
    """Cut segments longer than ``max_length`` into pieces. Returns the starts and the lengths of the pieces."""
    pieces = -(-lengths // max_length)
    which = np.repeat(np.arange(len(starts)), pieces)
    number = np.arange(len(which)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    return starts[which] + number * max_length, np.minimum(max_length, lengths[which] - number * max_length)
