"""Callbacks of a pretraining run: progress bar, saved state, best model."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from tqdm import tqdm

from elmo_lite.files import replace_file
from elmo_lite.nn.bilm import DIRECTIONS


class Progress(pl.Callback):
    """A bar of steps with words/s, loss, the last perplexities and the time left, on standard error."""

    def __init__(self) -> None:
        """Make a bar for the run to come."""
        self._bar: tqdm[Any] | None = None
        self._since = (0.0, 0)
        self._shown: dict[str, str] = {}

    def on_train_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Open the bar where the run stands."""
        if trainer.is_global_zero:
            self._bar = tqdm(total=trainer.max_steps, initial=trainer.global_step, desc="pretrain", unit="step")
            if not self._bar.fp.isatty():  # a log file gets a line now and then, not a movie
                self._bar.mininterval, self._bar.maxinterval, self._bar.miniters = 15.0, 30.0, 1
        self._since = (time.perf_counter(), 0)

    def on_train_batch_end(
        self, trainer: pl.Trainer, module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Move the bar; refresh its figures about once a second."""
        start, words = self._since
        self._since = (start, words + batch.num_words * trainer.world_size)
        if self._bar is None:
            return
        elapsed = time.perf_counter() - start
        if elapsed > 1.0:
            self._shown["words/s"] = f"{self._since[1] / elapsed:,.0f}"
            self._shown["loss"] = f"{float(outputs['loss']):.3f}"
            self._bar.set_postfix(self._shown, refresh=False)
            self._since = (time.perf_counter(), 0)
        self._bar.update(1)

    def on_validation_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Show the held-out perplexities, and do not count the time they took as training."""
        self._since = (time.perf_counter(), 0)
        metrics = trainer.callback_metrics
        if self._bar is not None and "val/forward_perplexity" in metrics:
            values = [float(metrics[f"val/{direction}_perplexity"]) for direction in DIRECTIONS]
            self._shown["held-out ppl"] = f"{values[0]:.1f}/{values[1]:.1f}"
            self._bar.set_postfix(self._shown, refresh=False)

    def close(self) -> None:
        """End the bar's line."""
        if self._bar is not None:
            self._bar.close()

    def on_train_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Close the bar."""
        self.close()

    def on_exception(self, trainer: pl.Trainer, module: pl.LightningModule, exception: BaseException) -> None:
        """Close the bar before an error is printed."""
        self.close()


class SaveState(pl.Callback):
    """Saves the training state atomically, every few minutes and at the end."""

    def __init__(self, path: Path, minutes: float) -> None:
        """Write to ``path`` at least every ``minutes``."""
        self.path, self.seconds = path, minutes * 60
        self._last = time.monotonic()

    def _save(self, trainer: pl.Trainer) -> None:
        # Every process takes part in saving, one of them writes.
        with replace_file(self.path) if trainer.is_global_zero else nullcontext(self.path) as scratch:
            trainer.save_checkpoint(scratch)
        self._last = time.monotonic()

    def on_train_batch_end(
        self, trainer: pl.Trainer, module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Save when it is time."""
        due = time.monotonic() - self._last >= self.seconds
        if trainer.strategy.broadcast(due):  # processes must save together
            self._save(trainer)

    def on_train_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Save the last state."""
        self._save(trainer)


class SaveBest(pl.Callback):
    """Writes the model whenever its held-out nats are the lowest so far; the lowest and its step survive a resume."""

    def __init__(self, save: Callable[[dict[str, Any]], None]) -> None:
        """Call ``save`` with the metadata of each new best model."""
        self._save = save
        self.best: dict[str, Any] = {}

    def on_validation_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Compare, and save."""
        metrics = {name: float(value) for name, value in trainer.callback_metrics.items() if name.startswith("val/")}
        if trainer.sanity_checking or not metrics or not metrics["val/nats"] < self.best.get("nats", float("inf")):
            return
        self.best = {
            "step": trainer.global_step,
            "nats": metrics["val/nats"],
            "forward_perplexity": metrics["val/forward_perplexity"],
            "backward_perplexity": metrics["val/backward_perplexity"],
        }
        if trainer.is_global_zero:
            self._save(self.best)

    def state_dict(self) -> dict[str, Any]:
        """The best so far."""
        return dict(self.best)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the best so far."""
        self.best = dict(state_dict)
