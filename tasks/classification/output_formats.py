"""Predictions as lines of text, tables or JSONL. The suffix of the file decides the format."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from typing import Any, Literal

from tasks.classification.prediction import AnyPrediction, LabelsPrediction, Prediction, ValuePrediction
from tasks.classification.readers import LabelledText
from tasks.files import csv_row, on_one_line

Format = Literal["text", "tsv", "csv", "jsonl"]


FORMATS: dict[str, Format] = {".txt": "text", ".jsonl": "jsonl", ".ndjson": "jsonl", ".tsv": "tsv", ".csv": "csv"}
"""Format of each suffix of OUTPUT."""


def format_predictions(
    texts: Iterable[LabelledText],
    predictions: Iterable[AnyPrediction],
    kind: Format,
    probabilities: bool = False,
    separator: str = ",",
) -> str:
    """Format predictions as the content of a file, see ``Formatter``."""
    lines: list[str] = []
    formatter = Formatter(kind, probabilities, separator)
    for text, prediction in zip(texts, predictions, strict=True):
        lines += [formatter.header(text, prediction)] if not lines else []
        lines.append(formatter.line(text, prediction))
    return "".join(lines)


class Formatter:
    """Lines of a file of predictions."""

    def __init__(self, kind: Format, probabilities: bool = False, separator: str = ",") -> None:
        """Choose the format.

        Args:
            kind: "text" is one line per text: the label, its probability and the text, separated by TABs; "tsv" and
                "csv" are tables with a header, where "tsv" has blanks for TABs and line breaks in a text; "jsonl" is
                one object per text, with the other fields of its row and its line number in the input.
            probabilities: Add the probability of every label.
            separator: Separator of several labels in lines and tables.
        """
        self._kind, self._probabilities, self._separator = kind, probabilities, separator

    def header(self, text: LabelledText, prediction: AnyPrediction) -> str:
        """The first line of a table, by its first row; empty in other formats."""
        if self._kind in ("text", "jsonl"):
            return ""
        texts = ["text"] if text.text_pair is None else ["text", "text_pair"]
        labels = [f"probability of {label}" for label in self._all(prediction)]
        names = [*texts, *_NAMES[type(prediction)], *labels]
        return csv_row(names) if self._kind == "csv" else _tsv_row(names)

    def line(self, text: LabelledText, prediction: AnyPrediction) -> str:
        """The line of a text."""
        if self._kind == "jsonl":
            return self._json(text, prediction)
        texts = [text.text] if text.text_pair is None else [text.text, text.text_pair]
        all_labels = self._all(prediction)
        if self._kind == "text":
            found = [f"{label}={value:.3f}" for label, value in all_labels.items()]
            return _tsv_row([*self._cells(prediction, 3), *found, *texts])
        cells = [*texts, *self._cells(prediction, 6), *(f"{value:.6f}" for value in all_labels.values())]
        return csv_row(cells) if self._kind == "csv" else _tsv_row(cells)

    def _all(self, prediction: AnyPrediction) -> dict[str, float]:
        """The probabilities to add."""
        if not self._probabilities or isinstance(prediction, ValuePrediction):
            return {}
        return prediction.probabilities

    def _cells(self, prediction: AnyPrediction, digits: int) -> list[str]:
        """The prediction itself."""
        if isinstance(prediction, Prediction):
            return [prediction.label, f"{prediction.score:.{digits}f}"]
        if isinstance(prediction, LabelsPrediction):
            scores = self._separator.join(f"{score:.{digits}f}" for score in prediction.scores)
            return [self._separator.join(prediction.labels), scores]
        return ["" if prediction.value is None else f"{prediction.value:.{digits}f}"]

    def _json(self, text: LabelledText, prediction: AnyPrediction) -> str:
        row: dict[str, Any] = {"text": text.text}
        if text.text_pair is not None:
            row["text_pair"] = text.text_pair
        if isinstance(prediction, Prediction):
            row |= {"label": prediction.label, "score": round(prediction.score, 6)}
        elif isinstance(prediction, LabelsPrediction):
            row |= {"labels": list(prediction.labels), "scores": [round(score, 6) for score in prediction.scores]}
        else:
            row["value"] = None if prediction.value is None else round(prediction.value, 6)
        row["line"] = text.line
        if found := self._all(prediction):
            row["probabilities"] = {label: round(value, 6) for label, value in found.items()}
        others = {f"input_{name}" if name in row else name: _storable(value) for name, value in text.others.items()}
        return json.dumps({**others, **row}, ensure_ascii=False, allow_nan=False) + "\n"


_NAMES: dict[type[AnyPrediction], Sequence[str]] = {
    Prediction: ("label", "score"),
    LabelsPrediction: ("labels", "scores"),
    ValuePrediction: ("value",),
}
"""Columns of a table."""


def _storable(value: Any) -> Any:
    """A value of a row as JSON has it: null for numbers that are not finite, text for dates and the like."""
    if isinstance(value, dict):
        return {str(name): _storable(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_storable(inner) for inner in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, str | int) else str(value)


def _tsv_row(fields: Sequence[str]) -> str:
    return "\t".join(map(on_one_line, fields)) + "\n"
