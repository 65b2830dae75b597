"""The curve of a run: held-out perplexity by step, from the tables that its training has written."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING, Any

from elmo_lite.nn.bilm import DIRECTIONS
from elmo_lite.pictures import COLOURS, GREY, draw_picture, style_axes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CURVE = "curve.png"
TABLE = "metrics.csv"


def draw_curve(out: Path, best: dict[str, Any]) -> Path | None:
    """Draw the held-out perplexities of the directions over the steps of a run.

    Args:
        out: Directory of the run.
        best: Step and perplexities of the best model; empty if nothing was measured.

    Returns:
        The picture; None without measurements or without matplotlib.
    """
    points = read_points(out / "logs")
    if not points or not best:
        return None
    return draw_picture(out / CURVE, (6.4, 4.0), lambda figure: _draw(figure, points, best))


def read_points(logs: Path) -> dict[int, list[float]]:
    """Perplexities forward and, if there are any, backward by step, from the tables of all starts of a run.

    Steps that a resumed run repeats count as it measured them last.
    """
    numbered = {path: int(path.stem.partition("-")[2]) for path in logs.glob("metrics-*.csv")}
    points: dict[int, list[float]] = {}
    for path in [*sorted(numbered, key=numbered.__getitem__), logs / TABLE]:
        if not path.is_file():
            continue
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                values = [row.get(f"val/{direction}_perplexity") for direction in DIRECTIONS]
                if row.get("step") and values[0]:
                    points[int(row["step"])] = [float(value) for value in values if value]
    return dict(sorted(points.items()))


def _draw(figure: Figure, points: dict[int, list[float]], best: dict[str, Any]) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

    axes = figure.subplots()
    steps = [step + 1 for step in points]  # the logger counts steps from 0
    axes.set_yscale("log")
    of_direction = zip(*points.values(), strict=True)
    for row, (direction, values) in enumerate(zip(DIRECTIONS, of_direction, strict=False)):
        axes.plot(steps, values, color=COLOURS[row], marker="o", markersize=3)
        # Both lines end near each other, so their names stand apart from them.
        axes.text(
            0.98, 0.95 - 0.08 * row, direction, transform=axes.transAxes, color=COLOURS[row], ha="right", va="top"
        )
    axes.axvline(best["step"], color=GREY, linewidth=0.8, linestyle=":")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 3, 5, 7)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.yaxis.set_minor_formatter(NullFormatter())
    style_axes(axes, "step", "perplexity per word on held-out text")
    axes.set_title("Pretraining", loc="left", fontweight="bold", pad=18)
    names = [f"{direction}_perplexity" for direction in DIRECTIONS]
    shown = " and ".join(f"{best[name]:.1f}" for name in names if name in best)
    note = f"dotted: the best model, step {best['step']:,}, perplexity {shown}"
    axes.text(0, 1.02, note, transform=axes.transAxes, color=GREY, fontsize=9)
