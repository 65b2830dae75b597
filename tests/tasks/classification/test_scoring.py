"""Figures of predicted labels, against counts by hand."""

import json

import pytest

pytest.importorskip("sklearn")

from tasks.classification.scoring import report, score_labels  # noqa: E402

LABELS = ["bad", "good", "so so"]
GOLD = ["bad", "bad", "bad", "good", "good"]
PREDICTED = ["bad", "bad", "good", "good", "good"]


def test_scores() -> None:
    scores = score_labels(GOLD, PREDICTED, LABELS)
    assert scores["main"] == scores["accuracy"] == pytest.approx(80)
    assert scores["macro_f1"] == pytest.approx(100 * (0.8 + 0.8 + 0) / 3)  # a label that never occurs counts 0


def test_report() -> None:
    found = report(GOLD, PREDICTED, LABELS)
    assert found["labels"] == LABELS and found["sentences"] == 5
    assert found["confusion"] == [[2, 1, 0], [0, 2, 0], [0, 0, 0]]
    assert found["per_label"]["good"] == pytest.approx({"precision": 200 / 3, "recall": 100, "f1": 80, "sentences": 2})
    assert found["per_label"]["so so"] == {"precision": 0, "recall": 0, "f1": 0, "sentences": 0}
    assert json.loads(json.dumps(found)) == found
