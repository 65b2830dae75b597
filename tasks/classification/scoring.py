"""Classification scores: accuracy, macro-F1, scores of each label and the confusion matrix."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from elmo_lite.extras import named_extra

MAX_CONFUSION = 500
"""Largest number of labels for which the confusion matrix is kept."""


def score_labels(gold: Sequence[str], predicted: Sequence[str], labels: Sequence[str]) -> dict[str, float]:
    """Compute accuracy and macro-F1, in percent.

    Args:
        gold: N gold labels, at least one.
        predicted: N predicted labels.
        labels: All labels of the model. Macro-F1 is the mean of their F1, which is 0 for a label that is neither in
            ``gold`` nor in ``predicted``.

    Returns:
        "main" (accuracy, which chooses the best epoch), "accuracy" and "macro_f1".
    """
    with named_extra("scores of labels"):
        from sklearn.metrics import accuracy_score, f1_score

    accuracy = 100 * float(accuracy_score(gold, predicted))
    macro_f1 = 100 * float(f1_score(gold, predicted, labels=list(labels), average="macro", zero_division=0))
    return {"main": accuracy, "accuracy": accuracy, "macro_f1": macro_f1}


def report(gold: Sequence[str], predicted: Sequence[str], labels: Sequence[str]) -> dict[str, Any]:
    """Compute all scores of a data set, as JSON values.

    Args:
        gold: N gold labels, at least one.
        predicted: N predicted labels.
        labels: All labels of the model.

    Returns:
        "sentences", the number of sentences; "accuracy" and "macro_f1", in percent; "per_label", the "precision",
        "recall" and "f1" of each label in percent and its number of "sentences"; "labels", as given; "confusion", the
        number of sentences by gold label (rows) and predicted label (columns), in the order of "labels", unless there
        are more than 500 labels.
    """
    with named_extra("scores of labels"):
        from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

    scores = score_labels(gold, predicted, labels)
    has_matrix = len(labels) <= MAX_CONFUSION
    matrix = {"confusion": confusion_matrix(gold, predicted, labels=list(labels)).tolist()} if has_matrix else {}
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
        **matrix,
    }
