"""Speed and scores of a saved model."""

import json
import time

import pytest

pytest.importorskip("scipy")

from elmo_lite import CheckpointError
from tasks.saved_task.scores import interval, scores_as_json, words_per_second


def test_speed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "perf_counter", lambda: 12.0)
    assert words_per_second(10, 10.0) == 5
    assert words_per_second(0, 12.0) == 0 and words_per_second(1, 12.0) == pytest.approx(
        1e9
    )  # a clock that stands still


def test_scores_as_json() -> None:
    found = json.loads(scores_as_json("model", "é.tsv", {"f1": 50.0, "types": {"PER": 1}}))
    assert found == {"model": "model", "data": "é.tsv", "f1": 50.0, "types": {"PER": 1}}


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_scores_that_are_no_numbers_are_an_error(value: float) -> None:
    with pytest.raises(CheckpointError, match="^model: expected finite scores on dev.tsv, found"):
        scores_as_json("model", "dev.tsv", {"types": {"PER": {"f1": value}}})


def test_the_interval_of_an_accuracy_is_that_of_the_binomial_distribution() -> None:
    found = interval([(1, 1)] * 80 + [(0, 1)] * 20, resamples=20_000)
    assert found is not None and found["level"] == 95
    assert found["low"] == pytest.approx(72, abs=1) and found["high"] == pytest.approx(87.5, abs=1)
    assert found == interval([(1, 1)] * 80 + [(0, 1)] * 20, resamples=20_000)


def test_the_interval_of_an_f1_draws_sentences() -> None:
    # Two sentences: F1 is 2 * 2 / 5 or 0; one of three kinds of draws is any of them.
    found = interval([(4, 5), (0, 2)])
    assert found is not None and (found["low"], found["high"]) == (0.0, 80.0)
    every = interval([(4, 4), (0, 0), (2, 2)])
    assert every is not None and (every["low"], every["high"]) == (0.0, 100.0)  # a draw of the empty one alone is 0


def test_one_sentence_has_no_interval() -> None:
    assert interval([(1, 1)]) is None and interval([]) is None
