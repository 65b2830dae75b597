"""Confusion matrices, and their pictures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from elmo_lite.pictures import GREY, draw_picture
from tasks.files import on_one_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MAX_SIDE = 24.0
"""Maximum width of the matrix in inches; cells of more labels are smaller."""
_MIN_CELL = 0.5
"""Width in inches of the smallest cell that holds its numbers."""
_LINE = 0.18
"""Distance in inches of two labels that do not overlap."""
_MAX_LABEL = 28


@dataclass(frozen=True)
class Confusion:
    """Counts by true and predicted label."""

    matrix: Sequence[Sequence[int]]
    """(N, N): true labels in rows, predicted labels in columns."""
    labels: Sequence[str]
    """Names of the N labels."""
    unit: str
    """What is counted, in the plural, such as "words"."""
    outside: str | None = None
    """A label that is no class, such as O, whose row would outshine the others. Defaults to none."""


def confusion_picture(part: str) -> str:
    """The file name of the confusion matrix on "dev" or "test"."""
    return f"confusion-{part}.png"


def draw_confusion(confusion: Confusion, part: str, out: Path) -> Path | None:
    """Draw a confusion matrix, with counts and the share of each true label, which sets the shade.

    The row of ``outside`` is not shaded. With more than 48 labels, cells have no numbers.

    Args:
        confusion: The counts.
        part: Name of the labelled data, such as "dev".
        out: Directory of the picture.

    Returns:
        The path of the picture; None without matplotlib.
    """
    labels = [_shortened(label) for label in confusion.labels]
    side = min(max(2.4, 0.8 * len(labels)), _MAX_SIDE)
    cell = side / len(labels)
    path = out / confusion_picture(part)
    return draw_picture(path, (side, side), lambda figure: _draw(figure, confusion, labels, part, cell))


def _shortened(label: str) -> str:
    """A label on one line, without the middle if it is long, since labels often differ at their ends."""
    line = on_one_line(label)
    return line if len(line) <= _MAX_LABEL else f"{line[: _MAX_LABEL // 2]}…{line[-_MAX_LABEL // 2 :]}"


def _draw(figure: Figure, confusion: Confusion, labels: list[str], part: str, cell: float) -> None:
    figure.set_layout_engine("none")
    axes = figure.add_axes((0, 0, 1, 1))  # labels and title lie outside the figure, which grows when it is saved
    matrix = np.asarray(confusion.matrix)
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    shaded = np.array([label != confusion.outside for label in confusion.labels])
    axes.imshow(np.ma.masked_array(shares, np.broadcast_to(~shaded[:, None], shares.shape)), "Blues", vmin=0, vmax=1)
    has_numbers = cell >= _MIN_CELL
    if has_numbers:
        _write_numbers(axes, matrix, shares, shaded)
    turned = 45 if max(map(len, labels)) > 8 else 0
    every = math.ceil(_LINE / cell)
    shown = range(0, len(labels), every)
    turning: dict[str, Any] = {"rotation": turned, "ha": "right" if turned else "center"}
    names = labels[::every]
    axes.set_xticks(shown, names, rotation_mode="anchor" if turned else None, parse_math=False, **turning)
    axes.set_yticks(shown, names, parse_math=False)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    axes.set_xlabel(f"predicted label on {part}")
    axes.set_ylabel(f"true label on {part}")
    number = f"number of {confusion.unit} and " if has_numbers else ""
    notes = [f"{number}share of the true label (shade)"]
    if not shaded.all():
        notes.append(f"the row of {confusion.outside} is not shaded")
    axes.set_title(f"Confusions on {part}, in {confusion.unit}", loc="left", fontweight="bold", pad=6 + 13 * len(notes))
    axes.annotate(
        "\n".join(notes), (0, 1), (0, 4), "axes fraction", "offset points", color=GREY, fontsize=9, va="bottom"
    )


def _write_numbers(
    axes: Axes, matrix: npt.NDArray[Any], shares: npt.NDArray[np.float64], shaded: npt.NDArray[np.bool_]
) -> None:
    """Write the count and the share into each cell."""
    for row, column in np.ndindex(*matrix.shape):
        colour = "white" if shaded[row] and shares[row, column] > 0.5 else "black"
        text = f"{matrix[row, column]:,}\n{shares[row, column]:.0%}"
        axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=8)
