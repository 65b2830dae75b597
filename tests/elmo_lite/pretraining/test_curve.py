"""The picture of a run."""

from pathlib import Path

import pytest

from elmo_lite.pretraining.curve import CURVE, draw_curve, read_points
from elmo_lite.pretraining.fit import CURVES

BEST = {"step": 20, "forward_perplexity": 30.0, "backward_perplexity": 31.0}


def table(path: Path, rows: dict[int, tuple[float, float]]) -> None:
    """A table as the logger writes it, with a row of the loss before each validation."""
    path.parent.mkdir(exist_ok=True)
    lines = [",".join(CURVES)]
    for step, (forward, backward) in rows.items():
        values = {"step": step, "val/forward_perplexity": forward, "val/backward_perplexity": backward}
        lines.append(",".join("2.5" if name == "train/sampled_loss" else "" for name in CURVES))
        lines.append(",".join(str(values.get(name, "")) for name in CURVES))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def test_points_of_all_starts_in_their_order(tmp_path: Path) -> None:
    """The tenth start comes after the second, and repeated steps count as measured last."""
    logs = tmp_path / "logs"
    table(logs / "metrics-2.csv", {9: (50.0, 51.0), 14: (45.0, 46.0)})
    table(logs / "metrics-10.csv", {14: (40.0, 41.0)})
    table(logs / "metrics.csv", {19: (30.0, 31.0)})
    assert read_points(logs) == {9: [50.0, 51.0], 14: [40.0, 41.0], 19: [30.0, 31.0]}


def test_a_picture_is_drawn_where_something_was_measured(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    assert draw_curve(tmp_path, BEST) is None
    table(tmp_path / "logs" / "metrics.csv", {19: (30.0, 31.0)})
    assert draw_curve(tmp_path, {}) is None
    assert draw_curve(tmp_path, BEST) == tmp_path / CURVE
    assert (tmp_path / CURVE).read_bytes().startswith(b"\x89PNG")
