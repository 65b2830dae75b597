"""Curves of bounded size, from logs of any length."""

from __future__ import annotations

import math

from elmo_lite.report.content import Point

MAX_POINTS = 400


class Series:
    """A curve over whole steps: as it becomes long, neighbouring points become their mean.

    Memory and time per point do not depend on the length of the log.
    """

    def __init__(self, max_points: int = MAX_POINTS) -> None:
        """Begin without points; at most ``2 * max_points`` are kept."""
        self.skipped = 0
        """Number of values that were not finite."""
        self._width = 1  # in steps
        self._max_points = max_points
        self._sums: dict[int, list[float]] = {}

    def add(self, step: int, value: float) -> None:
        """Add a value; steps ascend."""
        if not math.isfinite(value):
            self.skipped += 1
            return
        self._count(step // self._width, step, value, 1)
        while len(self._sums) > 2 * self._max_points:
            sums, self._sums, self._width = self._sums, {}, 2 * self._width
            for number, (steps, values, count) in sums.items():
                self._count(number // 2, steps, values, count)

    def _count(self, number: int, steps: float, values: float, count: float) -> None:
        found = self._sums.setdefault(number, [0.0, 0.0, 0.0])
        for place, value in enumerate((steps, values, count)):
            found[place] += value

    def forget_from(self, step: int) -> None:
        """Forget all points from a step on, which a resumed run repeats."""
        self._sums = {number: sums for number, sums in self._sums.items() if number < step // self._width}

    @property
    def merged(self) -> int:
        """The largest number of values that a point stands for."""
        return int(max((count for _, _, count in self._sums.values()), default=0))

    @property
    def points(self) -> list[Point]:
        """The curve: mean step and mean value of each point, in ascending order."""
        return [(steps / count, values / count) for _, (steps, values, count) in sorted(self._sums.items())]
