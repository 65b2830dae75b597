"""What the training of a head asks of the head and of its data, and what it returns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from torch import Tensor

from tasks.inputs.batch import Batch


class Example(Protocol):
    """A sentence of a data set, with whatever a task knows of it."""

    @property
    def words(self) -> Sequence[str]:
        """One or more words."""


class Head(Protocol):
    """What ``finetune`` asks of a model, which is an ``nn.Module``."""

    def loss(self, batch: Batch) -> Tensor:
        """A scalar, the pull on the layers' weights included."""

    def predict(self, batch: Batch) -> Sequence[Any]:
        """One prediction a sentence."""

    def mix_weights(self) -> dict[str, tuple[list[float], float]]:
        """Layer weights and gamma by place; empty without an encoder."""


@dataclass
class FinetuneResult:
    """What a training run came to."""

    best_epoch: int = 0
    """Counted from 1; its weights are in the model."""
    dev_scores: dict[str, float] = field(default_factory=dict)
    """Of the best epoch."""
    epochs: list[dict[str, Any]] = field(default_factory=list)
    """Of each epoch: loss, scores, layer weights, seconds."""
    seconds_per_epoch: float = 0.0
    """Of training, without scoring dev."""
    words_per_second: float = 0.0
    """In training."""
    layer_seconds: float = 0.0
    """What it took to compute the layers of a frozen encoder, or to find them in the cache."""
    interrupted: bool = False
    """Whether someone stopped it; the best weights up to then are in the model."""
