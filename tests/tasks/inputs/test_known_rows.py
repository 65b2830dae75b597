"""Rows of words that are made once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from tasks.inputs import known_rows
from tasks.inputs.known_rows import KnownRows, Rows


class Describe:
    """The length of a word and its first letter; the words that it was asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, words: Sequence[str]) -> Rows:
        self.asked += words
        return np.array([[len(word), ord(word[0])] for word in words], dtype=np.int32)


def test_each_word_is_described_once() -> None:
    describe, known = Describe(), KnownRows()
    assert known.of(["cat", "a"], describe).tolist() == [[3, 99], [1, 97]]
    assert known.of(["a", "bird", "cat"], describe).tolist() == [[1, 97], [4, 98], [3, 99]]
    assert describe.asked == ["cat", "a", "bird"]


def test_long_words_are_not_kept() -> None:
    describe, known = Describe(), KnownRows()
    for _ in range(2):
        assert known.of(["a" * 100, "b" * 101], describe).tolist() == [[100, 97], [101, 98]]
    assert describe.asked == ["a" * 100, "b" * 101, "b" * 101]
    assert len(known) == 1


def test_a_row_does_not_keep_the_rows_of_its_batch() -> None:
    known = KnownRows()
    known.of(["a", "b" * 101], Describe())
    assert known._row_of["a"].base is None


def test_no_more_than_the_maximum_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known_rows, "MOST_KEPT", 3)
    describe, known = Describe(), KnownRows()
    known.of(["a", "bb", "ccc"], describe)
    assert known.of(["a", "dddd"], describe).tolist() == [[1, 97], [4, 100]]  # the others are forgotten
    assert len(known) == 2
    words = [letter * 5 for letter in "abcdef"]
    assert known.of(words, describe)[:, 1].tolist() == [ord(word[0]) for word in words]  # more than are kept
    assert known.of(["a"], describe).tolist() == [[1, 97]]
    assert len(known) == 1
