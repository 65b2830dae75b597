"""Predicted numbers against gold ones, in groups of texts by their gold number."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from elmo_lite.report.content import Cell, Chart, Line, Table


def number_blocks(part: str, scores: Mapping[str, Any]) -> Iterator[Chart | Table]:
    """The mean prediction of each group as a curve and in a table; nothing if answers are no numbers.

    Args:
        part: Name of the labelled data, such as "dev".
        scores: Scores of the part, with "groups".
    """
    groups = [dict(group) for group in scores.get("groups") or ()]
    if not groups:
        return
    gold = [float(group["gold"]) for group in groups]
    predicted = [float(group["predicted"]) for group in groups]
    lines = [
        Line("predicted", list(zip(gold, predicted, strict=True))),
        Line("gold", list(zip(gold, gold, strict=True))),
    ]
    note = "means of groups of texts by their gold number; a point for each text is in the picture of the run"
    yield Chart(f"Predicted numbers on {part}", "gold number", "number", lines, note)
    rows: list[list[Cell]] = [
        [
            _range(group),
            int(group["sentences"]),
            *(_rounded(group[name]) for name in ("gold", "predicted", "rmse")),
        ]
        for group in groups
    ]
    head = ["gold number", "texts", "mean gold", "mean predicted", "root of the mean squared error"]
    yield Table(f"By gold number, {part}", head, rows)


def _range(group: Mapping[str, Any]) -> str:
    low, high = float(group["low"]), float(group["high"])
    return f"{low:g}" if low == high else f"{low:g} to {high:g}"


def _rounded(value: Any) -> float:
    """A number with four significant digits."""
    return float(f"{float(value):.4g}")
