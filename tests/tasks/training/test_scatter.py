"""Predicted against gold numbers: what the picture says, and that it can be drawn of anything."""

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("matplotlib")

from matplotlib.figure import Figure

from tasks.training import scatter
from tasks.training.scatter import Agreement, draw_scatter


def drawn(found: Agreement) -> Any:
    figure = Figure()
    scatter._draw(figure, found, "dev")
    return figure.axes[0]


def test_points_and_the_line_where_numbers_are_equal() -> None:
    axes = drawn(Agreement([1.0, 2.0, 4.0], [1.5, 2.5, 3.0], 81.26, 79.5))
    assert axes.get_title("left") == "Pearson 81.3, Spearman 79.5 on dev"
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("gold number on dev", "predicted number")
    assert axes.collections[0].get_offsets().tolist() == [[1.0, 1.5], [2.0, 2.5], [4.0, 3.0]]
    (line,) = axes.lines
    assert list(line.get_xdata()) == list(line.get_ydata()) == list(axes.get_xlim()) == list(axes.get_ylim())
    assert axes.texts[0].get_text() == "a point for each of 3 texts; dotted: predicted as the gold number"


def test_many_points_are_some_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scatter, "MAX_POINTS", 4)
    axes = drawn(Agreement([float(n) for n in range(10)], [float(n) for n in range(10)], 100.0, 100.0))
    assert axes.collections[0].get_offsets()[:, 0].tolist() == [0, 3, 6, 9]
    assert axes.texts[0].get_text().startswith("a point for each of 4 of 10 texts")


@pytest.mark.parametrize("value", [0.0, 3.0, -1e300, 1e-300])
def test_one_number(value: float, tmp_path: Path) -> None:
    path = draw_scatter(Agreement([value], [value], 0.0, 0.0), "test", tmp_path)
    assert path == tmp_path / "numbers-test.png" and path.stat().st_size > 1000
