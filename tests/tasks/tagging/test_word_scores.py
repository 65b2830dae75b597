"""Scores of labels of words, against scikit-learn."""

import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.tagging.word_scores import MAX_CONFUSED, OTHERS, confusion_of_words, report, score_words

pairs = st.lists(st.tuples(st.sampled_from("ABC"), st.sampled_from("BCD")), min_size=1, max_size=30)


@given(st.lists(pairs, min_size=1, max_size=4))
@settings(max_examples=50, deadline=None)
def test_scikit_learn_agrees(sentences: list[list[tuple[str, str]]]) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    gold, predicted = ([[pair[side] for pair in sentence] for sentence in sentences] for side in (0, 1))
    flat_gold, flat = sum(gold, []), sum(predicted, [])
    found = report(gold, predicted, gold)
    labels = sorted({*flat_gold, *flat})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # few samples of many labels
        rows = zip(*metrics.precision_recall_fscore_support(flat_gold, flat, labels=labels, zero_division=0))  # noqa: B905
        assert found["macro_f1"] == pytest.approx(100 * metrics.f1_score(flat_gold, flat, average="macro"))
        assert found["accuracy"] == found["main"] == pytest.approx(100 * metrics.accuracy_score(flat_gold, flat))
        assert found["confusion"]["matrix"] == metrics.confusion_matrix(flat_gold, flat, labels=labels).tolist()
    assert list(found["per_label"]) == found["confusion"]["labels"] == labels
    for scores, (precision, recall, f1, support) in zip(found["per_label"].values(), rows, strict=True):
        expected = {"precision": 100 * precision, "recall": 100 * recall, "f1": 100 * f1, "support": support}
        assert scores == pytest.approx(expected)
    assert score_words(gold, predicted) == {name: found[name] for name in ("main", "accuracy", "macro_f1")}


def test_unseen_words_have_an_accuracy_of_their_own() -> None:
    gold, predicted, words = [["A", "B"], ["A"]], [["A", "A"], ["B"]], [["the", "cat"], ["dog"]]
    assert report(gold, predicted, words, {"the"})["unseen_accuracy"] == 0
    found = report(gold, predicted, words, ["cat"])
    assert (found["unseen_accuracy"], found["num_unseen_words"]) == (50, 2)
    everything = report(gold, predicted, words, {"the", "cat", "dog"})
    assert everything["num_unseen_words"] == 0 and "unseen_accuracy" not in everything
    assert "num_unseen_words" not in report(gold, predicted, words)


def test_the_confusions_of_many_labels_are_few() -> None:
    gold = [[f"L{number}" for number in range(10_000)], ["L3", "L3"]]
    found = confusion_of_words(gold, [gold[0], ["L3", "L9999"]])
    assert len(found["labels"]) == len(found["matrix"]) == MAX_CONFUSED + 1 and found["labels"][-1] == OTHERS
    assert {"L3", "L9999"} <= set(found["labels"])
    assert sum(map(sum, found["matrix"])) == 10_002
    assert found["matrix"][found["labels"].index("L3")][found["labels"].index("L9999")] == 1
