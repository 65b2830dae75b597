"""The learning rate over a run: linear warm-up, then linear decay to zero at the end of the run, which may be moved."""

from __future__ import annotations

from collections.abc import Iterable


class Schedule:
    """Factor of the peak learning rate for each step.

    A move of the end at some step leaves the rate of that step as it is; from there, the rate falls linearly to zero at
    the new end. The factor depends on the step and the moves alone, so that a resumed run repeats recorded moves.
    """

    def __init__(self, warmup_steps: int, max_steps: int, moves: Iterable[tuple[int, int]] = ()) -> None:
        """Make a schedule.

        Args:
            warmup_steps: Number of steps of the warm-up, cut to a tenth of ``max_steps``.
            max_steps: Number of steps of the run, 1 or more.
            moves: Steps at which the end was moved, in ascending order, and the new ends.
        """
        self.warmup = min(warmup_steps, max(1, max_steps // 10))
        self.max_steps = max_steps
        self.moves = list(moves)

    @property
    def end(self) -> int:
        """Number of steps of the run, as planned last."""
        return self.moves[-1][1] if self.moves else self.max_steps

    def move(self, step: int, end: int) -> None:
        """Move the end of the run once ``step`` steps are done."""
        self.moves.append((step, end))

    def factor(self, step: int) -> float:
        """The factor in [0, 1] of a step, counted from 0."""
        if step < self.warmup:
            return (step + 1) / self.warmup
        begin, value, end = self.warmup, 1.0, self.max_steps
        for moved, new_end in self.moves:
            if moved > step:
                break
            begin, value, end = moved, value * _left(moved, begin, end), new_end
        return value * _left(step, begin, end)


def _left(step: int, begin: int, end: int) -> float:
    """The part of a linear decay from ``begin`` to ``end`` that is left at a step."""
    return max(0.0, (end - step) / max(1, end - begin))
