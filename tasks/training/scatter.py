"""Predicted against gold numbers, and their picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from elmo_lite.pictures import COLOURS, GREY, draw_picture, style_axes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MAX_POINTS = 5000
"""Number of points that are drawn. Of more, evenly spaced ones are taken."""


@dataclass(frozen=True)
class Agreement:
    """Gold and predicted numbers, and how they agree."""

    gold: Sequence[float]
    predicted: Sequence[float]
    """As many numbers, in the same order."""
    pearson: float
    """Pearson's correlation, in percent."""
    spearman: float
    """Spearman's rank correlation, in percent."""


def scatter_picture(part: str) -> str:
    """The file name of the picture of "dev" or "test"."""
    return f"numbers-{part}.png"


def draw_scatter(found: Agreement, part: str, out: Path) -> Path | None:
    """Draw a point for each text: the gold number across, the predicted one up, and the line where they are equal.

    Args:
        found: The numbers.
        part: Name of the labelled data, such as "dev".
        out: Directory of the picture.

    Returns:
        The path of the picture; None without matplotlib.
    """
    return draw_picture(out / scatter_picture(part), (4.8, 4.8), lambda figure: _draw(figure, found, part))


def _draw(figure: Figure, found: Agreement, part: str) -> None:
    axes = figure.add_subplot()
    step = -(-len(found.gold) // MAX_POINTS)
    gold, predicted = found.gold[::step], found.predicted[::step]
    low, high = min(*gold, *predicted), max(*gold, *predicted)
    margin = 0.05 * (high - low) or 0.5 * abs(high) or 1.0
    limits = low - margin, high + margin
    axes.plot(limits, limits, color=GREY, linewidth=0.8, linestyle=":")
    many = len(gold)
    size, alpha = (22, 0.6) if many <= 200 else (12, 0.35) if many <= 1000 else (6, 0.2)
    axes.scatter(gold, predicted, s=size, alpha=alpha, color=COLOURS[0], linewidths=0, zorder=3)
    axes.set_xlim(limits)
    axes.set_ylim(limits)
    axes.set_aspect("equal")
    style_axes(axes, f"gold number on {part}", "predicted number")
    title = f"Pearson {found.pearson:.1f}, Spearman {found.spearman:.1f} on {part}"
    axes.set_title(title, loc="left", fontweight="bold", pad=18)
    shown = f"{len(found.gold):,} texts" if step == 1 else f"{many:,} of {len(found.gold):,} texts"
    note = f"a point for each of {shown}; dotted: predicted as the gold number"
    axes.text(0, 1.02, note, transform=axes.transAxes, color=GREY, fontsize=8)
