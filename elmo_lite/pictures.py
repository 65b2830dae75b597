"""Pictures in PNG format, in one style.

They need matplotlib, the optional extra ``pictures``; without it, a log line says so and nothing is drawn. The colours
are the palette of Okabe and Ito, which is safe for colour-blind readers.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from elmo_lite.extras import named_extra
from elmo_lite.files import replace_file

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["COLOURS", "GREY", "draw_picture", "style_axes"]

log = logging.getLogger("elmo_lite")

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
GREY = "#666666"


def draw_picture(path: Path, size: tuple[float, float], draw: Callable[[Figure], None]) -> Path | None:
    """Draw a picture in PNG format.

    Args:
        path: File to write.
        size: Width and height in inches.
        draw: Function that draws on a new figure.

    Returns:
        ``path``; None without matplotlib.
    """
    try:
        with named_extra(path.name):
            from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        log.info("not drawn: %s", error)
        return None
    figure = Figure(figsize=size, dpi=150, layout="constrained")
    draw(figure)
    path.parent.mkdir(parents=True, exist_ok=True)
    with replace_file(path) as scratch, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph", UserWarning)  # labels in scripts that the font lacks
        figure.savefig(scratch, format="png", bbox_inches="tight")
    return path


def style_axes(axes: Axes, x_label: str, y_label: str) -> None:
    """Style axes: label them, remove the top and right lines, add a light horizontal grid."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#E6E6E6", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
