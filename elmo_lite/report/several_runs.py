"""Tables of several trainings of a task: means of seeds and folds, the points of a search."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from elmo_lite.report.content import Cell, Table
from elmo_lite.report.run_files import expecting, read_object

SEVERAL = ("seeds", "folds")
"""What several runs in a directory are, and the files of their means."""
SEARCH = "search.json"
TITLES = {
    "f1": "F1",
    "precision": "precision",
    "recall": "recall",
    "accuracy": "accuracy",
    "macro_f1": "macro-F1",
    "unseen_accuracy": "accuracy of unseen words",
    "micro_f1": "micro-F1",
    "exact": "exactly the right labels",
    "pearson": "Pearson",
    "spearman": "Spearman",
}
"""Titles of scores in percent by their key in the files."""
ERRORS = {"mse": "MSE", "mse_of_mean": "MSE of always saying the mean"}
"""Titles of errors, which are not in percent."""
PARTS = ("dev", "test")


def several_table(path: Path, name: str) -> Table | None:
    """Mean and deviation of the scores of several seeds or folds; None if they are not complete.

    Raises:
        CheckpointError: The file is damaged.
    """
    what = next((what for what in SEVERAL if (path / f"{what}.json").is_file()), "seeds")
    summary = read_object(path / f"{what}.json")
    if summary is None:
        return None
    with expecting(path / f"{what}.json", f"mean and deviation of several {what}"):
        rows: list[list[Cell]] = [
            [f"{part} {title}", f"{float(summary['mean'][dotted_key]):.2f}", _deviation(summary, dotted_key)]
            for part in PARTS
            for key, title in (TITLES | ERRORS).items()
            if (dotted_key := f"{part}.{key}") in summary["mean"]
        ]
        note = "test is the fold itself, dev what chose the epoch" if what == "folds" else ""
        return Table(f"{name}: {int(summary[what])} {what}", ["score", "mean", "deviation"], rows, note)


def _deviation(summary: Mapping[str, Any], key: str) -> str | None:
    value = summary["deviation"].get(key)
    return None if value is None else f"{float(value):.2f}"


def search_tables(path: Path) -> list[Table]:
    """The points of a search, best first; empty if the directory is not that of a search.

    Raises:
        CheckpointError: The file is damaged.
    """
    found = read_object(path / SEARCH)
    if found is None:
        return []
    with expecting(path / SEARCH, "the points of a search"):
        seeds = int(found["seeds"])
        rows: list[list[Cell]] = [
            [
                str(row["point"]),
                f"{float(row['mean']):.2f}",
                *([_spread(row)] if seeds > 1 else []),
                _verdict(row, seeds),
            ]
            for row in found["search"]
        ]
        head = ["settings", "mean on dev" if seeds > 1 else "on dev", *(["deviation"] if seeds > 1 else []), ""]
        note = f"{seeds} seeds each" if seeds > 1 else "one seed each, which tells nothing of chance"
        return [Table("Search", head, rows, f"{note}; the model and the rest of this page are of the best")]


def _spread(row: Mapping[str, Any]) -> str:
    return f"{float(row['deviation']):.2f}"


def _verdict(row: Mapping[str, Any], seeds: int) -> str:
    if row["is_best"]:
        return "best"
    return "within one standard error of the best" if row["is_within"] and seeds > 1 else ""
