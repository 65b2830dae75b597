"""The scores of a classifier on labelled texts, and what a report needs of its predictions."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol

from tasks.classification.label_handling import Answers, LabelHandling
from tasks.classification.readers import LabelledText
from tasks.saved_task.scores import interval, reliability, words_per_second


class Predictor(Protocol):
    """A classifier."""

    @property
    def labels(self) -> list[str]:
        """All labels."""

    def predictions_of(self, examples: Iterable[LabelledText]) -> Iterator[Any]:
        """Predict texts that were read, in order."""


def judge(
    classifier: Predictor, handling: LabelHandling, examples: Sequence[LabelledText]
) -> tuple[dict[str, Any], list[Answers]]:
    """Score a classifier on labelled texts that were read and checked.

    Returns:
        All scores; "interval", of the share of right answers, and "calibration", see ``tasks.saved_task.scores``, if
        answers have probabilities; "words_per_second", the speed including the encoder. Gold and predicted answer of
        each text.
    """
    begun = time.perf_counter()
    guesses, answers = [], []
    for example, prediction in zip(examples, classifier.predictions_of(examples), strict=True):
        guesses.append(handling.guess(prediction))
        answers.append(handling.answers(example, prediction))
    speed = words_per_second(sum(len(example.words) for example in examples), begun)
    scores = handling.report(examples, guesses, classifier.labels)
    if handling.has_probabilities:
        shares, right = zip(*((found[1], gold[0] == found[0]) for gold, found in answers), strict=True)
        scores = {**scores, "interval": interval((int(is_right), 1) for is_right in right)}
        scores["calibration"] = reliability(shares, right)
    return {**scores, "words_per_second": speed}, answers
