"""Settings of a pretraining run; every field is a flag of ``elmo-lite pretrain``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from elmo_lite.errors import require
from elmo_lite.hardware import Precision, canonical_precision
from elmo_lite.nn.config import BiLMConfig


@dataclass(frozen=True, kw_only=True)
class HeadConfig:
    """Sampled softmax."""

    num_samples: int = 4096
    """Classes drawn in a step, shared by all positions and both directions; all where the vocabulary is smaller."""
    sampling_power: float = 0.75
    """Exponent in [0, 1] of the class counts that classes are drawn by: 0 uniform, 1 unigram."""

    def __post_init__(self) -> None:
        """Check ranges."""
        require(self.num_samples >= 1, "head.num_samples", "1 or more", self.num_samples)
        require(0 <= self.sampling_power <= 1, "head.sampling_power", "a number in [0, 1]", self.sampling_power)


@dataclass(frozen=True, kw_only=True)
class DataConfig:
    """How the corpus becomes batches."""

    batching: Literal["sentences", "windows"] = "sentences"
    """Whole sentences from zero states, or windows of the stream with states carried on."""
    batch_words: int = 2560
    """Predictions of one direction in a step."""
    max_length: int = 40
    """Windows: predictions in a row. Sentences: a longer one is cut into pieces of this length."""

    def __post_init__(self) -> None:
        """Check ranges."""
        require(self.batching in ("sentences", "windows"), "data.batching", "sentences or windows", self.batching)
        require(self.max_length >= 2, "data.max_length", "2 or more", self.max_length)
        require(
            self.batch_words >= self.max_length,
            "data.batch_words",
            f"at least data.max_length = {self.max_length}",
            self.batch_words,
        )


@dataclass(frozen=True, kw_only=True)
class OptimizerConfig:
    """AdamW or Muon for the encoder, Adam over touched rows of the head's table; linear warm-up and decay."""

    name: Literal["adamw", "muon"] = "adamw"
    """Muon takes the weight matrices; biases and embeddings are AdamW's either way."""
    learning_rate: float = 2e-3
    """Peak, of the dense part."""
    table_learning_rate: float = 2e-3
    """Peak, of the head's table."""
    weight_decay: float = 0.0
    """Decoupled, on weight matrices of the encoder."""
    betas: tuple[float, float] = (0.9, 0.99)
    """Decay of Adam's first and second moments."""
    warmup_steps: int = 200
    """Steps of linear warm-up, cut to a tenth of a short run."""
    gradient_clip: float = 1.0
    """Bound on the global norm of all gradients, dense and sparse."""

    def __post_init__(self) -> None:
        """Check ranges."""
        object.__setattr__(self, "betas", (float(self.betas[0]), float(self.betas[1])))
        require(self.name in ("adamw", "muon"), "optimizer.name", "adamw or muon", self.name)
        for name in ("learning_rate", "table_learning_rate", "gradient_clip"):
            require(getattr(self, name) > 0, f"optimizer.{name}", "a positive number", getattr(self, name))
        require(self.weight_decay >= 0, "optimizer.weight_decay", "0 or more", self.weight_decay)
        require(self.warmup_steps >= 0, "optimizer.warmup_steps", "0 or more", self.warmup_steps)
        require(all(0 <= beta < 1 for beta in self.betas), "optimizer.betas", "two numbers in [0, 1)", list(self.betas))


@dataclass(frozen=True, kw_only=True)
class PretrainConfig:
    """A pretraining run."""

    model: BiLMConfig = field(default_factory=BiLMConfig)
    """The encoder."""
    head: HeadConfig = field(default_factory=HeadConfig)
    """The softmax."""
    data: DataConfig = field(default_factory=DataConfig)
    """Batches."""
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    """Optimisation."""
    epochs: int = 10
    """Passes over the corpus, where neither --max_steps nor --max_time is given."""
    validations: int = 40
    """Full-softmax validations in a run, evenly spaced, on a held-out sample that costs at most 5 % of the time."""
    patience: int = 8
    """Validations without a better perplexity before the run stops early."""
    precision: Precision = "auto"
    """Precision of matrix products: float32, bfloat16, or auto: bfloat16 where the hardware computes in it."""
    devices: int = 1
    """GPUs, where there are any; every one reads batches of its own."""
    save_every_minutes: float = 10.0
    """Longest time between two saved states."""
    seed: int = 0
    """Of weights, batches, dropout and samples."""

    def __post_init__(self) -> None:
        """Check ranges."""
        object.__setattr__(self, "precision", canonical_precision(self.precision))
        require(self.epochs >= 1, "epochs", "1 or more", self.epochs)
        require(self.validations >= 1, "validations", "1 or more", self.validations)
        require(self.patience >= 1, "patience", "1 or more", self.patience)
        require(self.devices >= 1, "devices", "1 or more", self.devices)
        require(self.save_every_minutes > 0, "save_every_minutes", "a positive number", self.save_every_minutes)
