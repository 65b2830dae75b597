"""The scores of a classifier on labelled texts, and what a report needs of its predictions."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol

from tasks.classification.label_handling import Answers, LabelHandling
from tasks.classification.readers import LabelledText
from tasks.saved_task.scores import words_per_second


class Predictor(Protocol):
    """A classifier."""

    @property
    def labels(self) -> list[str]:
        """All labels."""

    def predictions_of(self, examples: Iterable[LabelledText]) -> Iterator[Any]:
        """Predict texts that were read, in order."""


def judge(
    classifier: Predictor, handling: LabelHandling, examples: Sequence[LabelledText]
) -> tuple[dict[str, Any], list[Answers | None]]:
    """Score a classifier on labelled texts that were read and checked.

    Returns:
        All scores, with "words_per_second", the speed including the encoder; gold and predicted answer of each text.
    """
    begun = time.perf_counter()
    guesses, answers = [], []
    for example, prediction in zip(examples, classifier.predictions_of(examples), strict=True):
        guesses.append(handling.guess(prediction))
        answers.append(handling.answers(example, prediction))
    speed = words_per_second(sum(len(example.words) for example in examples), begun)
    scores = handling.report(examples, guesses, classifier.labels)
    return {**scores, "words_per_second": speed}, answers
