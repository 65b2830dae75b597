"""Predictions as lines of text, tables or JSONL. The suffix of the file decides the format."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Literal

from tasks.files import csv_row, on_one_line
from tasks.sentiment.prediction import Prediction
from tasks.sentiment.readers import LabelledText

Format = Literal["text", "tsv", "csv", "jsonl"]


FORMATS: dict[str, Format] = {".txt": "text", ".jsonl": "jsonl", ".ndjson": "jsonl", ".tsv": "tsv", ".csv": "csv"}
"""Format of each suffix of OUTPUT."""


def format_predictions(
    texts: Sequence[LabelledText], predictions: Sequence[Prediction], kind: Format, probabilities: bool = False
) -> str:
    """Format predictions as the content of a file.

    Args:
        texts: Input texts.
        predictions: Prediction of each text.
        kind: "text" is one line per text: the label, its probability and the text, separated by TABs; "tsv" and "csv"
            are tables with a header, where "tsv" has blanks for TABs and line breaks in a text; "jsonl" is one object
            per text, with its line number in the input.
        probabilities: Add the probability of every label.
    """
    pairs = list(zip(texts, predictions, strict=True))
    if kind == "jsonl":
        return "".join(_json(text, prediction, probabilities) + "\n" for text, prediction in pairs)
    labels = list(predictions[0].probabilities) if probabilities and predictions else []
    if kind == "text":
        return "".join(_tsv_row(_text(text, found, labels)) for text, found in pairs)
    line = csv_row if kind == "csv" else _tsv_row
    header = ["text", "label", "score", *(f"probability of {label}" for label in labels)]
    return "".join(map(line, [header, *(_table_row(text, found, labels) for text, found in pairs)]))


def _text(text: LabelledText, found: Prediction, labels: Sequence[str]) -> list[str]:
    probabilities = (f"{label}={found.probabilities[label]:.3f}" for label in labels)
    return [found.label, f"{found.score:.3f}", *probabilities, text.text]


def _table_row(text: LabelledText, found: Prediction, labels: Sequence[str]) -> list[str]:
    probabilities = (f"{found.probabilities[label]:.6f}" for label in labels)
    return [text.text, found.label, f"{found.score:.6f}", *probabilities]


def _tsv_row(fields: Sequence[str]) -> str:
    return "\t".join(map(on_one_line, fields)) + "\n"


def _json(text: LabelledText, prediction: Prediction, probabilities: bool) -> str:
    row = {"text": text.text, "label": prediction.label, "score": round(prediction.score, 6), "line": text.line}
    if probabilities:
        row["probabilities"] = {label: round(value, 6) for label, value in prediction.probabilities.items()}
    return json.dumps(row, ensure_ascii=False, allow_nan=False)
