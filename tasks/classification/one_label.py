"""One label of several for each text."""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from elmo_lite import CorpusError
from tasks.classification import trees
from tasks.classification.balance import balanced_weights
from tasks.classification.label_handling import Answers, LabelHandling
from tasks.classification.linear_models import Linear, Table, of_one_label
from tasks.classification.outputs import OneLabelOutputs
from tasks.classification.prediction import Prediction
from tasks.classification.readers import LabelledText
from tasks.classification.scoring import report, score_labels
from tasks.training.task import Target

log = logging.getLogger("elmo_lite")


class OneLabel(LabelHandling):
    """One label for each text: softmax, accuracy, macro-F1."""

    packages = ("sklearn",)
    titles = {"accuracy": "accuracy", "macro-F1": "macro_f1"}

    def label_set(self, train: Iterable[LabelledText]) -> list[str]:
        """The labels in sorted order: from very negative to very positive, by number if all are numbers, or by name.

        Raises:
            CorpusError: There are fewer than two labels.
        """
        train = list(train)
        found = {example.label for example in train}
        if len(found) < 2:
            where, only = train[0].source or "train", train[0].label
            raise CorpusError(f"{where}: expected at least two labels in the training data, found only {only!r}")
        _warn_of_numbers(train[0].source or "train", found)
        if found <= set(trees.LABELS):
            return [label for label in trees.LABELS if label in found]
        return in_order(found)

    def outputs(self) -> OneLabelOutputs:
        """Softmax and cross-entropy."""
        return OneLabelOutputs()

    def fit(
        self, outputs: OneLabelOutputs, train: Sequence[LabelledText], labels: Sequence[str], is_balanced: bool
    ) -> None:
        """Set balanced class weights, or none."""
        weights = balanced_weights((example.label for example in train), labels) if is_balanced else None
        outputs.set_weights(weights)

    def linear_model(
        self, outputs: OneLabelOutputs, table: Table, targets: Sequence[Any], num_outputs: int, is_balanced: bool
    ) -> Linear:
        """Logistic regression."""
        return of_one_label(table, targets, is_balanced=is_balanced)

    def labels_of(self, example: LabelledText) -> Sequence[str]:
        """The label."""
        return (example.label,)

    def target(self, example: LabelledText) -> Target:
        """The label."""
        return example.label

    def encoded(self, target: Target, number: Mapping[str, int]) -> int:
        """The index of the label."""
        return number[str(target)]

    def prediction(
        self, outputs: OneLabelOutputs, row: Sequence[float], labels: Sequence[str], has_words: bool
    ) -> Prediction:
        """The most probable label; none for a text without words, where all are equally probable."""
        if not has_words:
            return Prediction("", 0.0, dict.fromkeys(labels, 1 / len(labels)))
        of_label = dict(zip(labels, row, strict=True))
        label = max(of_label, key=of_label.__getitem__)
        return Prediction(label, of_label[label], of_label)

    def score(self, gold: Sequence[Any], guessed: Sequence[Any], labels: Sequence[str]) -> dict[str, float]:
        """Accuracy and macro-F1, in percent."""
        return score_labels(gold, guessed, labels)

    def guess(self, prediction: Any) -> str:
        """The label."""
        return str(prediction.label)

    def report(self, examples: Sequence[LabelledText], guesses: Sequence[Any], labels: Sequence[str]) -> dict[str, Any]:
        """Accuracy, macro-F1, scores of each label and the confusion matrix, see ``scoring.report``."""
        return report([example.label for example in examples], guesses, labels)

    def answers(self, example: LabelledText, prediction: Any) -> Answers:
        """The gold and the predicted label, with their probabilities."""
        gold = [example.label, prediction.probabilities.get(example.label, 0.0)]
        return gold, [prediction.label, prediction.score]


def _warn_of_numbers(name: str, labels: Collection[str]) -> None:
    """Warn if all labels are numbers, and not all of them whole."""
    fractions = []
    for label in labels:
        try:
            value = float(label)
        except ValueError:
            return
        if math.isfinite(value) and not value.is_integer():
            fractions.append(label)
    if fractions:
        found = f"{len(labels):,} labels are numbers, such as {min(fractions)}"
        hint = '"elmo-lite classify" predicts numbers with --regression'
        log.warning("%s: %s, each a class of its own (%s)", name, found, hint)


def in_order(labels: Iterable[str]) -> list[str]:
    """Labels by number if all are whole numbers, otherwise by name."""
    found = set(labels)
    if all(re.fullmatch(r"-?\d{1,18}", label) for label in found):
        return sorted(found, key=int)
    return sorted(found)
