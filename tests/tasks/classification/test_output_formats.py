"""Predictions as text, tables and JSONL."""

import csv
import json
import math
from datetime import date

import pytest

from elmo_lite import ConfigError
from elmo_lite.outputs import format_of
from tasks.classification.output_formats import FORMATS, format_predictions
from tasks.classification.readers import LabelledText
from tasks.sentiment.classifier import Prediction

TEXTS = [
    LabelledText(("so", "good"), "", "so\tgood", "a.jsonl", 1),
    LabelledText(("bad",), "", 'bad, "bad"\n', "a.jsonl", 4),
]
PREDICTIONS = [
    Prediction("positive", 0.75, {"negative": 0.25, "positive": 0.75}),
    Prediction("negative", 0.5, {"negative": 0.5, "positive": 0.5}),
]


def test_text() -> None:
    assert format_predictions(TEXTS, PREDICTIONS, "text") == 'positive\t0.750\tso good\nnegative\t0.500\tbad, "bad"\n'
    first = format_predictions(TEXTS, PREDICTIONS, "text", probabilities=True).splitlines()[0]
    assert first == "positive\t0.750\tnegative=0.250\tpositive=0.750\tso good"


def test_tables() -> None:
    tsv = [line.split("\t") for line in format_predictions(TEXTS, PREDICTIONS, "tsv", True).splitlines()]
    assert tsv[0] == ["text", "label", "score", "probability of negative", "probability of positive"]
    assert tsv[2] == ['bad, "bad"', "negative", "0.500000", "0.500000", "0.500000"]
    rows = list(csv.reader(format_predictions(TEXTS, PREDICTIONS, "csv").splitlines(keepends=True)))
    assert rows == [
        ["text", "label", "score"],
        ["so\tgood", "positive", "0.750000"],
        ['bad, "bad"\n', "negative", "0.500000"],
    ]


def test_fields_that_json_lacks() -> None:
    """Parquet and hub data sets have dates and numbers that are not finite."""
    others = {"when": date(2026, 1, 2), "x": [math.nan, 1.5, {"y": math.inf}], "score": None, "ok": True}
    text = LabelledText(("bad",), "", "bad", line=4, others=others)
    row = json.loads(format_predictions([text], PREDICTIONS[:1], "jsonl"))
    assert row["when"] == "2026-01-02" and row["x"] == [None, 1.5, {"y": None}] and row["ok"] is True
    assert row["input_score"] is None and row["score"] == 0.75


def test_json_lines() -> None:
    rows = [json.loads(line) for line in format_predictions(TEXTS, PREDICTIONS, "jsonl", True).splitlines()]
    assert rows[1] == {
        "text": 'bad, "bad"\n',
        "label": "negative",
        "score": 0.5,
        "line": 4,
        "probabilities": {"negative": 0.5, "positive": 0.5},
    }
    assert "probabilities" not in json.loads(format_predictions(TEXTS[:1], PREDICTIONS[:1], "jsonl"))


@pytest.mark.parametrize(
    ("name", "kind"), [("a.tsv", "tsv"), ("a.CSV", "csv"), ("a.ndjson", "jsonl"), ("a.txt", "text"), (None, "text")]
)
def test_formats(name: str | None, kind: str) -> None:
    assert format_of(name, FORMATS) == kind


def test_unknown_formats() -> None:
    expected = "^pred.xlsx: expected a name that ends in .txt, .jsonl, .ndjson, .tsv, .csv, found .xlsx$"
    with pytest.raises(ConfigError, match=expected):
        format_of("pred.xlsx", FORMATS)


def test_labels_stay_in_their_field() -> None:
    """A label of several words, or with a comma or TAB, is one field."""
    found = Prediction("so, so\tbad", 1.0, {"so, so\tbad": 1.0})
    assert format_predictions(TEXTS[:1], [found], "tsv").splitlines()[1] == "so good\tso, so bad\t1.000000"
    assert format_predictions(TEXTS[:1], [found], "csv").splitlines()[1] == 'so\tgood,"so, so\tbad",1.000000'
    assert format_predictions(TEXTS[:1], [found], "text") == "so, so bad\t1.000\tso good\n"
