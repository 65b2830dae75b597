"""Entity-level precision, recall and F1 by seqeval in strict mode: start, end and type must be correct."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Sequence
from typing import Any

from elmo_lite.extras import named_extra
from tasks.tagging.tags import OUTSIDE, entities_of, spell, split_tag


def score_tags(gold: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]) -> dict[str, Any]:
    """Compute entity scores, in percent.

    Args:
        gold: Gold tags of each sentence, in any scheme.
        predicted: Predicted tags of each sentence, of the same length.

    Returns:
        "main" (micro F1), "precision", "recall" and "f1" (micro averages), "macro_f1", "accuracy" (of words) and
        "types": "precision", "recall", "f1" and "support" (number of gold entities) of each type. An undefined score
        is 0.
    """
    with named_extra("scores of tags"):
        from seqeval.metrics import accuracy_score, classification_report
        from seqeval.scheme import IOB2

    right, judged = _iob2(gold), _iob2(predicted)
    if not any(tag != OUTSIDE for tags in (*right, *judged) for tag in tags):
        report: dict[str, Any] = {}  # seqeval fails if there are no entities
    else:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", category=UserWarning)  # types that are never predicted
            report = classification_report(right, judged, output_dict=True, mode="strict", scheme=IOB2, zero_division=0)
    micro = _percent(report.pop("micro avg", {}))
    macro = _percent(report.pop("macro avg", {}))
    report.pop("weighted avg", None)
    return {
        "main": micro["f1"],
        **{name: micro[name] for name in ("precision", "recall", "f1")},
        "macro_f1": macro["f1"],
        "accuracy": 100 * float(accuracy_score(right, judged)),
        "types": {kind: _percent(row) for kind, row in sorted(report.items())},
    }


def confusion_of(gold: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]) -> dict[str, Any]:
    """The confusion matrix of the words' entity types, regardless of entity boundaries.

    Args:
        gold: Gold tags of each sentence.
        predicted: Predicted tags of each sentence, of the same length.

    Returns:
        "labels", O and the entity types, and "matrix", the number of words by gold type (rows) and predicted type
        (columns).
    """
    pairs = Counter(
        (split_tag(right)[1] or OUTSIDE, split_tag(found)[1] or OUTSIDE)
        for tags, judged in zip(gold, predicted, strict=True)
        for right, found in zip(tags, judged, strict=True)
    )
    labels = [OUTSIDE, *sorted({label for pair in pairs for label in pair} - {OUTSIDE})]
    return {"labels": labels, "matrix": [[pairs[right, found] for found in labels] for right in labels]}


def _iob2(sentences: Sequence[Sequence[str]]) -> list[list[str]]:
    return [spell(entities_of(tags), len(tags), "IOB2") for tags in sentences]


def _percent(row: dict[str, Any]) -> dict[str, Any]:
    names = {"precision": "precision", "recall": "recall", "f1-score": "f1"}
    scores = {ours: 100 * float(row.get(theirs, 0.0)) for theirs, ours in names.items()}
    return {**scores, "support": int(row.get("support", 0))}
