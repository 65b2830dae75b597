"""Geometry of charts."""

import math

import pytest

from elmo_lite.report.content import Chart, Line
from elmo_lite.report.drawing import BOTTOM, LEFT, RIGHT, TOP, draw, log_ticks, shown, ticks


def chart(*points: tuple[float, float], **settings: object) -> Chart:
    return Chart("title", "x", "y", [Line("line", points)], **settings)  # type: ignore[arg-type]


def test_points_lie_inside_in_order() -> None:
    drawing = draw(chart((0, 5.0), (5, 1.0), (10, 3.0)))
    assert drawing is not None
    (x0, y0, text), (_, y1, _), (x2, y2, _) = drawing.curves[0].dots
    assert (x0, x2) == (LEFT, RIGHT) and TOP < y0 < y2 < y1 < BOTTOM and text == "0: 5"
    assert drawing.curves[0].path.count("L") == 2 and drawing.curves[0].last == "3"


def test_a_logarithmic_axis() -> None:
    drawing = draw(chart((0, 1.0), (1, 10.0), (2, 100.0), (3, 0.0), is_log=True))
    assert drawing is not None
    places = [y for _, y, _ in drawing.curves[0].dots]
    assert len(places) == 3 and places[0] - places[1] == pytest.approx(places[1] - places[2], abs=0.2)


@pytest.mark.parametrize(
    "points",
    [
        [(1, 2.0)],
        [(1, 0.0)],
        [(1, 2.0), (2, 2.0)],
        [(1, 1e-9), (2, 1e11)],
        [(0, -5.0), (1e11, 5.0)],
        [(1, 1e300), (2, 1)],
    ],
)
@pytest.mark.parametrize("is_log", [False, True])
def test_any_points_can_be_drawn(points: list[tuple[float, float]], is_log: bool) -> None:
    drawing = draw(chart(*points, is_log=is_log, mark=1.5))
    if drawing is None:
        assert is_log and all(y <= 0 for _, y in points)
        return
    assert all(math.isfinite(x) and TOP <= y <= BOTTOM for x, y, _ in drawing.curves[0].dots)
    assert len(drawing.y_ticks) <= 10 and len(drawing.x_ticks) <= 10


def test_no_points() -> None:
    assert draw(chart()) is None and draw(Chart("title", "x", "y", [])) is None


def test_many_points_have_no_dots() -> None:
    drawing = draw(chart(*((float(x), float(x)) for x in range(100))))
    assert drawing is not None and not drawing.curves[0].dots


def test_ticks() -> None:
    assert ticks(0, 10) == [0, 2, 4, 6, 8, 10] and ticks(0.12, 0.31) == [0.15, 0.2, 0.25, 0.3]
    assert log_ticks(80, 700) == [100, 200, 500] and log_ticks(1, 1e6) == [10.0**power for power in range(7)]
    assert log_ticks(140, 160)[0] == 140


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (1234.56, "1,235"),
        (12345678.9, "12,345,679"),
        (0.25, "0.25"),
        (0.0001, "0.0001"),
        (1e-7, "1e-7"),
        (-2.5e-12, "-2.5e-12"),
        (1.23456e-5, "1.235e-5"),
    ],
)
def test_numbers(value: float, text: str) -> None:
    assert shown(value) == text
