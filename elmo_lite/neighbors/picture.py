"""The picture of a word: its occurrences in two dimensions, layer by layer, in groups with example contexts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from elmo_lite.embedding.layer_choice import LayerChoice
from elmo_lite.neighbors.concordance import sides
from elmo_lite.neighbors.groups import Groups
from elmo_lite.neighbors.occurrence_index import Occurrence, OccurrenceIndex, unit
from elmo_lite.neighbors.projection import Layout, Projection, project, turned_towards
from elmo_lite.neighbors.queries import letter
from elmo_lite.neighbors.search import Query, neighboring_words
from elmo_lite.pictures import COLOURS, GREY, draw_picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MAX_DRAWN = 3000
"""Largest number of occurrences that are drawn, spread evenly over the text."""
_EXAMPLES = 3
_PANEL = 4.7
"""Width and height of a panel in inches."""
_LINE = 0.19
"""Height of a line of text in inches."""
_BLOCK = _EXAMPLES + 2.2
"""Number of lines that a group takes."""
_SIZE = 8.5
"""Size of the contexts in points."""
_CHARACTER = 0.602 * _SIZE / 72
"""Width of a character of the fixed-width font in inches."""


@dataclass(frozen=True)
class Drawn:
    """What is drawn."""

    title: str
    layers: list[Layout]
    """One for each layer, from the token layer."""
    labels: npt.NDArray[np.intp]
    """Group of each point, (R,)."""
    words: list[str]
    """Word of each point."""
    headings: list[str]
    """One for each group."""
    examples: list[list[Occurrence]]
    """Some occurrences of each group."""
    queries: list[Occurrence]
    """Occurrences that are drawn as stars, in the order of ``Layout.queries``."""


def draw_word(
    path: Path,
    index: OccurrenceIndex,
    rows: npt.NDArray[np.intp],
    groups: Groups,
    layer: LayerChoice,
    *,
    title: str,
    queries: Sequence[Query] = (),
    projection: Projection = "pca",
) -> Path | None:
    """Draw occurrences in a plane for every layer side by side, coloured by group.

    Args:
        path: File to write.
        index: The occurrences.
        rows: Those to draw, (R,).
        groups: Their division into groups.
        layer: The layer whose vectors were divided.
        title: Title of the picture.
        queries: Occurrences outside of the index, which are drawn as stars.
        projection: "pca" or "umap". Defaults to "pca".

    Returns:
        ``path``; None without matplotlib.
    """
    step = -(-len(rows) // MAX_DRAWN)
    some, labels = rows[::step], groups.labels[::step]
    outside = [query.layers for query in queries if query.layers is not None]
    layouts: list[Layout] = []
    for number in range(index.num_layers):
        vectors = index.vectors(number, some)
        others = unit(np.stack([layers[number] for layers in outside])) if outside else vectors[:0]
        layout = project(vectors, others, projection)
        layouts.append(turned_towards(layout, layouts[-1].points) if len(layouts) > 1 else layout)
    drawn = Drawn(
        title,
        layouts,
        labels,
        [index.words[number] for number in index.occurrences[some, 2].tolist()],
        [f"{size:,} occurrence{'s' * (size != 1)}, {100 * size / len(rows):.0f} %" for size in groups.sizes],
        [_examples(index, rows, groups, layer, group) for group in range(len(groups))],
        [query.occurrence for query in queries if query.layers is not None],
    )
    size = _size(drawn)
    return draw_picture(path, size, lambda figure: _draw(figure, drawn, size))


def _examples(
    index: OccurrenceIndex, rows: npt.NDArray[np.intp], groups: Groups, layer: LayerChoice, group: int
) -> list[Occurrence]:
    """Occurrences near the centre of a group, no two with the same words beside them."""
    near = groups.nearest_to_centre(index.vectors(layer, rows), group)
    found = (index.occurrence(int(row)) for row in rows[near])
    distinct: dict[object, Occurrence] = {}
    for occurrence in islice(found, 20 * _EXAMPLES):
        distinct.setdefault(neighboring_words(occurrence), occurrence)
    return list(distinct.values())[:_EXAMPLES]


def _size(drawn: Drawn) -> tuple[float, float]:
    """Width and height of the picture in inches."""
    stars = _LINE * (len(drawn.queries) + 2.2) if drawn.queries else 0.0
    return _PANEL * len(drawn.layers), _PANEL + 0.9 + stars + _LINE * (-(-len(drawn.headings) // 2) * _BLOCK + 0.5)


def _draw(figure: Figure, drawn: Drawn, size: tuple[float, float]) -> None:
    width, height = size
    above, below = figure.subfigures(2, 1, squeeze=False, height_ratios=(_PANEL + 0.9, height - _PANEL - 0.9))[:, 0]
    above.suptitle(drawn.title, x=0.01, ha="left", fontweight="bold", fontsize=14)
    panels = above.subplots(1, len(drawn.layers), squeeze=False)[0]
    for number, (axes, layout) in enumerate(zip(panels, drawn.layers, strict=True)):
        _draw_panel(axes, layout, drawn, number)
    axes = below.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.set_xlim(0, width)
    axes.set_ylim(height - _PANEL - 0.9, 0)
    column = width / 2 if len(drawn.headings) > 1 else width
    for group, (heading, examples) in enumerate(zip(drawn.headings, drawn.examples, strict=True)):
        left, top = column * (group % 2), _LINE * (_BLOCK * (group // 2) + 1)
        _badge(axes, left + 0.25, top, group, 9)
        _write_contexts(axes, (left + 0.15, top, column - 0.3), heading, examples, _colour(group))
    if drawn.queries:
        top = _LINE * (_BLOCK * -(-len(drawn.headings) // 2) + 1)
        axes.scatter([0.25], [top], s=110, marker="*", c="black")
        _write_contexts(axes, (0.15, top, column - 0.3), "the contexts given, from 1", drawn.queries, "black")


def _colour(group: int) -> str:
    return COLOURS[group % len(COLOURS)]


def _draw_panel(axes: Axes, layout: Layout, drawn: Drawn, number: int) -> None:
    from matplotlib.patheffects import withStroke

    last = len(drawn.layers) - 1
    name = "Token layer" if number == 0 else f"LSTM layer {number}" + (" (top)" if number == last else "")
    axes.set_title(name, loc="left", fontsize=12, fontweight="bold", pad=18)
    places = np.unique(layout.points, axis=0)
    note = layout.note or "one vector for each word, in every context"
    axes.text(0, 1.02, note, transform=axes.transAxes, color=GREY, fontsize=9)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_color("#CCCCCC")
    axes.margins(0.08)
    if number == 0:
        _draw_words(axes, layout.points, drawn.words)
        return
    order = np.random.default_rng(0).permutation(len(layout.points))  # no group lies on top of the others
    colours = np.array([_colour(label) for label in drawn.labels])
    area = float(np.clip(6000 / len(places), 5, 40))
    x, y = layout.points[order].T
    axes.scatter(x, y, s=area, c=colours[order], alpha=0.55, linewidths=0)
    for group in range(len(drawn.headings)):
        members = layout.points[drawn.labels == group]
        if len(members):  # at the point that is nearest to the median
            middle = np.linalg.norm(members - np.median(members, axis=0), axis=1).argmin()
            x, y = members[middle].tolist()
            _badge(axes, x, y, group, 12)
    for star, (x, y) in enumerate(layout.queries, 1):
        axes.scatter([x], [y], s=260, marker="*", c="black", edgecolors="white", linewidths=1.2, zorder=7)
        label = axes.annotate(str(star), (x, y), (7, 5), textcoords="offset points", fontweight="bold", zorder=8)
        label.set_path_effects([withStroke(linewidth=2.5, foreground="white")])


def _draw_words(axes: Axes, points: npt.NDArray[np.floating], words: Sequence[str]) -> None:
    """Draw a point and a label for each word: in the token layer a word has one vector."""
    place_of = {word: points[words.index(word)] for word in dict.fromkeys(words)}
    x, y = np.stack(list(place_of.values())).T
    axes.scatter(x, y, s=140, c=GREY, linewidths=0)
    for word, place in place_of.items():
        label = f"{word} ({words.count(word):,} drawn)"
        axes.annotate(label, place, (0, 12), textcoords="offset points", ha="center", fontsize=10)
    axes.margins(0.3)


def _badge(axes: Axes, x: float, y: float, group: int, size: float) -> None:
    """Write the letter of a group on a disc of its colour."""
    box = {"boxstyle": "circle,pad=0.25", "facecolor": _colour(group), "edgecolor": "white"}
    axes.text(
        x,
        y,
        letter(group),
        ha="center",
        va="center",
        color="white",
        fontweight="bold",
        fontsize=size,
        bbox=box,
        zorder=6,
    )


def _write_contexts(
    axes: Axes, place: tuple[float, float, float], heading: str, occurrences: Sequence[Occurrence], colour: str
) -> None:
    """Write a heading and below it contexts, with the word in the middle of the lines.

    Args:
        axes: Axes in inches.
        place: Left edge, top and width.
        heading: The heading, which leaves room for a sign on its left.
        occurrences: The contexts.
        colour: Colour of the heading and of the word.
    """
    left, top, width = place
    axes.text(left + 0.3, top, heading, va="center", fontsize=10, color=colour, fontweight="bold")
    for line, occurrence in enumerate(occurrences, 1):
        half = (len(occurrence.word) / 2 + 0.7) * _CHARACTER
        before, word, after = sides(occurrence, max(int((width / 2 - half) / _CHARACTER), 1))
        middle, y = left + width / 2, top + line * _LINE + 0.06
        style: dict[str, Any] = {"va": "center", "fontsize": _SIZE, "family": "monospace", "parse_math": False}
        axes.text(middle - half, y, before, ha="right", color="#333333", **style)
        axes.text(middle, y, word, ha="center", color=colour, fontweight="bold", **style)
        axes.text(middle + half, y, after, ha="left", color="#333333", **style)
