"""Predictions as lines of text, tables or JSONL. The suffix of the file decides the format."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from tasks.sentiment.classifier import Prediction
from tasks.sentiment.readers import LabelledText

Format = Literal["text", "tsv", "csv", "jsonl"]


def format_of(name: str) -> Format:
    """The format of a file by its suffix: a table, JSONL or, by default, lines of text."""
    formats: dict[str, Format] = {".tsv": "tsv", ".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}
    return formats.get(Path(name).suffix.lower(), "text")


def format_predictions(
    texts: Sequence[LabelledText], predictions: Sequence[Prediction], kind: Format, probabilities: bool = False
) -> str:
    """Format predictions as the content of a file.

    Args:
        texts: Input texts.
        predictions: Prediction of each text.
        kind: "text" is one line per text: the label, its probability and the text, separated by TABs; "tsv" and "csv"
            are tables with a header; "jsonl" is one object per text, with its line number in the input.
        probabilities: Add the probability of every label.
    """
    pairs = list(zip(texts, predictions, strict=True))
    if kind == "jsonl":
        return "".join(_json(text, prediction, probabilities) + "\n" for text, prediction in pairs)
    labels = list(predictions[0].probabilities) if probabilities and predictions else []
    if kind == "text":
        rows = [
            [found.label, f"{found.score:.3f}", *(f"{label}={found.probabilities[label]:.3f}" for label in labels)]
            + [_one_line(text.text)]
            for text, found in pairs
        ]
        return "".join("\t".join(row) + "\n" for row in rows)
    header = ["text", "label", "score", *(f"probability of {label}" for label in labels)]
    clean = _one_line if kind == "tsv" else str
    table = [
        [
            clean(text.text),
            found.label,
            f"{found.score:.6f}",
            *(f"{found.probabilities[label]:.6f}" for label in labels),
        ]
        for text, found in pairs
    ]
    if kind == "tsv":
        return "".join("\t".join(row) + "\n" for row in [header, *table])
    content = io.StringIO()
    csv.writer(content, lineterminator="\n").writerows([header, *table])
    return content.getvalue()


def _one_line(text: str) -> str:
    """Replace each run of whitespace, such as TABs and line breaks, by a blank."""
    return " ".join(text.split())


def _json(text: LabelledText, prediction: Prediction, probabilities: bool) -> str:
    row = {"text": text.text, "label": prediction.label, "score": round(prediction.score, 6), "line": text.line}
    if probabilities:
        row["probabilities"] = {label: round(value, 6) for label, value in prediction.probabilities.items()}
    return json.dumps(row, ensure_ascii=False)
