import dataclasses

import pytest
import torch

from elmo_lite import CorpusError
from tasks.inputs.batch import collate

WORDS = [["a", "b", "c"], ["d"]]


def test_lengths_and_mask() -> None:
    batch = collate([("a", "b", "c"), ("d",)])
    assert batch.words == WORDS and len(batch) == 2
    assert batch.lengths.tolist() == [3, 1] and batch.lengths.dtype == torch.long
    assert batch.mask.tolist() == [[True, True, True], [True, False, False]]
    assert batch.targets is None and batch.layers is None


def test_targets_of_words_are_padded_with_zeros() -> None:
    targets = collate(WORDS, [[4, 5, 6], [7]]).targets
    assert targets is not None and targets.dtype == torch.long
    assert targets.tolist() == [[4, 5, 6], [7, 0, 0]]


def test_targets_of_sentences() -> None:
    targets = collate(WORDS, [2, 0]).targets
    assert targets is not None and targets.dtype == torch.long and targets.tolist() == [2, 0]


def test_to_leaves_lengths_where_they_are() -> None:
    batch = collate(WORDS, [2, 0], torch.zeros(3, 2, 3, 4)).to("meta")
    assert batch.lengths.device.type == "cpu"
    assert {t.device.type for t in (batch.mask, batch.targets, batch.layers) if t is not None} == {"meta"}


def test_is_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        collate(WORDS).words = []  # type: ignore[misc]


@pytest.mark.parametrize(
    ("words", "message"), [([], "at least one sentence"), ([["a"], []], "sentence 1: expected at")]
)
def test_nothing_to_read(words: list[list[str]], message: str) -> None:
    with pytest.raises(CorpusError, match=message):
        collate(words)


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        ([1], "one for each of 2 sentences, found 1"),
        ([[1, 2, 3], [1, 2]], "targets of sentence 1: expected 1, found 2"),
        ([[1, 2], [1]], "targets of sentence 0: expected 3, found 2"),
    ],
)
def test_targets_that_do_not_fit(targets: list[int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        collate(WORDS, targets)


def test_layers_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match=r"expected \(L, 2, 3, 2D\), found \(3, 2, 4, 8\)"):
        collate(WORDS, layers=torch.zeros(3, 2, 4, 8))
