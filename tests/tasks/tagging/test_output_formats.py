"""Predicted labels of words as text, JSONL, columns and CSV; tests/tasks/ner has those of entities."""

import json

import pytest

from elmo_lite import ConfigError
from elmo_lite.outputs import format_of
from tasks.tagging.model import Decoded, segments
from tasks.tagging.output_formats import FORMATS, TAG_FORMATS, format_predictions
from tasks.tagging.prediction import Tagged, tagged_sentence

LABELS = ["DET", "NOUN"]
WORDS = ["the", "a\tcat"]


def made(words: list[str], tags: list[str], probabilities: list[list[float]]) -> Tagged:
    scores = [max(row) for row in probabilities]
    decoded = Decoded(tags, segments(tags, False), scores, probabilities, has_spans=False)
    return tagged_sentence(words, [(word, place, place + 1) for place, word in enumerate(words)], decoded)


PREDICTIONS = [made(WORDS, ["DET", "NOUN"], [[0.9, 0.1], [0.25, 0.75]]), made([], [], [])]


def test_text() -> None:
    assert format_predictions(PREDICTIONS, LABELS, "text") == "the/DET a cat/NOUN\n\n"
    assert format_predictions(PREDICTIONS, LABELS, "text", True) == "the/DET(0.90) a cat/NOUN(0.75)\n\n"


def test_jsonl() -> None:
    first, second = map(json.loads, format_predictions(PREDICTIONS, LABELS, "jsonl", True).splitlines())
    assert first == {
        "tokens": WORDS,
        "tags": ["DET", "NOUN"],
        "scores": [0.9, 0.75],
        "probabilities": [{"DET": 0.9, "NOUN": 0.1}, {"DET": 0.25, "NOUN": 0.75}],
    }
    assert second == {"tokens": [], "tags": [], "scores": [], "probabilities": []}


def test_columns_and_csv() -> None:
    assert format_predictions(PREDICTIONS, LABELS, "columns", True) == "the\tDET\t0.9000\na cat\tNOUN\t0.7500\n\n\n"
    rows = "sentence,token,tag\n1,the,DET\n1,a\tcat,NOUN\n"
    assert format_predictions(PREDICTIONS, LABELS, "csv") == rows


def test_spans_of_words() -> None:
    assert [(span.text, span.type, span.start, span.end) for span in PREDICTIONS[0].spans] == [
        ("the", "DET", 0, 1),
        ("a\tcat", "NOUN", 1, 2),
    ]


def test_conllu_is_a_format_of_tag_alone() -> None:
    assert format_of("a.conllu", TAG_FORMATS) == format_of("a.conllup", TAG_FORMATS) == "conllu"
    with pytest.raises(ConfigError, match="expected a name that ends in"):
        format_of("a.conllu", FORMATS)
