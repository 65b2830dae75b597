"""Early stopping that lets the learning rate fall first."""

from __future__ import annotations

import math

import pytorch_lightning as pl
from pytorch_lightning.callbacks import EarlyStopping

from elmo_lite.pretraining.schedule import Schedule

LATE = 0.1
"""Factor of the peak learning rate below which a run may stop early.

Perplexity falls most while the learning rate falls to zero: of 172 steps on 280,000 words of tweets, a run that was
stopped at step 84 had a held-out perplexity of 71, and 58 at its end.
"""


class StopEarly(EarlyStopping):
    """Stop a run whose held-out nats have not fallen for ``patience`` validations once its learning rate is low."""

    def __init__(self, patience: int, schedule: Schedule) -> None:
        """Watch "val/nats" of a run with this schedule."""
        super().__init__("val/nats", patience=patience, check_finite=True)
        self.schedule = schedule

    @property
    def state_key(self) -> str:
        """That of Lightning's class, as states hold it."""
        return super().state_key.replace(type(self).__name__, EarlyStopping.__name__, 1)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """A resumed run that has stopped early stays so, unless its end was moved."""
        has_stopped = self.wait_count >= self.patience and self.schedule.factor(trainer.global_step) < LATE
        trainer.should_stop = trainer.should_stop or has_stopped

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Count validations; a run that may not stop yet goes on, unless its loss is not finite."""
        super().on_validation_end(trainer, pl_module)
        is_early = self.schedule.factor(trainer.global_step) >= LATE
        if trainer.should_stop and is_early and math.isfinite(float(trainer.callback_metrics[self.monitor])):
            trainer.should_stop, self.stopped_epoch = False, 0

    def reason(self, trainer: pl.Trainer) -> str:
        """Why the run was stopped."""
        if not math.isfinite(float(trainer.callback_metrics.get(self.monitor, 0.0))):
            return "the held-out perplexity is not finite"
        rate = f"{100 * self.schedule.factor(trainer.global_step):.1f} % of its peak"
        return f"no better held-out perplexity in {self.wait_count} validations (--patience), learning rate at {rate}"
