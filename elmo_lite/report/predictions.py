"""Predictions on dev that a task has left, ``predictions.jsonl``: labels of texts, or entities in sentences."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from elmo_lite.errors import CheckpointError, one_line
from elmo_lite.fields import from_settings
from elmo_lite.metadata import read_bytes

PREDICTIONS = "predictions.jsonl"
FORMAT_VERSION = 1
MAX_BYTES, MAX_ROWS = 64 << 20, 100_000
"""Bounds of the file, several times those of what is written."""


@dataclass(frozen=True)
class Span:
    """An entity: words ``start`` to ``end - 1`` of a sentence."""

    start: int
    end: int
    type: str
    probability: float
    """Of exactly this entity in 0..1; of a gold one, at most that of each of its tags."""
    known: int
    """2 for an entity of the training data, 1 for known words alone, 0 with a word that the training data lack."""

    @property
    def place(self) -> tuple[int, int, str]:
        """What makes it right."""
        return self.start, self.end, self.type


@dataclass(frozen=True)
class Label:
    """The label of a text."""

    name: str
    probability: float
    """In 0..1."""


@dataclass(frozen=True)
class Prediction:
    """A sentence with its gold and its predicted answer: labels, or lists of entities."""

    line: int
    words: tuple[str, ...]
    unseen: tuple[int, ...]
    """Indices of the words that the training data lack."""
    gold: Label | tuple[Span, ...]
    predicted: Label | tuple[Span, ...]

    @property
    def is_tagged(self) -> bool:
        """Whether the answers are entities."""
        return not isinstance(self.gold, Label)

    @property
    def is_of_words(self) -> bool:
        """Whether each word, of those that are kept, is an entity of its own, gold and predicted."""
        return all(
            not isinstance(answer, Label)
            and len(answer) >= len(self.words)
            and all(span.end == span.start + 1 for span in answer)
            for answer in (self.gold, self.predicted)
        )


@dataclass(frozen=True)
class _Facts:
    """The first line of the file."""

    format_version: int
    task: str
    part: str
    sentences: int
    kept: int


@dataclass(frozen=True)
class Predictions:
    """The predictions on dev."""

    num_sentences: int
    """Number of sentences of dev, some of which may be left out of ``rows``."""
    rows: Sequence[Prediction]

    @property
    def is_of_words(self) -> bool:
        """Whether the answers are a label for each word, as parts of speech are."""
        return bool(self.rows) and all(row.is_of_words for row in self.rows)

    @property
    def note(self) -> str:
        """What part of dev the rows are; empty if they are all of it."""
        kept = len(self.rows)
        return "" if kept == self.num_sentences else f"{kept:,} of the {self.num_sentences:,} sentences of dev"


def read_predictions(directory: Path) -> Predictions | None:
    """Read the predictions of a run; None if there are none.

    Raises:
        CheckpointError: A line is damaged. The message has the file and the line.
    """
    path = directory / PREDICTIONS
    try:
        lines = read_bytes(path, CheckpointError, MAX_BYTES).splitlines()
    except FileNotFoundError:
        return None
    if len(lines) > MAX_ROWS:
        raise CheckpointError(f"{path}: expected at most {MAX_ROWS:,} lines, found {len(lines):,}")
    number = 1
    try:
        facts = from_settings(_Facts, _row(lines[0]) if lines else {})
        if facts.format_version != FORMAT_VERSION:
            raise ValueError(f"format_version {facts.format_version}, not {FORMAT_VERSION}")
        rows = []
        for line in lines[1:]:
            number += 1
            rows.append(prediction_of(_row(line)))
        if len(rows) != facts.kept or len({row.is_tagged for row in rows}) > 1:
            raise ValueError(f"{len(rows):,} of {facts.kept:,}, or of several kinds")
    except (ValueError, TypeError, RecursionError) as error:
        found = one_line(error)
        raise CheckpointError(f"{path}, line {number}: expected a prediction, found {found:.200}") from None
    return Predictions(facts.sentences, rows)


def _row(line: bytes) -> dict[str, Any]:
    row = json.loads(line)
    if not isinstance(row, dict):
        raise ValueError("no object")
    return row


def prediction_of(row: Mapping[str, Any]) -> Prediction:
    """A line of the file, checked by hand: there may be thousands.

    Raises:
        ValueError: A value is of another type.
    """
    line, words, unseen, gold, predicted = (row.get(name) for name in ("line", "words", "unseen", "gold", "predicted"))
    if type(line) is not int or not words or not _all_of(words, str) or unseen is None or not _all_of(unseen, int):
        raise ValueError("line, words or unseen of another type")
    answers = _answer(gold), _answer(predicted)
    if isinstance(answers[0], Label) != isinstance(answers[1], Label):
        raise ValueError("a label and entities")
    return Prediction(line, tuple(words), tuple(unseen), *answers)


def _answer(answer: Any) -> Label | tuple[Span, ...]:
    """A label with its probability, or entities."""
    if not isinstance(answer, list):
        raise ValueError("gold or predicted of another type")
    if len(answer) == 2 and isinstance(answer[0], str):
        return Label(answer[0], _probability(answer[1]))
    return tuple(map(_span, answer))


def _span(values: Any) -> Span:
    start, end, kind, probability, known = values
    if not _all_of([start, end, known], int) or not isinstance(kind, str) or not 0 <= start < end:
        raise ValueError(f"{values!r:.80} as an entity")
    return Span(start, end, kind, _probability(probability), known)


def _probability(value: Any) -> float:
    if type(value) not in (int, float) or not 0 <= value <= 1:  # NaN is refused too
        raise ValueError(f"{value!r:.80} as a probability")
    return float(value)


def _all_of(values: Any, kind: type) -> bool:
    return isinstance(values, list) and all(type(value) is kind for value in values)
