"""The interfaces of a head and its data in training, and the result of training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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

    def mix_weights(self) -> dict[str, tuple[list[float], float]]:
        """Layer weights and gamma by place; empty without an encoder."""


class CalibratedHead(Protocol):
    """The interface of a model that ``fit_scales`` fits to dev."""

    @property
    def labels(self) -> Sequence[str]:
        """Names of the outputs."""

    @property
    def scales(self) -> Mapping[str, float]:
        """What is fitted, by name, in the order of the last arguments of ``log_likelihood``."""

    def evidence(self, batch: Any) -> Tensor:
        """What a batch says of the labels at any scales."""

    def log_likelihood(self, evidence: Tensor, batch: Any, *scales: float) -> Tensor:
        """The log-likelihood of the targets of each sentence or text, (B,), with scales."""


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
