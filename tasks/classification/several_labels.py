"""Any number of labels for each text."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import compress
from typing import Any

from elmo_lite import CorpusError
from tasks.classification.balance import balanced_positive_weights
from tasks.classification.label_handling import Answers, LabelHandling
from tasks.classification.linear_models import Linear, Table, of_several_labels
from tasks.classification.one_label import in_order
from tasks.classification.outputs import SeveralLabelsOutputs
from tasks.classification.prediction import LabelsPrediction
from tasks.classification.readers import LabelledText
from tasks.training.task import Target

THRESHOLDS = sorted((step / 20 for step in range(1, 20)), key=lambda threshold: abs(threshold - 0.5))
"""Thresholds that are tried, the first of equally good ones is taken."""


class SeveralLabels(LabelHandling):
    """Any number of labels for each text: a sigmoid for each label, micro-F1 and macro-F1."""

    titles = {"micro-F1": "micro_f1", "macro-F1": "macro_f1", "exact": "exact"}

    def __init__(self, threshold: float | None) -> None:
        """Predict the labels whose probability is at least ``threshold``, in (0, 1); None to choose it on dev."""
        self._threshold = threshold

    def label_set(self, train: Iterable[LabelledText]) -> list[str]:
        """The labels by number if all are numbers, otherwise by name.

        Raises:
            CorpusError: There is none.
        """
        train = list(train)
        found = {label for example in train for label in example.labels}
        if not found:
            where = train[0].source or "train"
            raise CorpusError(f"{where}: expected labels in the training data, found none in {len(train):,} texts")
        return in_order(found)

    def outputs(self) -> SeveralLabelsOutputs:
        """A sigmoid and binary cross-entropy for each label."""
        return SeveralLabelsOutputs(0.5 if self._threshold is None else self._threshold)

    def fit(
        self, outputs: SeveralLabelsOutputs, train: Sequence[LabelledText], labels: Sequence[str], is_balanced: bool
    ) -> None:
        """Set balanced weights of the labels that texts have, or none."""
        found = (label for example in train for label in example.labels)
        outputs.set_weights(balanced_positive_weights(found, labels, len(train)) if is_balanced else None)

    def linear_model(
        self, outputs: SeveralLabelsOutputs, table: Table, targets: Sequence[Any], num_outputs: int, is_balanced: bool
    ) -> Linear:
        """A logistic regression for each label."""
        return of_several_labels(table, targets, num_outputs, is_balanced=is_balanced)

    def labels_of(self, example: LabelledText) -> Sequence[str]:
        """The labels."""
        return example.labels

    def target(self, example: LabelledText) -> Target:
        """The labels."""
        return example.labels

    def encoded(self, target: Target, number: Mapping[str, int]) -> list[int]:
        """The indices of the labels."""
        return [number[label] for label in target]

    def prediction(
        self, outputs: SeveralLabelsOutputs, row: Sequence[float], labels: Sequence[str], has_words: bool
    ) -> LabelsPrediction:
        """The labels whose probability reaches the threshold; none for a text without words."""
        if not has_words:
            return LabelsPrediction((), (), dict.fromkeys(labels, 0.0))
        chosen = [value >= outputs.threshold for value in row]
        of_label = dict(zip(labels, row, strict=True))
        return LabelsPrediction(tuple(compress(labels, chosen)), tuple(compress(row, chosen)), of_label)

    def best_threshold(
        self, rows: Sequence[Sequence[float]], gold: Sequence[Any], labels: Sequence[str], measure: str
    ) -> float | None:
        """The best of ``THRESHOLDS``; None if the settings have one, or without texts.

        Where labels are rare it is below 0.5: that of the highest F1 is half of this F1 (Lipton et al. 2014).
        """
        if self._threshold is not None or not gold:
            return None

        def score(threshold: float) -> float:
            guessed = [tuple(compress(labels, [value >= threshold for value in row])) for row in rows]
            return self.score(gold, guessed, labels)[measure]

        return max(THRESHOLDS, key=score)

    def score(self, gold: Sequence[Any], guessed: Sequence[Any], labels: Sequence[str]) -> dict[str, float]:
        """Micro-F1, macro-F1 and the share of texts with exactly the right labels, in percent.

        Macro-F1 is the mean of the F1 of all labels, which is 0 for one that is neither in ``gold`` nor in ``guessed``.
        """
        right, predicted, wanted = _counts(gold, guessed)
        of_labels = [_f1(right[label], predicted[label], wanted[label]) for label in labels]
        exact = sum(set(a) == set(b) for a, b in zip(gold, guessed, strict=True))
        return {
            "micro_f1": _f1(right.total(), predicted.total(), wanted.total()),
            "macro_f1": sum(of_labels) / len(of_labels),
            "exact": 100 * exact / len(gold),
        }

    def guess(self, prediction: Any) -> tuple[str, ...]:
        """The labels."""
        return tuple(prediction.labels)

    def report(self, examples: Sequence[LabelledText], guesses: Sequence[Any], labels: Sequence[str]) -> dict[str, Any]:
        """The scores, the number of "sentences", and "per_label", as in ``scoring.report``."""
        gold = [example.labels for example in examples]
        right, predicted, wanted = _counts(gold, guesses)
        return {
            "sentences": len(gold),
            **self.score(gold, guesses, labels),
            "per_label": {
                label: {
                    "precision": 100 * right[label] / max(1, predicted[label]),
                    "recall": 100 * right[label] / max(1, wanted[label]),
                    "f1": _f1(right[label], predicted[label], wanted[label]),
                    "sentences": wanted[label],
                }
                for label in labels
            },
            "labels": list(labels),
        }

    def answers(self, example: LabelledText, prediction: Any) -> Answers:
        """The gold and the predicted set of labels, with the probability of exactly these, labels being independent."""
        sets = (example.labels, prediction.labels)
        gold, guess = ([", ".join(names) or "(none)", _probability(names, prediction.probabilities)] for names in sets)
        return gold, guess


def _counts(gold: Sequence[Any], guessed: Sequence[Any]) -> tuple[Counter[str], Counter[str], Counter[str]]:
    """Number of texts by label: rightly predicted, predicted, gold."""
    right: Counter[str] = Counter()
    for wanted, found in zip(gold, guessed, strict=True):
        right.update(set(wanted) & set(found))
    predicted = Counter(label for found in guessed for label in found)
    return right, predicted, Counter(label for wanted in gold for label in wanted)


def _f1(right: int, predicted: int, wanted: int) -> float:
    """F1 in percent; 0 if there is nothing."""
    return 200 * right / max(1, predicted + wanted)


def _probability(labels: Sequence[str], probabilities: Mapping[str, float]) -> float:
    chosen = set(labels)
    return math.prod(value if label in chosen else 1 - value for label, value in probabilities.items())
