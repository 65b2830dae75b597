"""Scores of labels of words: accuracy, also of unseen words, macro-F1, scores of each label, confusions."""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Collection, Sequence
from itertools import chain
from typing import Any

MAX_CONFUSED = 50
"""Number of labels in a confusion matrix; the others are one."""
OTHERS = "(others)"

Labels = Sequence[Sequence[str]]
"""The labels of the words of each sentence."""


def score_words(gold: Labels, predicted: Labels) -> dict[str, float]:
    """Compute accuracy and macro-F1, in percent.

    Args:
        gold: Gold labels.
        predicted: Predicted labels, of the same lengths.

    Returns:
        "main" (accuracy, which chooses the best epoch), "accuracy", and "macro_f1", the mean of the F1 of all labels in
        ``gold`` or ``predicted``.
    """
    right, judged = _flat(gold, predicted)
    return _summary(right, judged, _per_label(right, judged))


def report(gold: Labels, predicted: Labels, words: Labels, known: Collection[str] = ()) -> dict[str, Any]:
    """Compute all scores of a data set, as JSON values.

    Args:
        gold: Gold labels.
        predicted: Predicted labels, of the same lengths.
        words: Words of the sentences.
        known: Words of the training data; empty if nobody knows them.

    Returns:
        The scores of ``score_words``; "unseen_accuracy", that of the words that are not in ``known``, and
        "num_unseen_words", their number (neither if ``known`` is empty, and no accuracy without such words);
        "per_label", the "precision", "recall", "f1" in percent and "support" (number of gold words) of each label in
        ``gold`` or ``predicted``; "confusion", see ``confusion_of_words``.
    """
    right, judged = _flat(gold, predicted)
    per_label = _per_label(right, judged)
    return {
        **_summary(right, judged, per_label),
        **(_of_unseen(right, judged, list(chain.from_iterable(words)), known) if known else {}),
        "per_label": per_label,
        "confusion": confusion_of_words(gold, predicted),
    }


def confusion_of_words(gold: Labels, predicted: Labels) -> dict[str, Any]:
    """The confusion matrix of the 50 labels most frequent in ``gold`` and ``predicted``; all others are one.

    Returns:
        "labels", sorted, and "matrix", the number of words by gold label (rows) and predicted label (columns).
    """
    right, judged = _flat(gold, predicted)
    counts = Counter(right) + Counter(judged)
    kept = {label for label, _ in counts.most_common(MAX_CONFUSED)}
    pairs = Counter(
        (label if label in kept else OTHERS, found if found in kept else OTHERS)
        for label, found in zip(right, judged, strict=True)
    )
    labels = [*sorted(kept), *([OTHERS] if len(counts) > len(kept) else [])]
    return {"labels": labels, "matrix": [[pairs[label, found] for found in labels] for label in labels]}


def _per_label(right: Sequence[str], judged: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Precision, recall, F1 and support of each label, sorted. An undefined score is 0."""
    support, guesses = Counter(right), Counter(judged)
    hits = Counter(label for label, found in zip(right, judged, strict=True) if label == found)
    return {
        label: {
            "precision": _percent(hits[label], guesses[label]),
            "recall": _percent(hits[label], support[label]),
            "f1": _percent(2 * hits[label], guesses[label] + support[label]),
            "support": support[label],
        }
        for label in sorted({*support, *guesses})
    }


def _summary(right: Sequence[str], judged: Sequence[str], per_label: dict[str, dict[str, Any]]) -> dict[str, float]:
    accuracy = _percent(sum(map(operator.eq, right, judged)), len(right))
    macro_f1 = sum(scores["f1"] for scores in per_label.values()) / max(len(per_label), 1)
    return {"main": accuracy, "accuracy": accuracy, "macro_f1": macro_f1}


def _of_unseen(
    right: Sequence[str], judged: Sequence[str], words: Sequence[str], known: Collection[str]
) -> dict[str, float | int]:
    known = known if isinstance(known, set | frozenset) else frozenset(known)
    hits = [label == found for label, found, word in zip(right, judged, words, strict=True) if word not in known]
    return {**({"unseen_accuracy": _percent(sum(hits), len(hits))} if hits else {}), "num_unseen_words": len(hits)}


def _percent(part: int, whole: int) -> float:
    return 100 * part / whole if whole else 0.0


def _flat(gold: Labels, predicted: Labels) -> tuple[list[str], list[str]]:
    return list(chain.from_iterable(gold)), list(chain.from_iterable(predicted))
