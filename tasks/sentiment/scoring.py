"""How well labels were predicted: accuracy, macro-F1, each label's figures, confusion matrix."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def score_labels(gold: Sequence[str], predicted: Sequence[str], labels: Sequence[str]) -> dict[str, float]:
    """Figures of a development set, in percent.

    Args:
        gold: N labels as they are, at least one.
        predicted: N labels as predicted.
        labels: all that the model knows; macro-F1 is the mean of their F1, 0 for a label that is neither there nor
            predicted.

    Returns:
        "main" (accuracy, by which models are chosen), "accuracy", "macro_f1".
    """
    from sklearn.metrics import accuracy_score, f1_score

    accuracy = 100 * float(accuracy_score(gold, predicted))
    macro_f1 = 100 * float(f1_score(gold, predicted, labels=list(labels), average="macro", zero_division=0))
    return {"main": accuracy, "accuracy": accuracy, "macro_f1": macro_f1}


def report(gold: Sequence[str], predicted: Sequence[str], labels: Sequence[str]) -> dict[str, Any]:
    """All figures of a data set, of JSON types.

    Args:
        gold: N labels as they are, at least one.
        predicted: N labels as predicted.
        labels: all that the model knows.

    Returns:
        "sentences", "accuracy" and "macro_f1" in percent; "per_label": precision, recall and F1 in percent and number;
        "confusion": rows are the labels as they are, columns as predicted, in the order of "labels".
    """
    from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

    scores = score_labels(gold, predicted, labels)
    rows = zip(*precision_recall_fscore_support(gold, predicted, labels=list(labels), zero_division=0), strict=True)
    return {
        "sentences": len(gold),
        "accuracy": scores["accuracy"],
        "macro_f1": scores["macro_f1"],
        "per_label": {
            label: {
                "precision": 100 * float(precision),
                "recall": 100 * float(recall),
                "f1": 100 * float(f1),
                "sentences": int(support),
            }
            for label, (precision, recall, f1, support) in zip(labels, rows, strict=True)
        },
        "labels": list(labels),
        "confusion": confusion_matrix(gold, predicted, labels=list(labels)).tolist(),
    }
