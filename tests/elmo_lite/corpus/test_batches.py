"""Batches against what a reader of the stream would see, in both directions."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from elmo_lite.corpus.batch import Batch
from elmo_lite.corpus.batches import SentenceBatches, WindowBatches, _cheapest_split, cut_segments
from elmo_lite.corpus.share import Share
from elmo_lite.errors import CorpusError
from elmo_lite.text.characters import PADDING, encode_words

BEGIN, END = "begin", "end"


def decode_word(row: Any) -> str:
    """The word of a row of character ids; a byte that is cut off shows as U+FFFD."""
    ids = np.asarray(row)
    return bytes((ids[(ids >= 1) & (ids <= 256)] - 1).astype(np.uint8)).decode("utf-8", "replace")


class Words:
    """A corpus whose word id k is spelled w<k> and predicted as class k + 1 (0 the boundary, 1 unknown)."""

    def __init__(self, num_words: int) -> None:
        self.char_ids = encode_words([f"w{k}" for k in range(1, num_words + 1)], 12)
        self.class_of_word = np.array([0, *range(2, num_words + 2)], dtype=np.int32)


def stream_of(lengths: list[int]) -> npt.NDArray[np.int32]:
    """Sentences of these lengths; no word comes twice, so that every position can be told."""
    ids = [0]
    word = 0
    for length in lengths:
        ids += [*range(word + 1, word + length + 1), 0]
        word += length
    return np.array(ids, dtype=np.int32)


def read(batch: Batch, inputs: Tensor) -> list[list[str]]:
    """What stands in each row."""
    spellings = [BEGIN, END, *(decode_word(row) for row in batch.char_ids[2:])]
    return [[spellings[place] for place in row] for row in inputs.tolist()]


def spelled(word_id: int, boundary: str) -> str:
    return boundary if word_id == 0 else f"w{word_id}"


def word_of(target: int) -> int:
    """Word id of a class."""
    return 0 if target == 0 else target - 1


Predictions = list[tuple[list[str], list[int]]]


def predictions(batch: Batch, direction: str) -> Predictions:
    """Of each row, the inputs and the word ids to predict, padding left out."""
    inputs, targets = (
        (batch.forward_inputs, batch.forward_targets)
        if direction == "forward"
        else (batch.backward_inputs, batch.backward_targets)
    )
    rows, length = inputs.shape
    real = torch.zeros(rows * length, dtype=torch.bool)
    real[batch.real] = True
    found = []
    for row, classes, mask in zip(read(batch, inputs), targets.tolist(), real.view(rows, length).tolist(), strict=True):
        number = sum(mask)
        assert mask == [True] * number + [False] * (length - number)  # padding on the right alone
        found.append((row[:number], [word_of(c) for c in classes[:number]]))
    return found


def check_neighbours(batch: Batch, stream: npt.NDArray[np.int32]) -> None:
    """Every target follows its input in the stream, or precedes it where the backward model reads."""
    following = Counter(pairwise(stream.tolist()))
    for direction, boundary, step in (("forward", BEGIN, 1), ("backward", END, -1)):
        for inputs, targets in predictions(batch, direction):
            for i, (word, target) in enumerate(zip(inputs, targets, strict=True)):
                before = 0 if word == boundary else int(word[1:])
                assert following[(before, target)[::step]] > 0
                if i + 1 < len(inputs):
                    assert inputs[i + 1] == spelled(target, boundary)


# Windows


STREAM = stream_of([5, 3, 9, 1, 7, 4, 6, 0, 8, 11] * 2)


def windows(rows: int = 3, length: int = 6, seed: int = 0) -> WindowBatches:
    return WindowBatches(Words(200), STREAM, rows=rows, length=length, seed=seed)


@pytest.mark.parametrize(("rows", "length"), [(1, 4), (3, 6), (5, 2), (2, 20)])
@pytest.mark.parametrize("epoch", [0, 1, 2])
def test_windows_read_every_row_once(rows: int, length: int, epoch: int) -> None:
    source = windows(rows, length)
    steps = range(epoch * source.steps_per_epoch, (epoch + 1) * source.steps_per_epoch)
    batches = [source.batch(step) for step in steps]
    assert [batch.starts_afresh for batch in batches] == [True] + [False] * (len(batches) - 1)
    text = STREAM.tolist()
    ends = []
    for row in range(rows):
        ahead = [predictions(batch, "forward")[row] for batch in batches]
        back = [predictions(batch, "backward")[row] for batch in batches]
        assert all(len(inputs) == length for inputs, _ in ahead + back)
        targets = [word for _, window in ahead for word in window]
        first = text.index(next(word for word in targets if word)) - next(i for i, word in enumerate(targets) if word)
        end = first + len(targets)
        ends.append((first, end))
        # one window goes on where the last one ended, so a row's windows are one piece of the stream
        assert targets == text[first:end]
        assert [w for inputs, _ in ahead for w in inputs] == [spelled(i, BEGIN) for i in text[first - 1 : end - 1]]
        assert [w for inputs, _ in back for w in inputs] == [spelled(i, END) for i in text[first:end][::-1]]
        assert [w for _, window in back for w in window] == text[first - 1 : end - 1][::-1]
    assert len({end - first for first, end in ends}) == 1
    assert all(before[1] <= after[0] for before, after in pairwise(ends))  # rows share no position
    left_out = len(text) - 1 - sum(end - first for first, end in ends)
    assert left_out < length * (rows + 1) + rows


def test_windows_begin_elsewhere_every_epoch() -> None:
    source = windows()
    first = [source.batch(epoch * source.steps_per_epoch).forward_targets[0].tolist() for epoch in range(8)]
    assert len({tuple(row) for row in first}) > 1


def test_windows_are_a_function_of_seed_and_step() -> None:
    for step in (0, 3, 11, 2):
        assert_same(windows().batch(step), windows().batch(step))
    others = [windows(seed=seed).batch(0).forward_targets.tolist() for seed in range(8)]
    assert any(other != others[0] for other in others)


def assert_same(a: Batch, b: Batch) -> None:
    for name, value in vars(a).items():
        other = getattr(b, name)
        assert torch.equal(value, other) if isinstance(value, Tensor) else value == other, name


@pytest.mark.parametrize("length", [0, 1, 10, 18])
def test_too_few_words_for_a_window(length: int) -> None:
    with pytest.raises(
        CorpusError, match=f"expected at least one batch of 3 x 6 = 18 words.*, found {length}"
    ) as error:
        WindowBatches(Words(200), STREAM[: length + 1], rows=3, length=6, seed=0)
    assert "\n" not in str(error.value)
    WindowBatches(Words(200), STREAM[:25], rows=3, length=6, seed=0).batch(0)


# Sentences


def sentences(
    stream: npt.NDArray[np.int32], num_words: int = 20, max_length: int = 9, seed: int = 0
) -> SentenceBatches:
    return SentenceBatches(Words(1000), stream, num_words=num_words, max_length=max_length, seed=seed)


LENGTHS = st.lists(st.integers(0, 25), min_size=1, max_size=40)


@given(LENGTHS, st.integers(2, 40), st.integers(2, 12), st.integers(0, 3))
@settings(max_examples=50, deadline=None)
def test_sentences_are_predicted_once_an_epoch(lengths: list[int], num_words: int, max_length: int, epoch: int) -> None:
    stream = stream_of(lengths)
    max_length = min(max_length, num_words)
    if len(stream) - 1 < num_words:
        return
    source = sentences(stream, num_words, max_length)
    batches = [source.batch(epoch * source.steps_per_epoch + step) for step in range(source.steps_per_epoch)]
    ahead, back = Counter(), Counter()
    for batch in batches:
        assert batch.starts_afresh and batch.forward_inputs.shape[1] <= max_length
        assert 0 < batch.num_words < 3 * num_words + max_length
        check_neighbours(batch, stream)
        for inputs, targets in predictions(batch, "forward"):
            ahead.update(zip(inputs, targets, strict=True))
        for inputs, targets in predictions(batch, "backward"):
            back.update(zip(inputs, targets, strict=True))
    assert ahead == Counter((spelled(a, BEGIN), b) for a, b in pairwise(stream.tolist()))
    assert back == Counter((spelled(b, END), a) for a, b in pairwise(stream.tolist()))


def test_a_sentence_is_one_row() -> None:
    stream = stream_of([3, 0, 5])
    batch = sentences(stream, num_words=11).batch(0)
    ahead = sorted(predictions(batch, "forward"))
    assert ahead == [
        ([BEGIN], [0]),
        ([BEGIN, "w1", "w2", "w3"], [1, 2, 3, 0]),
        ([BEGIN, "w4", "w5", "w6", "w7", "w8"], [4, 5, 6, 7, 8, 0]),
    ]
    assert sorted(predictions(batch, "backward")) == [
        ([END], [0]),
        ([END, "w3", "w2", "w1"], [3, 2, 1, 0]),
        ([END, "w8", "w7", "w6", "w5", "w4"], [8, 7, 6, 5, 4, 0]),
    ]


def test_a_long_sentence_is_cut() -> None:
    batch = sentences(stream_of([10]), num_words=11, max_length=4).batch(0)
    assert sorted(targets for _, targets in predictions(batch, "forward")) == [
        [1, 2, 3, 4],
        [5, 6, 7, 8],
        [9, 10, 0],
    ]
    assert sorted(inputs for inputs, _ in predictions(batch, "backward")) == [
        [END, "w10", "w9"],
        ["w4", "w3", "w2", "w1"],
        ["w8", "w7", "w6", "w5"],
    ]


@given(st.lists(st.integers(1, 50), min_size=1, max_size=20), st.integers(1, 12))
def test_cut_segments(lengths: list[int], max_length: int) -> None:
    starts = np.cumsum([0, *lengths])[:-1]
    found_starts, found_lengths = cut_segments(starts, np.array(lengths), max_length)
    expected = [
        (start + at, min(max_length, length - at))
        for start, length in zip(starts.tolist(), lengths, strict=True)
        for at in range(0, length, max_length)
    ]
    assert list(zip(found_starts.tolist(), found_lengths.tolist(), strict=True)) == expected


def test_sentences_are_a_function_of_seed_and_step() -> None:
    source = sentences(STREAM)
    assert source.steps_per_epoch > 3
    for step in (0, 9, 1, 17, 9):  # back and forth over epochs
        assert_same(source.batch(step), sentences(STREAM).batch(step))
    orders = [
        tuple(
            str(sentences(STREAM, seed=seed).batch(step).forward_targets.tolist()) for step in range(first, first + 4)
        )
        for seed, first in [(0, 0), (0, source.steps_per_epoch), (1, 0)]
    ]
    assert len(set(orders)) == 3


def test_sentences_of_a_batch_are_of_like_length() -> None:
    rng = np.random.default_rng(0)
    source = SentenceBatches(
        Words(20_000), stream_of(rng.integers(1, 40, 800).tolist()), num_words=400, max_length=60, seed=0
    )
    batches = [source.batch(step) for step in range(source.steps_per_epoch)]
    real = sum(batch.num_words for batch in batches)
    assert real / sum(batch.forward_inputs.numel() for batch in batches) > 0.9
    sizes = [batch.num_words for batch in batches]
    assert max(sizes) < 1.2 * 400 and min(sizes) > 0.8 * 400


@pytest.mark.parametrize("length", [2, 19])
def test_a_text_below_one_batch_is_one(length: int) -> None:
    source = sentences(stream_of([length - 1]))
    assert source.steps_per_epoch == 1
    assert [source.batch(step).num_words for step in range(2)] == [length, length]


def test_no_words_for_sentences() -> None:
    with pytest.raises(CorpusError, match="training text: expected words, found none"):
        sentences(np.zeros(1, dtype=np.int32))


# Both


def test_each_distinct_word_comes_once() -> None:
    stream = np.array([0, 4, 4, 2, 4, 0, 2, 2, 0, 7, 0] * 4, dtype=np.int32)
    for batch in (
        WindowBatches(Words(9), stream, rows=2, length=5, seed=0).batch(0),
        SentenceBatches(Words(9), stream, num_words=43, max_length=9, seed=0).batch(0),
    ):
        spellings = [decode_word(row) for row in batch.char_ids[2:]]
        read_words = {
            word
            for inputs in (batch.forward_inputs, batch.backward_inputs)
            for row in read(batch, inputs)
            for word in row
        }
        assert spellings == sorted(read_words - {BEGIN, END}) and "w4" in spellings
        assert batch.char_ids.dtype == torch.int16
        check_neighbours(batch, stream)


def test_no_boundary_in_a_window() -> None:
    """Rows 0 and 1 are the boundary marks all the same."""
    stream = np.arange(1, 40, dtype=np.int32)
    batch = WindowBatches(Words(50), stream, rows=2, length=5, seed=0).batch(0)
    assert int(batch.forward_inputs.min()) >= 2 and int(batch.backward_inputs.min()) >= 2
    check_neighbours(batch, stream)


# Several processes


SOURCES = {"windows": lambda: windows(), "sentences": lambda: sentences(STREAM)}


def positions(batch: Batch) -> list[tuple[str, list[str], list[int]]]:
    """What is read and predicted in the rows of a batch, in any order."""
    found = [(d, *row) for d in ("forward", "backward") for row in predictions(batch, d) if row[0]]
    return sorted(found, key=str)


@pytest.mark.parametrize("size", [1, 2, 3, 7])
@pytest.mark.parametrize("name", SOURCES)
def test_processes_read_the_same_words_in_the_same_steps(name: str, size: int) -> None:
    """Each word once a step and none twice, however the rows are divided."""
    source = SOURCES[name]()
    for step in range(2 * source.steps_per_epoch):
        whole, shares = source.batch(step), [source.batch(step, Share(rank, size)) for rank in range(size)]
        assert positions(whole) == sorted((row for share in shares for row in positions(share)), key=str)
        assert sum(share.num_words for share in shares) == whole.num_words == whole.step_words
        assert {share.step_words for share in shares} == {whole.num_words}
        assert {share.starts_afresh for share in shares} == {whole.starts_afresh}
        if size > 1:
            classes = torch.cat(
                [whole.forward_targets.flatten()[whole.real], whole.backward_targets.flatten()[whole.real]]
            )
            for share in shares:
                assert share.step_classes is not None and torch.equal(share.step_classes, classes.unique())


@pytest.mark.parametrize("size", [2, 3, 7])
def test_processes_read_an_epoch_once(size: int) -> None:
    source = sentences(STREAM)
    read_words = Counter(
        target
        for step in range(source.steps_per_epoch)
        for rank in range(size)
        for _, targets in predictions(source.batch(step, Share(rank, size)), "forward")
        for target in targets
    )
    assert read_words == Counter(STREAM[1:].tolist())


def test_a_process_without_rows_predicts_nothing() -> None:
    for source in (windows(rows=3), sentences(STREAM)):
        rows = len(source.batch(0).forward_inputs)
        batch = source.batch(0, Share(rows, rows + 1))
        assert batch.num_words == 0 and batch.forward_inputs.shape[0] == 1 and batch.step_words > 0


def test_a_share_is_no_longer_than_its_longest_row() -> None:
    source = sentences(stream_of([9, 2, 5]), num_words=30, max_length=20)
    shares = [source.batch(0, Share(rank, 3)) for rank in range(3)]
    assert sorted(share.forward_inputs.shape[1] for share in shares) == [3, 6, 10]


@pytest.mark.parametrize("size", [2, 3])
def test_shares_are_about_equal(size: int) -> None:
    rng = np.random.default_rng(0)
    source = sentences(stream_of(rng.integers(1, 30, 60).tolist()), num_words=200, max_length=64)
    for step in range(source.steps_per_epoch):
        words = [source.batch(step, Share(rank, size)).num_words for rank in range(size)]
        assert max(words) - min(words) <= 30


def test_a_batch_moves() -> None:
    batch = windows().batch(0)
    moved = batch.to(torch.device("meta"))
    assert moved.forward_inputs.device.type == "meta" and moved.starts_afresh == batch.starts_afresh
    assert_same(batch.to(torch.device("cpu")), batch)


def test_short_words_come_first() -> None:
    used = np.array([3, 3, 4, 5, 5, 20])
    split = _cheapest_split(used)
    costs = [k * (used[k - 1] if k else 0) + (len(used) - k) * used[-1] for k in range(len(used))]
    assert split == int(np.argmin(costs)) == 5
    assert _cheapest_split(np.array([4, 4, 4])) == 0
    assert _cheapest_split(np.array([], dtype=np.int64)) == 0
    words = Words(40)
    stream = np.array([0, 40, 3, 7, 12, 0, 5, 33, 0], dtype=np.int32)
    batch = SentenceBatches(words, stream, num_words=8, max_length=8, seed=0).batch(0)
    lengths = (batch.char_ids[2:] != PADDING).sum(dim=1)
    assert torch.equal(lengths, lengths.sort().values)
    assert 2 <= batch.num_short <= len(batch.char_ids)


def test_rows_have_the_classes_of_their_words() -> None:
    words = Words(30)
    batch = SentenceBatches(words, stream_of([5, 9, 16]), num_words=30, max_length=40, seed=0).batch(0)
    found = batch.classes.tolist()
    assert found[:2] == [0, 0], "the boundary token, as BOS and as EOS"
    assert found[2:] == [int(decode_word(row)[1:]) + 1 for row in batch.char_ids[2:]]
