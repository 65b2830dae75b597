"""The interfaces of a head and its data in training, and the result of training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from torch import Tensor

from tasks.inputs.batch import Batch


class Example(Protocol):
    """A sentence of a data set, with the labels of a task."""

    @property
    def words(self) -> Sequence[str]:
        """Words of the sentence, 1 or more."""


class Head(Protocol):
    """The interface of a model that ``finetune`` trains; the model is an ``nn.Module``."""

    def loss(self, batch: Batch) -> Tensor:
        """The loss of a batch, a scalar that includes the L2 penalty of the layer weights."""

    def predict(self, batch: Batch) -> Sequence[Any]:
        """Return one prediction per sentence."""

    def log_likelihood(self, scores: Tensor, batch: Batch, temperature: float) -> Tensor:
        """The log-likelihood of the targets of each sentence, (B,), from the scores that the module returned for it.

        ``temperature`` divides all scores. A model whose probabilities heed its attribute ``temperature`` may have this
        method, and is calibrated after its training then. If more than the temperature is to be fitted, its attribute
        ``scales`` has the names of the attributes, in the order of the arguments after ``batch``; if more than what the
        module returns is needed, its method ``evidence`` returns that in place of the scores.
        """

    def mix_weights(self) -> dict[str, tuple[list[float], float]]:
        """Layer weights and gamma by place; empty without an encoder."""


@dataclass
class FinetuneResult:
    """The result of a training run."""

    best_epoch: int = 0
    """Number of the best epoch, from 1; the model has its weights."""
    dev_scores: dict[str, float] = field(default_factory=dict)
    """Scores of the best epoch on dev."""
    epochs: list[dict[str, Any]] = field(default_factory=list)
    """Loss, scores, layer weights and seconds of each epoch."""
    seconds_per_epoch: float = 0.0
    """Mean training time of an epoch, without scoring dev."""
    words_per_second: float = 0.0
    """Number of training words per second of training time."""
    layer_seconds: float = 0.0
    """Time to compute the layers of a frozen encoder, or to find them in the cache."""
    stop_signal: int = 0
    """Number of the signal that stopped training; 0 for none."""

    @property
    def interrupted(self) -> bool:
        """Whether training was interrupted; the model has the best weights up to then."""
        return self.stop_signal != 0
