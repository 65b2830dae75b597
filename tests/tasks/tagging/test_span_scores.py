"""Scores against a count of entities."""

import random

import pytest

pytest.importorskip("seqeval")

from tasks.tagging.span_scores import confusion_of, score_tags
from tasks.tagging.tags import entities_of, spell


def test_a_small_case() -> None:
    gold = ["B-PER I-PER O B-LOC".split(), "O B-ORG".split()]
    predicted = ["B-PER E-PER O S-ORG".split(), "O S-ORG".split()]  # BIOES against IOB2
    scores = score_tags(gold, predicted)
    assert scores["precision"] == pytest.approx(200 / 3)
    assert scores["recall"] == scores["f1"] == scores["main"] == pytest.approx(200 / 3)
    assert scores["types"]["PER"] == {"precision": 100.0, "recall": 100.0, "f1": 100.0, "support": 1}
    assert scores["types"]["ORG"]["precision"] == 50.0
    assert scores["types"]["LOC"] == {"precision": 0.0, "recall": 0.0, "f1": 0.0, "support": 1}
    assert scores["macro_f1"] == pytest.approx((100 + 0 + 200 / 3) / 3)
    assert scores["accuracy"] == pytest.approx(500 / 6)


def test_a_boundary_or_a_type_off_is_wrong() -> None:
    gold = ["B-LOC I-LOC I-LOC".split()]
    assert score_tags(gold, ["B-LOC I-LOC O".split()])["main"] == 0
    assert score_tags(gold, ["B-ORG I-ORG I-ORG".split()])["main"] == 0
    assert score_tags(gold, gold)["main"] == 100


def test_without_entities() -> None:
    scores = score_tags([["O", "O"]], [["O", "O"]])
    assert (scores["main"], scores["macro_f1"], scores["accuracy"], scores["types"]) == (0.0, 0.0, 100.0, {})
    assert score_tags([["O"]], [["S-X"]])["main"] == 0
    assert score_tags([["S-X"]], [["O"]])["main"] == 0


def test_random_annotations() -> None:
    generator = random.Random(0)
    tags = ["O", "B-X", "I-X", "B-Y", "I-Y"]
    gold, predicted = ([[generator.choice(tags) for _ in range(8)] for _ in range(40)] for _ in range(2))
    right, judged = ([set(entities_of(sentence)) for sentence in part] for part in (gold, predicted))
    correct = sum(len(a & b) for a, b in zip(right, judged, strict=True))
    expected = 200 * correct / (sum(map(len, right)) + sum(map(len, judged)))
    assert score_tags(gold, predicted)["main"] == pytest.approx(expected)
    assert score_tags([spell(entities_of(s), len(s), "IOB1") for s in gold], predicted)["main"] == pytest.approx(
        expected
    )


def test_confusion_of_words() -> None:
    gold = ["B-PER I-PER O S-LOC".split(), ["O"]]
    predicted = ["B-PER B-ORG O O".split(), ["S-LOC"]]
    found = confusion_of(gold, predicted)
    assert found["labels"] == ["O", "LOC", "ORG", "PER"]
    assert found["matrix"] == [[1, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0], [0, 0, 1, 1]]
    assert confusion_of([["O"]], [["O"]]) == {"labels": ["O"], "matrix": [[1]]}
