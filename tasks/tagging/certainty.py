"""How sure the scores of a tagger are: their interval, and the calibration of its probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tasks.saved_task.scores import interval, reliability
from tasks.tagging.model import Decoded, segments


def certainty(gold: Sequence[Sequence[str]], predicted: Sequence[Decoded]) -> dict[str, Any]:
    """The interval of micro F1 of entities, or of the accuracy of words, and the calibration of their probabilities.

    Args:
        gold: Gold labels of each sentence; those of spans in BIOES.
        predicted: Output of the network for each sentence.

    Returns:
        "interval" and "calibration", see ``tasks.saved_task.scores``.
    """
    counts: list[tuple[int, int]] = []
    scores: list[float] = []
    right: list[bool] = []
    for tags, found in zip(gold, predicted, strict=True):
        known = set(segments(tags, found.has_spans))
        hits = [entity in known for entity in found.entities]
        counts.append((2 * sum(hits), len(known) + len(hits)))
        scores += found.scores
        right += hits
    return {"interval": interval(counts), "calibration": reliability(scores, right)}
