"""Perplexity over time while a rung is trained."""

from __future__ import annotations

import time
from typing import Any

import pytorch_lightning as pl


class Clock(pl.Callback):
    """Records the seconds of training and the held-out perplexity at each validation, across resumed runs too."""

    def __init__(self) -> None:
        """Start with nothing recorded."""
        self.points: list[list[float]] = []
        """Seconds and perplexity of the forward model, by validation."""
        self._before = 0.0
        self._since: float | None = None

    @property
    def seconds(self) -> float:
        """Seconds of training so far, validations included."""
        return self._before + (0.0 if self._since is None else time.monotonic() - self._since)

    def on_train_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Count from here on."""
        self._since = time.monotonic()

    def on_train_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Stop counting."""
        self._before, self._since = self.seconds, None

    def on_validation_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Record a point."""
        self.points.append([self.seconds, float(trainer.callback_metrics["val/forward_perplexity"])])

    def state_dict(self) -> dict[str, Any]:
        """Seconds and points so far."""
        return {"seconds": self.seconds, "points": [list(point) for point in self.points]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from the seconds and points before."""
        self._before, self.points = float(state_dict["seconds"]), [list(point) for point in state_dict["points"]]
