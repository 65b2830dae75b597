"""The pictures of a ladder: perplexity over time, and the norm of gradients by distance in time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from elmo_lite.ladder.results import SMALLEST_NORM, RungResult
from elmo_lite.pictures import COLOURS, GREY, draw_picture, style_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PERPLEXITY, GRADIENTS = "perplexity.png", "gradients.png"
_DASHES = ("solid", (0, (4, 2)))
_BESIDE: dict[str, Any] = {"loc": "center left", "bbox_to_anchor": (1.01, 0.5), "frameon": False, "fontsize": 9}
"""Place of a legend."""


def draw_perplexity(out: Path, results: Sequence[RungResult]) -> Path | None:
    """Draw the held-out perplexity of the neural rungs over seconds, and that of the n-gram models as levels.

    Returns:
        The picture; None without a measurement or without matplotlib.
    """
    measured = [result for result in results if result.points]
    levels = [result for result in results if result.dim is None and result.perplexity is not None]
    if not measured:
        return None
    return draw_picture(out / PERPLEXITY, (8.4, 4.6), lambda figure: _perplexity(figure, measured, levels))


def _perplexity(figure: Figure, measured: Sequence[RungResult], levels: Sequence[RungResult]) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axes = figure.subplots()
    axes.set_yscale("log")
    last = max(point[0] for result in measured for point in result.points)
    unit, seconds = ("minutes", 60.0) if last > 600 else ("seconds", 1.0)
    for number, result in enumerate(measured):
        x, y = zip(*result.points, strict=True)
        style = _DASHES[number // len(COLOURS) % len(_DASHES)]
        colour = COLOURS[number % len(COLOURS)]
        axes.plot(
            [value / seconds for value in x], y, color=colour, linestyle=style, marker="o", markersize=3,
            label=f"{min(y):,.0f}  {result.title}",
        )  # fmt: skip
    for result in levels:
        assert result.perplexity is not None
        axes.axhline(result.perplexity, color=GREY, linewidth=0.8, linestyle=":")
        text = f"{result.title}, {result.perplexity:,.0f}"
        where = axes.get_yaxis_transform()
        axes.text(0.005, result.perplexity, text, transform=where, color=GREY, fontsize=8, va="bottom")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 8, 9)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.set_xlim(left=0)
    style_axes(axes, f"{unit} of training", "perplexity per word, forward")
    handles, labels = axes.get_legend_handles_labels()
    best = sorted(range(len(handles)), key=lambda place: -min(point[1] for point in measured[place].points))
    axes.legend([handles[k] for k in best], [labels[k] for k in best], handlelength=3.5, **_BESIDE)
    axes.set_title("Language models on one text", loc="left", fontweight="bold", pad=18)
    note = "held-out sample in training; dotted: n-gram models on the whole held-out text"
    axes.text(0, 1.02, note, transform=axes.transAxes, color=GREY, fontsize=9)


def draw_gradients(out: Path, results: Sequence[RungResult]) -> Path | None:
    """Draw the norms of gradients by distance in time, before training and after.

    Returns:
        The picture; None without a measurement or without matplotlib.
    """
    measured = [result for result in results if result.gradients]
    if not measured:
        return None
    return draw_picture(out / GRADIENTS, (9.0, 4.2), lambda figure: _gradients(figure, measured))


def _gradients(figure: Figure, measured: Sequence[RungResult]) -> None:
    panels: tuple[Axes, Axes] = figure.subplots(1, 2, sharey=True)
    for axes, moment in zip(panels, ("before", "after"), strict=True):
        axes.set_yscale("log")
        for number, result in enumerate(measured):
            _lines(axes, result.title, result.gradients[moment], COLOURS[number % len(COLOURS)])
        style_axes(axes, "distance l in words", "mean norm of the gradient" if moment == "before" else "")
        axes.set_title(f"{moment} training", loc="left", fontweight="bold")
    panels[1].legend(**_BESIDE)
    note = "gradient of the loss at word i with respect to the state at word i - l"
    figure.suptitle(note, x=0.01, ha="left", color=GREY, fontsize=9)


def _lines(axes: Axes, title: str, norms: dict[str, Any], colour: str) -> None:
    """The norms of one model: solid for the hidden state, dashed for the cell of an LSTM."""
    for number, (part, values) in enumerate(norms.items()):
        label = title if part == "hidden" else f"{title}, its {part}"
        shown = [value if value > SMALLEST_NORM else float("nan") for value in values]
        axes.plot(range(len(shown)), shown, color=colour, linestyle=_DASHES[number], label=label)
