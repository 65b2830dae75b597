"""Geometry of a chart in SVG: scales, ticks and paths. The template ``blocks.html`` draws it.

Charts are 440 units wide and scale with the page, so that a tick is legible on a phone and on paper.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from elmo_lite.report.content import Chart, Line, Point

WIDTH, HEIGHT = 440, 248
LEFT, RIGHT, TOP, BOTTOM = 50, 428, 22, 212
"""Edges of the plot: ticks and names of the axes lie outside."""
GEOMETRY = {"width": WIDTH, "height": HEIGHT, "left": LEFT, "right": RIGHT, "top": TOP, "bottom": BOTTOM}
MAX_DOTS = 60
"""Number of points of a curve above which they have no dots."""
LARGEST = 1e12
"""Values beyond are not drawn."""
SMALL = 1e-4
"""Values below are written as a power of ten."""


@dataclass(frozen=True)
class Tick:
    """A tick of an axis."""

    place: float
    label: str


@dataclass(frozen=True)
class Curve:
    """A drawn curve."""

    name: str
    last: str
    """Its last value."""
    path: str
    dots: Sequence[tuple[float, float, str]]
    """Places and texts of its points; empty if there are many."""


@dataclass(frozen=True)
class Drawing:
    """A drawn chart, in units of SVG."""

    curves: Sequence[Curve]
    x_ticks: Sequence[Tick]
    y_ticks: Sequence[Tick]
    mark: float | None
    """Place of the vertical line; None for none."""


def draw(chart: Chart) -> Drawing | None:
    """The drawing of a chart; None if it has no points."""
    lines = [Line(line.name, _drawable(line.points, chart.is_log)) for line in chart.lines]
    lines = [line for line in lines if line.points]
    if not lines:
        return None
    xs, ys = zip(*(point for line in lines for point in line.points), strict=True)
    low_x, high_x = _widened(min(xs), max(xs), 0.0)
    scale: Callable[[float], float] = math.log10 if chart.is_log else float
    low_y, high_y = _widened(scale(min(ys)), scale(max(ys)), 0.06)
    if chart.from_zero and not chart.is_log:
        low_y = 0.0

    def place(x: float, y: float) -> Point:
        right, up = (x - low_x) / (high_x - low_x), (scale(y) - low_y) / (high_y - low_y)
        return (
            round(LEFT + right * (RIGHT - LEFT), 1),
            round(BOTTOM - up * (BOTTOM - TOP), 1),
        )

    bottom, top = (10**low_y, 10**high_y) if chart.is_log else (low_y, high_y)
    y_ticks = log_ticks(bottom, top) if chart.is_log else ticks(bottom, top)
    return Drawing(
        [_curve(line, place) for line in lines],
        [Tick(place(x, ys[0])[0], shown(x)) for x in ticks(low_x, high_x) if x == int(x)],
        [Tick(place(xs[0], y)[1], shown(y)) for y in y_ticks],
        None if chart.mark is None or not low_x <= chart.mark <= high_x else place(chart.mark, ys[0])[0],
    )


def _drawable(points: Sequence[Point], is_log: bool) -> list[Point]:
    return [point for point in points if all(abs(value) < LARGEST for value in point) and (point[1] > 0 or not is_log)]


def _curve(line: Line, place: Callable[[float, float], Point]) -> Curve:
    places = [place(x, y) for x, y in line.points]
    path = "M" + "L".join(f"{x} {y}" for x, y in places)
    dots = [(*at, f"{shown(x)}: {shown(y, 6)}") for at, (x, y) in zip(places, line.points, strict=True)]
    return Curve(line.name, shown(line.points[-1][1]), path, dots if len(dots) <= MAX_DOTS else [])


def _widened(low: float, high: float, margin: float) -> tuple[float, float]:
    """A range with a margin; one of no width becomes one around its value."""
    if low == high:
        around = abs(low) * 0.1 or 1.0
        return low - around, high + around
    return low - margin * (high - low), high + margin * (high - low)


def ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Round numbers in a range, at most ``most``, 1, 2 or 5 times a power of ten apart."""
    rough = (high - low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough)
    first = math.ceil(low / step)
    return [round(number * step, 12) for number in range(first, math.floor(high / step) + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """Round numbers in a positive range: 1, 2 and 5 times powers of ten, powers alone, or as on a linear axis."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    found = [factor * 10.0**power for power in powers for factor in (1, 2, 5) if low <= factor * 10.0**power <= high]
    if len(found) < 3:
        return ticks(low, high)
    if len(found) <= 8:
        return found
    return [10.0**power for power in powers[:: 1 + len(powers) // 8] if low <= 10.0**power <= high]


def shown(value: float, digits: int = 4) -> str:
    """A number, rounded to a number of significant digits after the point, thousands separated; small ones as 1e-7."""
    if value == int(value):
        return f"{value:,.0f}"
    if abs(value) < SMALL:
        mantissa, power = f"{value:.{digits - 1}e}".split("e")
        return f"{mantissa.rstrip('0').rstrip('.')}e{int(power)}"
    places = digits - 1 - math.floor(math.log10(abs(value)))
    text = f"{value:,.{min(max(places, 0), 8)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
