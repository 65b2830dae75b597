"""A planned time that is kept: the end of a run moves with the speed of the machine."""

from __future__ import annotations

import logging
import sys
import time
from collections import deque
from collections.abc import Callable
from typing import Any

import pytorch_lightning as pl
from tqdm import tqdm

from elmo_lite.pretraining.schedule import Schedule

log = logging.getLogger("elmo_lite")

_AIM = 0.98
"""The part of the planned time to fill; the rest is for starting, saving and the last moments."""
_RECENT = 8
"""Number of intervals over which the speed is measured; validation and saving are part of it."""
_TOLERANCE = 0.03
"""The part of the planned time by which the expected end may miss it without a new plan."""


class KeepTime(pl.Callback):
    """Move the end of a run, and with it the decay of the learning rate, so that the run takes the planned time.

    The plan is looked at every ``interval`` steps once the warm-up is over. A new end is a multiple of the interval, so
    that a validation comes last. It is recorded before it applies; a resumed run repeats recorded moves and looks again
    after the last of them. Time counts from the start of the command, and goes on from the saved state.
    """

    def __init__(
        self,
        seconds: float,
        schedule: Schedule,
        interval: int,
        record: Callable[[list[tuple[int, int]]], None],
        began: float,
    ) -> None:
        """Keep a planned time.

        Args:
            seconds: The planned time.
            schedule: Schedule of the run, which is changed.
            interval: Number of steps between two looks at the plan.
            record: Writes the moves of the schedule.
            began: Time of ``time.monotonic`` when the command began.
        """
        self.seconds, self.schedule, self.interval, self.record = seconds, schedule, interval, record
        self._began = began
        self._marks: deque[tuple[float, int]] = deque(maxlen=_RECENT + 1)

    def on_train_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Measure from here on."""
        self._marks.append((time.monotonic(), trainer.global_step))

    def on_train_batch_end(
        self, trainer: pl.Trainer, module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Look at the plan."""
        step, schedule = trainer.global_step, self.schedule
        if step % self.interval or step >= schedule.end:
            return
        self._marks.append((time.monotonic(), step))
        is_open = step >= schedule.warmup and (not schedule.moves or step > schedule.moves[-1][0])
        end = trainer.strategy.broadcast(self._planned_end(step) if is_open else schedule.end)
        if end != schedule.end:
            self._move(trainer, step, end)

    def _planned_end(self, step: int) -> int:
        """The end that fills the planned time at the recent speed; the present one if that is about as good."""
        (first, begun), (now, _) = self._marks[0], self._marks[-1]
        per_step = (now - first) / (step - begun)
        spent = now - self._began
        missed = spent + (self.schedule.end - step) * per_step - _AIM * self.seconds
        if abs(missed) <= max(_TOLERANCE * self.seconds, self.interval * per_step):
            return self.schedule.end
        left = (_AIM * self.seconds - spent) / per_step
        return (step // self.interval + max(1, round(left / self.interval))) * self.interval

    def _move(self, trainer: pl.Trainer, step: int, end: int) -> None:
        before = self.schedule.end
        self.schedule.move(step, end)
        if trainer.is_global_zero:
            self.record(self.schedule.moves)
        trainer.fit_loop.epoch_loop.max_steps = end
        if trainer.is_global_zero:
            with tqdm.external_write_mode(file=sys.stderr):  # clears the progress bar around the line
                log.info(
                    "step %s: to keep the planned time, the run ends at step %s, not %s",
                    *(f"{number:,}" for number in (step, end, before)),
                )

    def state_dict(self) -> dict[str, Any]:
        """Seconds spent so far."""
        return {"seconds": time.monotonic() - self._began}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from the seconds spent before; those since the start of this command count as well."""
        self._began -= float(state_dict["seconds"])
