"""Callbacks of a pretraining run: progress bar, saved state, best model."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from tqdm import tqdm

from elmo_lite.distributed.group import largest, wait_for_all
from elmo_lite.files import replace_file
from elmo_lite.nn.bilm import DIRECTIONS
from elmo_lite.stopping import StopRequest, StopTraining

FIRST_STATE_SECONDS = 60.0
"""Maximum time to the first saved state in seconds."""


_PERPLEXITIES = (*(f"{direction}_perplexity" for direction in DIRECTIONS), "perplexity_without_unknown")


class Progress(pl.Callback):
    """Progress bar on standard error, with words/s, loss, latest perplexities and remaining time."""

    def __init__(self) -> None:
        """Initialise without a bar; training opens it."""
        self._bar: tqdm[Any] | None = None
        self._since = (0.0, 0)
        self._shown: dict[str, str] = {}

    def on_train_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Open the bar at the current step."""
        if trainer.is_global_zero:
            self._bar = tqdm(total=trainer.max_steps, initial=trainer.global_step, desc="pretrain", unit="step")
            if not self._bar.fp.isatty():  # a log file gets a line every 15 seconds or so
                self._bar.mininterval, self._bar.maxinterval, self._bar.miniters = 15.0, 30.0, 1
        self._since = (time.perf_counter(), 0)

    def on_train_batch_end(
        self, trainer: pl.Trainer, module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Advance the bar, and refresh its figures about once a second."""
        start, words = self._since
        self._since = (start, words + batch.step_words)
        if self._bar is None:
            return
        self._bar.total = trainer.max_steps  # moves with a planned time
        elapsed = time.perf_counter() - start
        if elapsed > 1.0:
            self._shown["words/s"] = f"{self._since[1] / elapsed:,.0f}"
            loss = trainer.callback_metrics.get("train/sampled_loss", outputs["loss"])  # that of all processes
            self._shown["loss"] = f"{float(loss):.3f}"
            self._bar.set_postfix(self._shown, refresh=False)
            self._since = (time.perf_counter(), 0)
        self._bar.update(1)

    def on_validation_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Show the held-out perplexities, and exclude the time of validation from the speed."""
        self._since = (time.perf_counter(), 0)
        metrics = trainer.callback_metrics
        if self._bar is not None and "val/forward_perplexity" in metrics:
            names = [f"val/{direction}_perplexity" for direction in DIRECTIONS]
            self._shown["held-out ppl"] = "/".join(f"{float(metrics[name]):.1f}" for name in names if name in metrics)
            self._bar.set_postfix(self._shown, refresh=False)

    def close(self) -> None:
        """Close the bar if it is open."""
        if self._bar is not None:
            self._bar.close()

    def on_train_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Close the bar."""
        self.close()

    def on_exception(self, trainer: pl.Trainer, module: pl.LightningModule, exception: BaseException) -> None:
        """Close the bar before an error is printed."""
        self.close()


class SaveState(pl.Callback):
    """Save the training state atomically: at regular intervals, when a stop is requested, and at the end.

    The state of a step with a validation is saved after the validation, and after the best model that it may yield.
    So a run that is killed in between repeats the validation, and state and model always belong together. This
    callback comes last.
    """

    def __init__(self, path: Path, minutes: float, request: StopRequest, interval: int | None) -> None:
        """Save to ``path``.

        Args:
            path: File of the state. Its folder is created.
            minutes: Time between two states. The first one is saved after the first validation or one minute.
            request: Stops training once the state is saved.
            interval: Number of steps between two validations. None means no validations.
        """
        self.path, self.seconds, self.request, self.interval = path, minutes * 60, request, interval
        self._due = time.monotonic() + min(self.seconds, FIRST_STATE_SECONDS)
        self._has_saved = False
        self.has_started = False
        """Whether training has begun, with everything restored."""

    def on_train_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Take the signals back from Lightning, which ends the process on SIGTERM without saving."""
        self.has_started = True
        self.request.listen()

    def _save(self, trainer: pl.Trainer) -> None:
        self.path.parent.mkdir(exist_ok=True)
        # All processes take part in saving; one of them writes.
        with replace_file(self.path) if trainer.is_global_zero else nullcontext(self.path) as scratch:
            trainer.save_checkpoint(scratch)
        self._due, self._has_saved = time.monotonic() + self.seconds, True

    def _save_if_due(self, trainer: pl.Trainer, due: bool) -> None:
        """Save together with all other processes if it is due for one of them, and stop if one was asked to."""
        signal_number, saves = largest(self.request.signal_number, due or time.monotonic() >= self._due)
        if signal_number or saves:
            self._save(trainer)
        if signal_number:
            self.request.signal_number = int(signal_number)
            raise StopTraining

    def on_train_batch_end(
        self, trainer: pl.Trainer, module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Save if a state is due and no validation follows.

        Raises:
            StopTraining: A stop was requested, and the state is saved.
        """
        if self.interval is None or trainer.global_step % self.interval != 0:
            self._save_if_due(trainer, due=False)

    def on_validation_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Save if a state is due, or none was saved so far.

        Raises:
            StopTraining: A stop was requested, and the state is saved.
        """
        self._save_if_due(trainer, due=not self._has_saved)

    def on_train_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Save the final state."""
        self._save(trainer)


class SaveBest(pl.Callback):
    """Save the model whenever its held-out nats per word are the lowest so far, across resumed runs too."""

    def __init__(self, save: Callable[[dict[str, Any]], None]) -> None:
        """Call ``save`` with the metadata of each new best model."""
        self._save = save
        self.best: dict[str, Any] = {}

    def on_validation_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Save the model if it is the best so far."""
        metrics = {name: float(value) for name, value in trainer.callback_metrics.items() if name.startswith("val/")}
        if trainer.sanity_checking or not metrics or not metrics["val/nats"] < self.best.get("nats", float("inf")):
            return
        self.best = {
            "step": trainer.global_step,
            "nats": metrics["val/nats"],
            **{name: metrics[f"val/{name}"] for name in _PERPLEXITIES if f"val/{name}" in metrics},
        }
        if trainer.is_global_zero:
            self._save(self.best)
        wait_for_all()

    def state_dict(self) -> dict[str, Any]:
        """Step and metrics of the best model so far."""
        return dict(self.best)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore step and metrics of the best model so far."""
        self.best = dict(state_dict)
