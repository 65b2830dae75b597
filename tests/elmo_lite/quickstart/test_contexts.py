"""Nearest contexts of a word."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from elmo_lite.quickstart.contexts import Occurrence, nearest, occurrences, sentences


class CountingElmo:
    """Layers whose numbers are known: the LSTM layers of word t are (1, t) and (1, t) + 2."""

    def embed(self, texts: list[list[str]], layers: str) -> list[np.ndarray]:
        assert layers == "all"
        rows = [np.stack([np.ones(len(words)), np.arange(len(words))], axis=1) for words in texts]
        return [np.stack([np.full_like(row, 9), row, row + 2]).astype(np.float32) for row in rows]


def occurrence(words: str, position: int, *vector: float) -> Occurrence:
    return Occurrence(words.split(), position, np.array(vector, dtype=np.float32))


def test_sentences_of_a_corpus() -> None:
    corpus: Any = SimpleNamespace(
        train=np.array([0, 1, 2, 0, 3, 0]), held_out=np.array([0, 2, 0]), words=["a", "b", "c"]
    )
    assert list(sentences(corpus)) == [["a", "b"], ["c"], ["b"]]


def test_every_occurrence_has_its_vector() -> None:
    elmo: Any = CountingElmo()
    found = occurrences(elmo, [["set", "a", "set"], ["nothing"], ["a", "set"]], "set")
    assert [(list(other.words), other.position) for other in found] == [
        (["set", "a", "set"], 0),
        (["set", "a", "set"], 2),
        (["a", "set"], 1),
    ]
    mean = np.array([2.0, 3.0])  # of (1, 2) and (3, 4), token layer left out
    assert found[1].vector == pytest.approx(mean / np.linalg.norm(mean))


def test_nearest_shows_each_pair_of_neighbors_once() -> None:
    known = [
        occurrence("is set to", 1, 1, 0),
        occurrence("flag is set to x", 2, 1, 0),
        occurrence("a set of", 1, 0.6, 0.8),
        occurrence("set", 0, 0, 1),
    ]
    found = nearest(occurrence("was set", 1, 1, 0), known, 2)
    assert [(round(similarity, 3), other) for similarity, other in found] == [(1.0, known[0]), (0.6, known[2])]
    assert nearest(known[0], [], 3) == []


def test_line_has_the_word_in_the_middle() -> None:
    assert occurrence("one two set three four", 2, 1).line(5) == "e two [set] three"
    assert occurrence("set three", 0, 1).line(5) == "      [set] three"
    assert occurrence("one set", 1, 1).line(5) == "  one [set]"
