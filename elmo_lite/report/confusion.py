"""Confusion matrices of a size that a page can show."""

from __future__ import annotations

from collections.abc import Sequence

from elmo_lite.report.content import Matrix

MAX_LABELS = 20
OTHERS = "others"


def confusion(
    title: str, labels: Sequence[str], counts: Sequence[Sequence[int]], note: str = "", outside: str | None = None
) -> Matrix:
    """A confusion matrix; of more than 20 labels, those with most errors are kept and the others are one.

    Args:
        title: Title of the matrix.
        labels: Names of the N labels.
        counts: (N, N): true labels in rows, predicted labels in columns.
        note: A line below the title. Defaults to none.
        outside: A label that is no class, such as O. Defaults to none.

    Raises:
        ValueError: The counts are not N times N.
    """
    size = len(labels)
    if len(counts) != size or any(len(row) != size for row in counts):
        raise ValueError(f"{len(counts)} rows of counts for {size} labels")
    if size <= MAX_LABELS:
        return Matrix(title, labels, counts, note, outside)
    errors = [sum(counts[one]) + sum(row[one] for row in counts) - 2 * counts[one][one] for one in range(size)]
    by_errors = sorted(range(size), key=lambda one: (labels[one] != outside, -errors[one]))
    kept = sorted(by_errors[: MAX_LABELS - 1])
    group = {one: number for number, one in enumerate(kept)}
    folded = [[0] * MAX_LABELS for _ in range(MAX_LABELS)]
    for one, row in enumerate(counts):
        for other, count in enumerate(row):
            folded[group.get(one, MAX_LABELS - 1)][group.get(other, MAX_LABELS - 1)] += count
    note = "; ".join(filter(None, (note, f"the {MAX_LABELS - 1} of {size} labels with most errors, and the others")))
    return Matrix(title, [*(labels[one] for one in kept), OTHERS], folded, note, outside)
