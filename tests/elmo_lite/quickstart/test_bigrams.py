"""Counting baselines against plain loops."""

from collections import Counter

import numpy as np
import pytest

from elmo_lite.quickstart.bigrams import bigram_perplexity, unigram_perplexity

V = 7


@pytest.fixture
def streams() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    train = np.concatenate([[0], rng.integers(0, V - 1, size=200), [0]])  # class V - 1 is never seen
    return train.astype(np.int32), np.array([0, 1, 2, V - 1, 3, 0], dtype=np.int32)


def plain_bigram(train: list[int], history: int, word: int) -> float:
    pairs = Counter(zip(train[:-1], train[1:], strict=True))
    n1, n2 = (sum(count == times for count in pairs.values()) for times in (1, 2))
    discount = n1 / (n1 + 2 * n2)
    continuation = (sum(w == word for _, w in pairs) + 1) / (len(pairs) + V)
    total = sum(count for (v, _), count in pairs.items() if v == history)
    if total == 0:
        return continuation
    kinds = sum(v == history for v, _ in pairs)
    return max(pairs[history, word] - discount, 0) / total + discount * kinds / total * continuation


def test_bigram_equals_a_plain_loop(streams: tuple[np.ndarray, np.ndarray]) -> None:
    train, held_out = streams
    logs = [np.log(plain_bigram(train.tolist(), v, w)) for v, w in zip(held_out[:-1], held_out[1:], strict=True)]
    assert bigram_perplexity(train, held_out, V) == pytest.approx(np.exp(-np.mean(logs)))


def test_bigram_probabilities_sum_to_one(streams: tuple[np.ndarray, np.ndarray]) -> None:
    train, _ = streams
    for history in range(V):
        total = sum(1 / bigram_perplexity(train, np.array([history, word]), V) for word in range(V))
        assert total == pytest.approx(1)


def test_unigram_of_a_known_text() -> None:
    train = np.array([0, 1, 1, 0])  # predicted: 1, 1, 0; with one added: 2, 3, 1 of 6
    assert unigram_perplexity(train, np.array([0, 1, 2]), 3) == pytest.approx((3 / 6 * 1 / 6) ** -0.5)
