"""Settings of the training of a head, with its encoder frozen or trained along."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from elmo_lite.errors import require
from elmo_lite.hardware import Precision, canonical_precision

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
