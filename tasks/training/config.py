"""Settings of the training of a head, with a frozen or a trained encoder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from elmo_lite.errors import require, require_seed
from elmo_lite.hardware import Precision, canonical_precision, check_device_name

MIN_EPOCHS, MAX_EPOCHS, FEW_STEPS = 8, 30, 1500
BATCH_SIZE, SMALL_BATCH_SIZE, FEW_SENTENCES = 64, 32, 10_000
MIN_PATIENCE = 5


@dataclass(frozen=True, kw_only=True)
class FinetuneConfig:
    """Training of a head."""

    max_epochs: int | None = None
    """Maximum number of epochs; the learning rates decay linearly to 0 at the end of the last one. Defaults to 8, or to
    the number that makes 1,500 steps of at most 32 sentences, at most 30."""
    patience: int | None = None
    """Number of epochs with a score on dev below the best before training stops. Defaults to half of max_epochs, at
    least 5."""
    batch_size: int | None = None
    """Number of sentences in a batch. Defaults to 64; to 32 for fewer than 10,000 sentences, or if the encoder is
    trained."""
    learning_rate: float = 3e-3
    """Initial learning rate of AdamW for everything but the encoder."""
    mix_learning_rate: float | None = None
    """Initial learning rate of what combines the layers. Defaults to that of the head for layer weights and gamma, and
    to a tenth of it for the matrices of concat and function."""
    encoder_learning_rate: float = 1e-4
    """Initial learning rate of the encoder's top layer, if the encoder is trained."""
    layer_decay: float = 2.6
    """Factor of 1 or more by which the learning rate of each encoder layer is lower than that of the layer above."""
    gradual_unfreezing: bool = False
    """Train the head alone in the first epoch, and one more encoder layer in each epoch, from the top down."""
    weight_decay: float = 0.0
    """Decoupled weight decay of weight matrices, 0 or more; biases and layer weights have none."""
    gradient_clip: float = 5.0
    """Maximum global norm of all gradients; 0 for none."""
    seed: int = 0
    """Random seed, in 0..4294967295."""
    split_seed: int = 0
    """Random seed of what is held out of train: dev where none is given, and the folds of --folds."""
    cache: Literal["auto", "on", "off"] = "auto"
    """Whether the layers of a frozen encoder are kept on disk. auto keeps them if there is more than one epoch."""
    cache_dir: str = ""
    """Directory of these layers. Defaults to a folder of the user's cache directory."""
    precision: Precision = "auto"
    """Precision of training steps. auto is bfloat16 if the hardware supports it, float32 otherwise; 32-true and
    bf16-mixed are older names. Scores are always computed in float32."""
    device: str = "auto"
    """Device to train on: auto (a GPU if there is one), cpu, cuda, cuda:N or mps."""
    calibrate: bool = True
    """Fit a temperature on dev after the training, so that the probabilities of predictions mean what they say."""
    pictures: bool = True
    """Draw the learning curve, layer weights, confusion matrices and reliability curves (needs matplotlib)."""
    keep_predictions: bool = True
    """Keep the predictions on dev, with the text of dev, in predictions.jsonl, for elmo-lite report."""

    def __post_init__(self) -> None:
        """Check ranges."""
        for name in ("max_epochs", "patience", "batch_size"):
            value = getattr(self, name)
            require(value is None or value >= 1, name, "1 or more", value)
        for name in ("learning_rate", "mix_learning_rate", "encoder_learning_rate"):
            rate = getattr(self, name)
            require(rate is None or 0 < rate < float("inf"), name, "a positive number", rate)
        for name in ("weight_decay", "gradient_clip"):
            require(0 <= getattr(self, name) < float("inf"), name, "0 or more", getattr(self, name))
        require(1 <= self.layer_decay < float("inf"), "layer_decay", "1 or more", self.layer_decay)
        require(self.cache in ("auto", "on", "off"), "cache", "auto, on or off", self.cache)
        object.__setattr__(self, "precision", canonical_precision(self.precision))
        check_device_name(self.device)
        require_seed("seed", self.seed)
        require_seed("split_seed", self.split_seed)

    def batch_size_for(self, num_sentences: int, *, trains_encoder: bool = False) -> int:
        """``batch_size``, or its default for a training set of ``num_sentences`` sentences."""
        is_small = trains_encoder or num_sentences < FEW_SENTENCES
        return self.batch_size or (SMALL_BATCH_SIZE if is_small else BATCH_SIZE)

    def epochs_and_patience(self, num_sentences: int) -> tuple[int, int]:
        """``max_epochs`` and ``patience``, or their defaults for a training set of ``num_sentences`` sentences."""
        steps = -(-num_sentences // min(self.batch_size or SMALL_BATCH_SIZE, SMALL_BATCH_SIZE))
        few = min(MAX_EPOCHS, -(-FEW_STEPS // steps))
        epochs = self.max_epochs or max(MIN_EPOCHS, few)
        return epochs, self.patience or max(MIN_PATIENCE, epochs // 2)
