"""Kneser-Ney models: against the slow reference, against numbers worked out by hand, and as distributions."""

from __future__ import annotations

import numpy as np
import pytest

from elmo_lite.ladder.kneser_ney import KneserNey, chen_goodman_discounts, history_lengths, perplexity
from tests.elmo_lite.ladder.plain_kneser_ney import PlainKneserNey, plain_history, random_stream


@pytest.mark.parametrize("across", [False, True])
@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_equals_dictionaries_and_sums_to_one(order: int, across: bool) -> None:
    train, held_out, num_classes = random_stream(0), random_stream(1, sentences=15), 9
    fast = KneserNey.fit(train, num_classes, order, across)
    plain = PlainKneserNey(train.tolist(), num_classes, order, across)
    histories = [plain_history(held_out.tolist(), t, order, across) for t in range(1, len(held_out))]
    expected = [plain.probability(h, int(w)) for h, w in zip(histories, held_out[1:], strict=True)]
    np.testing.assert_allclose(fast.stream_probabilities(held_out, across), expected, rtol=0, atol=1e-12)
    for history in histories:
        assert float(fast.distribution(history).sum()) == pytest.approx(1, abs=1e-12)


def test_backward_model_of_a_reversed_stream() -> None:
    train, held_out = random_stream(0)[::-1], random_stream(1, sentences=5)[::-1]
    plain = PlainKneserNey(train.tolist(), 9, 2, False)
    expected = [plain.probability((v,), w) for v, w in zip(held_out[:-1].tolist(), held_out[1:].tolist(), strict=True)]
    np.testing.assert_allclose(KneserNey.fit(train, 9, 2).stream_probabilities(held_out), expected, atol=1e-12)


def test_a_distribution_reads_the_end_of_its_history() -> None:
    model = KneserNey.fit(random_stream(0), 9, 3)
    np.testing.assert_array_equal(model.distribution([0, 4, 4, 3, 1]), model.distribution([3, 1]))


def test_bigrams_worked_out_by_hand() -> None:
    # Sentences "2 3", "2 3", "2 2"; too small for Chen and Goodman, so the discounts are 0.5, 1, 1.5.
    model = KneserNey.fit(np.array([0, 2, 3, 0, 2, 3, 0, 2, 2, 0]), num_classes=4, order=2)
    # Distinct left neighbours: end 2 (3, 2), class 2: 2 (boundary, 2), class 3: 1 (2); the unknown class none.
    lower = {0: 1 / 5 + 0.5 / 4, 1: 0.5 / 4, 2: 1 / 5 + 0.5 / 4, 3: 0.5 / 5 + 0.5 / 4}
    # (1 + 1 + 0.5) / 5 = 0.5 of the mass goes to the uniform distribution.
    np.testing.assert_allclose(model.distribution([]), list(lower.values()))
    # After the boundary: class 2 three times. After 2: 3 twice, 2 once, end once. After 3: end twice.
    np.testing.assert_allclose(model.distribution([0])[2], (3 - 1.5) / 3 + 1.5 / 3 * lower[2])
    np.testing.assert_allclose(model.distribution([2])[3], (2 - 1) / 4 + (1 + 0.5 + 0.5) / 4 * lower[3])
    np.testing.assert_allclose(model.distribution([2])[1], (1 + 0.5 + 0.5) / 4 * lower[1])
    np.testing.assert_allclose(model.distribution([3])[0], (2 - 1) / 2 + 1 / 2 * lower[0])
    np.testing.assert_allclose(model.distribution([1]), model.distribution([]))


def test_history_stays_in_the_sentence_unless_told() -> None:
    stream = np.array([0, 2, 3, 4, 0, 5, 0])
    assert history_lengths(stream, 2, False).tolist() == [0, 1, 2, 2, 2, 1, 2]
    assert history_lengths(stream, 4, False).tolist() == [0, 1, 2, 3, 4, 1, 2]
    assert history_lengths(stream, 4, True).tolist() == [0, 1, 2, 3, 4, 4, 4]


def test_sentences_do_not_touch_each_other() -> None:
    model = KneserNey.fit(random_stream(0), 9, 5)
    alone = model.stream_probabilities(np.array([0, 3, 1, 2, 0]))
    after = model.stream_probabilities(np.array([0, 4, 4, 0, 3, 1, 2, 0]))
    np.testing.assert_array_equal(alone, after[3:])


def test_discounts_follow_the_formula() -> None:
    counts = np.repeat([0, 1, 2, 3, 4, 9], [5, 40, 20, 10, 5, 7])
    y = 40 / (40 + 2 * 20)
    expected = [0, 1 - 2 * y * 20 / 40, 2 - 3 * y * 10 / 20, 3 - 4 * y * 5 / 10]
    np.testing.assert_allclose(chen_goodman_discounts(counts), expected)


def test_ngrams_are_counted() -> None:
    model = KneserNey.fit(np.array([0, 2, 3, 0, 2, 3, 0, 2, 2, 0]), num_classes=4, order=2)
    assert model.num_ngrams == 3 + len({(0, 2), (2, 3), (3, 0), (2, 2), (2, 0)})


def test_perplexity_of_even_chances() -> None:
    assert perplexity(np.full(7, 0.25)) == pytest.approx(4)
