"""Labels, scores and predictions of each kind, against scikit-learn and SciPy."""

import numpy as np
import pytest

from elmo_lite import CorpusError
from tasks.classification.label_handling import LabelHandling
from tasks.classification.one_label import OneLabel
from tasks.classification.outputs import OneLabelOutputs, ValueOutputs
from tasks.classification.prediction import LabelsPrediction, Prediction, ValuePrediction
from tasks.classification.readers import LabelledText
from tasks.classification.several_labels import SeveralLabels
from tasks.classification.value_labels import Values, groups_of

SETS = SeveralLabels(0.5)
GOLD = [("a", "b"), (), ("c",), ("a",), ("b", "c")]
GUESSED = [("a",), ("c",), ("c",), ("a",), ("c",)]
TEXTS = [LabelledText(("x",), "", labels=labels) for labels in GOLD]


def test_scores_of_several_labels() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    labels = ["a", "b", "c", "d"]
    wanted, found = (np.array([[label in row for label in labels] for row in rows]) for rows in (GOLD, GUESSED))
    scores = SETS.score(GOLD, GUESSED, labels)
    for average in ("micro", "macro"):
        expected = 100 * metrics.f1_score(wanted, found, average=average, zero_division=0)
        assert scores[f"{average}_f1"] == pytest.approx(expected)
    assert scores["exact"] == pytest.approx(100 * metrics.accuracy_score(wanted, found)) == 40
    report = SETS.report(TEXTS, GUESSED, labels)
    assert report["sentences"] == 5 and "confusion" not in report
    assert report["per_label"]["c"] == {
        "precision": pytest.approx(200 / 3),
        "recall": 100,
        "f1": pytest.approx(80),
        "sentences": 2,
    }
    assert report["per_label"]["d"] == {"precision": 0, "recall": 0, "f1": 0, "sentences": 0}


def test_predictions_of_several_labels() -> None:
    found = SETS.prediction(SETS.outputs(), [0.9, 0.5, 0.2], ["a", "b", "c"], True)
    assert found == LabelsPrediction(("a", "b"), (0.9, 0.5), {"a": 0.9, "b": 0.5, "c": 0.2})
    assert SETS.prediction(SETS.outputs(), [0.9], ["a"], False) == LabelsPrediction((), (), {"a": 0.0})
    gold, guess = SETS.answers(LabelledText(("x",), "", labels=("c",)), found)
    assert gold == ["c", pytest.approx(0.1 * 0.5 * 0.2)] and guess == ["a, b", pytest.approx(0.9 * 0.5 * 0.8)]
    assert SETS.answers(LabelledText(("x",), ""), found)[0][0] == "(none)"


def test_the_threshold_is_half_of_the_highest_f1() -> None:
    """Of calibrated probabilities, as many texts as there may be (Lipton et al. 2014)."""
    random = np.random.default_rng(0)
    rows = random.beta(0.4, 3.0, (4000, 3))
    gold = [tuple(np.array(["a", "b", "c"])[drawn]) for drawn in random.random(rows.shape) < rows]
    chooses = SeveralLabels(None)
    best = chooses.best_threshold(rows.tolist(), gold, ["a", "b", "c"], "micro_f1")
    assert best is not None and 0.1 < best < 0.5

    def f1(threshold: float) -> float:
        guessed = [tuple(np.array(["a", "b", "c"])[row >= threshold]) for row in rows]
        return chooses.score(gold, guessed, ["a", "b", "c"])["micro_f1"]

    assert f1(best) > f1(0.5) + 2 and best == pytest.approx(f1(best) / 200, abs=0.05)


def test_equally_good_thresholds_and_those_of_the_settings() -> None:
    rows, gold = [[0.9, 0.1], [0.2, 0.8]], [("a",), ("b",)]
    assert SeveralLabels(None).best_threshold(rows, gold, ["a", "b"], "exact") == 0.5
    assert SeveralLabels(None).best_threshold([[0.9, 0.6], [0.6, 0.8]], gold, ["a", "b"], "exact") == 0.65
    assert SeveralLabels(None).best_threshold([], [], ["a", "b"], "exact") is None
    assert SeveralLabels(0.3).best_threshold(rows, gold, ["a", "b"], "exact") is None
    assert OneLabel().best_threshold(rows, ["a", "b"], ["a", "b"], "accuracy") is None


def test_scores_of_numbers() -> None:
    stats = pytest.importorskip("scipy.stats")
    gold, guessed = ["1", "2", "2", "3.5", "-1"], [1.5, 2.0, 1.0, 3.0, 3.0]
    numbers = [float(value) for value in gold]
    scores = Values().score(gold, guessed, ["value"])
    assert scores["pearson"] == pytest.approx(100 * stats.pearsonr(numbers, guessed)[0])
    assert scores["spearman"] == pytest.approx(100 * stats.spearmanr(numbers, guessed)[0])
    assert scores["mse"] == pytest.approx(np.mean((np.array(numbers) - guessed) ** 2))
    assert Values().score(gold, [2.0] * 5, ["value"])["pearson"] == 0
    report = Values().report([LabelledText(("x",), value) for value in gold], guessed, ["value"])
    assert report["mse_of_mean"] == pytest.approx(np.var(numbers)) and report["sentences"] == 5


def test_predictions_without_words() -> None:
    assert Values().prediction(ValueOutputs(), [2.5], ["value"], True) == ValuePrediction(2.5)
    assert Values().prediction(ValueOutputs(), [2.5], ["value"], False) == ValuePrediction(None)
    assert OneLabel().prediction(OneLabelOutputs(), [0.3, 0.7], ["a", "b"], False) == Prediction(
        "", 0.0, {"a": 0.5, "b": 0.5}
    )


@pytest.mark.parametrize(
    ("handling", "train", "expected"),
    [
        (
            OneLabel(),
            [LabelledText(("x",), "a", source="a.tsv")] * 2,
            "a.tsv: expected at least two labels in the traini",
        ),
        (OneLabel(), [LabelledText(("x",), "a")], "train: expected at least two labels"),
        (
            SETS,
            [LabelledText(("x",), "", source="a.tsv")] * 2,
            "a.tsv: expected labels in the training data, found none",
        ),
        (
            Values(),
            [LabelledText(("x",), "2.0"), LabelledText(("x",), "2")],
            "train: expected different numbers in the",
        ),
    ],
)
def test_too_few_labels(handling: LabelHandling, train: list[LabelledText], expected: str) -> None:
    with pytest.raises(CorpusError) as error:
        handling.label_set(train)
    assert str(error.value).startswith(expected)


def test_unknown_labels_are_named() -> None:
    known = [f"l{number}" for number in range(30)]
    with pytest.raises(CorpusError) as error:
        SETS.check([LabelledText(("x",), "", labels=("l3", "new"), source="dev.tsv", line=7)], known)
    assert str(error.value).startswith("dev.tsv, line 7: expected a label of the training data (l0, l1, ")
    assert str(error.value).endswith("l19, ... 30 in all), found 'new'")
    Values().check([LabelledText(("x",), "9")], ["value"])


def test_groups_of_numbers() -> None:
    """About a tenth of the texts in each, and equal numbers together."""
    groups = groups_of([float(n) for n in range(100)], [float(n + n % 2) for n in range(100)])
    assert [(group["low"], group["high"], group["sentences"]) for group in groups] == [
        (10.0 * n, 10.0 * n + 9, 10) for n in range(10)
    ]
    assert (groups[0]["gold"], groups[0]["predicted"], groups[0]["rmse"]) == (4.5, 5.0, pytest.approx(0.5**0.5))
    groups = groups_of([1, 1, 1, 5, 5, 2, 1, 1], [2] * 8)
    assert [(group["low"], group["high"], group["sentences"]) for group in groups] == [(1, 1, 5), (2, 2, 1), (5, 5, 2)]
    assert len(groups_of([3.0], [4.0])) == 1
