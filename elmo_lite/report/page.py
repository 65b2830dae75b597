"""The page of runs: one HTML file without scripts and without references to other files."""

from __future__ import annotations

import functools
import unicodedata
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from elmo_lite import __version__
from elmo_lite.pictures import COLOURS
from elmo_lite.report.comparison import differing_settings, overlaid, overview, setting
from elmo_lite.report.content import Chart, Mistakes, Run, Score, Table
from elmo_lite.report.drawing import GEOMETRY, draw

MAX_TEXT = 500
"""Number of characters of a word, a name or a setting that are shown."""
OVERRIDES = "\u202d\u202e"
"""Characters that make what follows run left to right or right to left, whatever it is."""
DARK_COLOURS = ("#56B4E9", "#F0884A", "#2CC295", "#E39CC6", "#F2B83B", "#9CC9FF")
"""The palette on a dark background."""


def make_page(runs: Sequence[Run], summaries: Sequence[Table] = ()) -> str:
    """The page of runs.

    Args:
        runs: Runs in the order of the page.
        summaries: Tables that follow the overview, such as the mean of several seeds.
    """
    kinds = [[run for run in runs if run.kind == kind] for kind in dict.fromkeys(run.kind for run in runs)]
    return _environment().get_template("page.html").render(
        runs=runs,
        overviews=[overview(kind) for kind in kinds],
        summaries=summaries,
        differing=[table for kind in kinds if (table := differing_settings(kind))],
        comparisons=[chart for kind in kinds for chart in overlaid(kind)],
        version=__version__,
        made=_now(),
        colours=COLOURS,
        dark_colours=DARK_COLOURS,
        geometry=GEOMETRY,
    )  # fmt: skip


def make_error_page(title: str, mistakes: Mistakes) -> str:
    """A page of a list of errors alone.

    Args:
        title: Name of the model.
        mistakes: The errors, which may be none.
    """
    return _environment().get_template("errors.html").render(
        title=title,
        mistakes=mistakes,
        version=__version__,
        made=_now(),
        colours=COLOURS,
        dark_colours=DARK_COLOURS,
    )  # fmt: skip


def _now() -> str:
    return f"{datetime.now():%Y-%m-%d %H:%M}"


@functools.cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("elmo_lite.report"),
        autoescape=True,
        finalize=_printable,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "kind": lambda block: type(block).__name__,
        "drawn": draw,
        "setting": setting,
        "whole": _whole,
    }
    environment.tests |= {
        "score": lambda cell: isinstance(cell, Score),
        "chart": lambda block: isinstance(block, Chart),
    }
    return environment


def _printable(value: Any) -> Any:
    """What is written for a value: text of bounded length without control characters."""
    if isinstance(value, Markup) or not isinstance(value, str):
        return value
    return _without_controls(value if len(value) <= MAX_TEXT else f"{value[:MAX_TEXT]} …")


def _whole(text: str) -> Markup:
    """Text of any length, escaped: a command line that is cut could not be run."""
    return escape(_without_controls(text))


def _without_controls(text: str) -> str:
    """Text without the characters that HTML does not have, and without those that turn around what follows."""
    return "".join("\ufffd" if _is_control(each) else each for each in text)


def _is_control(character: str) -> bool:
    return character in OVERRIDES or (character not in "\t\n" and unicodedata.category(character) in ("Cc", "Cs"))
