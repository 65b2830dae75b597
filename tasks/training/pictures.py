"""Pictures of a training run in PNG format: learning curve and layer weights.

Lines are labelled directly, without a legend.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from elmo_lite.pictures import COLOURS, GREY, draw_picture, style_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LEARNING_CURVE = "learning_curve.png"
LAYER_WEIGHTS = "layer_weights.png"


def draw_training(
    epochs: Sequence[dict[str, Any]],
    best_epoch: int,
    out: Path,
    measure: str = "score",
    loss_unit: str = "nats per sentence",
) -> list[Path]:
    """Draw the learning curve, and the layer weights if several layers are mixed.

    Args:
        epochs: ``FinetuneResult.epochs``.
        best_epoch: Number of the best epoch, from 1.
        out: Directory of the pictures.
        measure: Name of the score that chooses the best epoch, such as F1. Defaults to "score".
        loss_unit: Unit of the loss. Defaults to "nats per sentence".

    Returns:
        The paths of the files; empty without matplotlib.
    """

    def learning_curve(figure: Figure) -> None:
        _learning_curve(figure, epochs, best_epoch, measure, loss_unit)

    files = [draw_picture(out / LEARNING_CURVE, (6.4, 4.8), learning_curve)]
    if any(max(weights) < 1 for weights, _ in epochs[0]["mix"].values()):
        width = 6.4 * len(epochs[0]["mix"])
        files.append(draw_picture(out / LAYER_WEIGHTS, (width, 4.8), lambda figure: _layer_weights(figure, epochs)))
    return [file for file in files if file is not None]


def _epoch_axis(axes: Axes, epochs: Sequence[dict[str, Any]]) -> list[int]:
    from matplotlib.ticker import MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    return [facts["epoch"] for facts in epochs]


def _learning_curve(
    figure: Figure, epochs: Sequence[dict[str, Any]], best_epoch: int, measure: str, loss_unit: str
) -> None:
    above, below = figure.subplots(2, 1, sharex=True)
    numbers = _epoch_axis(below, epochs)
    scores = [facts["dev"]["main"] for facts in epochs]
    above.plot(numbers, [facts["loss"] for facts in epochs], color=COLOURS[1], marker="o", markersize=3)
    below.plot(numbers, scores, color=COLOURS[0], marker="o", markersize=3)
    best = scores[numbers.index(best_epoch)]
    below.plot([best_epoch], [best], color=COLOURS[0], marker="o", markersize=8)
    place = numbers.index(best_epoch) / (len(numbers) - 1) if len(numbers) > 1 else 0.5
    side = "left" if place < 0.2 else "right" if place > 0.8 else "center"
    note = f"{best:.1f} in epoch {best_epoch}"
    below.annotate(note, (best_epoch, best), (0, 8), textcoords="offset points", ha=side)
    below.margins(y=0.25)
    style_axes(above, "", f"loss on train,\n{loss_unit}")
    style_axes(below, "epoch", f"{measure} on dev, %")
    above.set_title("Learning curve", loc="left", fontweight="bold")


def _layer_weights(figure: Figure, epochs: Sequence[dict[str, Any]]) -> None:
    places = list(epochs[0]["mix"])
    for axes, place in zip(figure.subplots(1, len(places), squeeze=False)[0], places, strict=True):
        numbers = _epoch_axis(axes, epochs)
        weights = np.array([facts["mix"][place][0] for facts in epochs])
        gammas = [facts["mix"][place][1] for facts in epochs]
        used = np.flatnonzero(weights.any(axis=0)).tolist()
        for layer in used:
            axes.plot(numbers, weights[:, layer], color=COLOURS[layer % len(COLOURS)], marker="o", markersize=3)
        axes.set_ylim(0, 1.1 * weights.max())  # from 0, so that small differences look small
        _label_ends(axes, numbers[-1], {layer: float(weights[-1, layer]) for layer in used})
        axes.axhline(1 / len(used), color=GREY, linewidth=0.8, linestyle=":")
        style_axes(axes, "epoch", "layer weight, of a sum of 1")
        axes.set_title(f"Layers mixed at the {place}", loc="left", fontweight="bold", pad=18)
        note = f"gamma {gammas[0]:.2f} to {gammas[-1]:.2f}; dotted: equal weights"
        axes.text(0, 1.02, note, transform=axes.transAxes, color=GREY, fontsize=9)


def _label_ends(axes: Axes, last: int, ends: Mapping[int, float]) -> None:
    """Write the name of each layer at the end of its line, with a minimum distance between names."""
    low, high = axes.get_ylim()
    places = spread(list(ends.values()), min(0.06, 0.9 / len(ends)) * (high - low))
    above = max(0.0, max(places) - high)  # many names go down into the picture
    for layer, place in zip(ends, places, strict=True):
        name = "token layer" if layer == 0 else f"layer {layer}"
        axes.annotate(
            f"{name} {ends[layer]:.2f}",
            (last, place - above),
            (8, 0),
            textcoords="offset points",
            color=COLOURS[layer % len(COLOURS)],
            va="center",
            annotation_clip=False,
        )


def spread(values: Sequence[float], distance: float) -> list[float]:
    """Move values as little as possible, so that any two are at least ``distance`` apart and keep their order.

    Neighbours that are too close become a group around their mean. Groups that are then too close are merged.
    """
    groups: list[tuple[list[int], float]] = []
    for index in sorted(range(len(values)), key=values.__getitem__):
        members, centre = [index], values[index]
        while groups:
            others, other_centre = groups[-1]
            if centre - other_centre >= distance * (len(members) + len(others)) / 2:
                break
            groups.pop()
            members = others + members
            centre = sum(values[member] for member in members) / len(members)
        groups.append((members, centre))
    places = [0.0] * len(values)
    for members, centre in groups:
        for rank, member in enumerate(members):
            places[member] = centre + distance * (rank - (len(members) - 1) / 2)
    return places
