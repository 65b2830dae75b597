"""Speed and scores of a saved model."""

import json
import time

import pytest

from elmo_lite import CheckpointError
from tasks.saved_task.scores import scores_as_json, words_per_second


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
