"""Training of a head, with its encoder frozen or along with it: settings, result, and the function that trains.

Learning rates fall in a line to zero at the end of the last epoch, and the weights of the best epoch on dev are kept.
Where the score on dev has not risen for some epochs, training ends earlier.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar

from torch import Tensor, nn

from elmo_lite import CorpusError, Elmo
from elmo_lite.errors import require
from elmo_lite.files import write_json
from elmo_lite.hardware import Precision, canonical_precision
from tasks.inputs.batch import Batch
from tasks.training.seeds import run_seeds

__all__ = ["METRICS", "Example", "FinetuneConfig", "FinetuneResult", "Head", "finetune", "run_seeds"]

log = logging.getLogger("elmo_lite")

METRICS = "metrics.json"
MIN_EPOCHS, MAX_EPOCHS, FEW_STEPS = 8, 30, 1500
MIN_PATIENCE = 5


@dataclass(frozen=True, kw_only=True)
class FinetuneConfig:
    """How a head is trained."""

    max_epochs: int | None = None
    """Passes over the training data at most; the learning rates fall in a line to 0 at the last one's end. Where null
    8, or of small data as many as make 1,500 steps, but no more than 30."""
    patience: int | None = None
    """Epochs without a better score on dev before training ends; where null half of max_epochs, but no less than 5."""
    batch_size: int = 32
    """Sentences of a batch."""
    learning_rate: float = 3e-3
    """Of AdamW at the beginning, for everything but the encoder."""
    encoder_learning_rate: float = 1e-4
    """Of the encoder's top layer, where the encoder is trained."""
    layer_decay: float = 2.6
    """What a layer's learning rate is divided by for the layer below."""
    gradual_unfreezing: bool = False
    """Train the head alone first, then one more layer of the encoder an epoch from the top."""
    weight_decay: float = 0.0
    """Of matrices, decoupled from the gradient; biases and layer weights have none."""
    gradient_clip: float = 5.0
    """Norm of all gradients together at most; 0 for no bound."""
    seed: int = 0
    """Of order and dropout."""
    cache: Literal["auto", "on", "off"] = "auto"
    """Whether the layers of a frozen encoder are kept on disk; auto keeps them for more than one epoch."""
    cache_dir: str = ""
    """Where; below the user's cache directory where empty."""
    precision: Precision = "auto"
    """Precision of training steps: float32, bfloat16, or auto: bfloat16 where the hardware computes in it. Scores are
    always computed in float32."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """auto takes a GPU where there is one."""
    pictures: bool = True
    """Draw learning curve and layer weights (needs matplotlib)."""

    def __post_init__(self) -> None:
        """Check ranges."""
        for name in ("max_epochs", "patience", "batch_size"):
            value = getattr(self, name)
            require(value is None or value >= 1, name, "1 or more", value)
        for name in ("learning_rate", "encoder_learning_rate"):
            require(0 < getattr(self, name) < float("inf"), name, "a positive number", getattr(self, name))
        for name in ("weight_decay", "gradient_clip"):
            require(0 <= getattr(self, name) < float("inf"), name, "0 or more", getattr(self, name))
        require(self.layer_decay >= 1, "layer_decay", "1 or more", self.layer_decay)
        require(self.cache in ("auto", "on", "off"), "cache", "auto, on or off", self.cache)
        object.__setattr__(self, "precision", canonical_precision(self.precision))
        require(self.device in ("auto", "cpu", "cuda"), "device", "auto, cpu or cuda", self.device)

    def epochs_and_patience(self, num_sentences: int) -> tuple[int, int]:
        """``max_epochs`` and ``patience`` for a training set of some size, where they are not given."""
        steps = -(-num_sentences // self.batch_size)
        few = min(MAX_EPOCHS, -(-FEW_STEPS // steps))
        epochs = self.max_epochs or max(MIN_EPOCHS, few)
        return epochs, self.patience or max(MIN_PATIENCE, epochs // 2)


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


ExampleT = TypeVar("ExampleT", bound=Example)


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


def finetune(
    model: nn.Module,
    train: Sequence[ExampleT],
    dev: Sequence[ExampleT],
    *,
    targets: Callable[[ExampleT], Sequence[int] | int],
    score: Callable[[Sequence[ExampleT], list[Any]], dict[str, float]],
    config: FinetuneConfig,
    out: Path,
    elmo: Elmo | None = None,
    model_hash: str = "",
    progress: bool = True,
) -> FinetuneResult:
    """Train a model on ``train`` until ``dev`` says stop, and leave it with its best weights, in eval mode.

    Args:
        model: a ``Head``.
        train: sentences to learn from.
        dev: sentences to choose the epoch by.
        targets: what shall be predicted of a training sentence: a number for each word, or one.
        score: of sentences and predictions, in percent; "main" decides, higher is better.
        config: settings.
        out: directory for ``metrics.json`` and pictures; made if need be.
        elmo: the frozen encoder, whose layers are computed once. Where the model trains its encoder, which is then a
            part of it, the model computes the layers itself.
        model_hash: ``encoder_hash(elmo)`` where the caller has it.
        progress: show a bar and a line an epoch on standard error.

    Raises:
        CorpusError: no sentences, or one without words.
        ConfigError: a device that is not there.
        ElmoLiteError: the loss is no number any more.
        KeyboardInterrupt: before the first epoch was scored; later ones end the training, see ``interrupted``.
    """
    from tasks.training.loop import fit  # Lightning is loaded by those who train, not by those who predict

    for name, examples in (("train", train), ("dev", dev)):
        if not examples:
            raise CorpusError(f"{name}: expected at least one sentence, found none")
        for number, example in enumerate(examples):
            if not example.words:
                raise CorpusError(f"{name}: sentence {number}: expected at least one word, found none")
    result = fit(model, train, dev, targets, score, config, elmo, model_hash, progress)
    facts = dataclasses.asdict(result)
    write_json(
        out / METRICS,
        {"complete": not result.interrupted, "config": dataclasses.asdict(config), **facts},
        allow_nan=True,
    )
    if config.pictures:
        from tasks.training.pictures import draw_training

        draw_training(result.epochs, result.best_epoch, out)
    return result
