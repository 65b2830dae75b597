"""Settings of a pretraining run; every field is a flag of ``elmo-lite pretrain``."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

from elmo_lite.errors import require, require_range, require_seed
from elmo_lite.hardware import Precision, canonical_precision, check_device_name
from elmo_lite.nn.config import BiLMConfig

LARGEST = 2**24
"""Bound of the words of a step, far above what memory holds."""


@dataclass(frozen=True, kw_only=True)
class HeadConfig:
    """Sampled softmax over the vocabulary."""

    num_samples: int = 2048
    """Number of classes sampled per step, shared by all positions and both directions; at most the vocabulary size."""
    start: Literal["random", "word2vec"] = "random"
    """Class vectors of a new softmax: random, or word2vec vectors of the training text, which need gensim."""
    sampling_power: float = 0.75
    """Exponent in [0, 1] of the class counts in the sampling distribution: 0 is uniform, 1 is unigram."""

    def __post_init__(self) -> None:
        """Check ranges."""
        require(self.num_samples >= 1, "head.num_samples", "1 or more", self.num_samples)
        require(self.start in ("random", "word2vec"), "head.start", "random or word2vec", self.start)
        require(0 <= self.sampling_power <= 1, "head.sampling_power", "a number in [0, 1]", self.sampling_power)


@dataclass(frozen=True, kw_only=True)
class DataConfig:
    """Division of the corpus into batches."""

    batching: Literal["sentences", "windows"] = "sentences"
    """Whole sentences from zero states, or windows of the stream whose states carry over to the next step."""
    batch_words: int = 4096
    """Number of words that each direction predicts in a step, at least data.max_length."""
    max_length: int = 64
    """Length of a window, or of the pieces that longer sentences are cut into, in words; at least 2."""

    def __post_init__(self) -> None:
        """Check ranges."""
        require(self.batching in ("sentences", "windows"), "data.batching", "sentences or windows", self.batching)
        require_range(self.max_length, "data.max_length", 2, LARGEST)
        require(
            self.batch_words >= self.max_length,
            "data.batch_words",
            f"at least data.max_length = {self.max_length}",
            self.batch_words,
        )
        require_range(self.batch_words, "data.batch_words", 1, LARGEST)

    @property
    def num_rows(self) -> int:
        """Number of windows in a batch."""
        return max(1, self.batch_words // self.max_length)


@dataclass(frozen=True, kw_only=True)
class OptimizerConfig:
    """AdamW or Muon for the encoder, sparse Adam for the softmax table; linear warm-up and decay."""

    name: Literal["adamw", "muon"] = "muon"
    """Optimizer of the encoder. Muon updates weight matrices alone; AdamW then updates biases and embeddings."""
    learning_rate: float = 4e-3
    """Peak learning rate of the encoder."""
    table_learning_rate: float = 4e-3
    """Peak learning rate of the softmax table."""
    weight_decay: float = 0.0
    """Decoupled weight decay of the encoder's weight matrices, 0 or more."""
    betas: tuple[float, float] = (0.9, 0.99)
    """Decay rates of Adam's first and second moments, each in [0, 1)."""
    warmup_steps: int = 200
    """Number of steps of linear warm-up, at most a tenth of the run."""
    gradient_clip: float = 1.0
    """Maximum global norm of all gradients, dense and sparse."""

    def __post_init__(self) -> None:
        """Check ranges."""
        object.__setattr__(self, "betas", (float(self.betas[0]), float(self.betas[1])))
        require(self.name in ("adamw", "muon"), "optimizer.name", "adamw or muon", self.name)
        for name in ("learning_rate", "table_learning_rate", "gradient_clip"):
            require(0 < getattr(self, name) < math.inf, f"optimizer.{name}", "a positive number", getattr(self, name))
        require(0 <= self.weight_decay < math.inf, "optimizer.weight_decay", "0 or more", self.weight_decay)
        require(self.warmup_steps >= 0, "optimizer.warmup_steps", "0 or more", self.warmup_steps)
        require(all(0 <= beta < 1 for beta in self.betas), "optimizer.betas", "two numbers in [0, 1)", list(self.betas))


@dataclass(frozen=True, kw_only=True)
class PretrainConfig:
    """Settings of the run."""

    model: BiLMConfig = field(default_factory=BiLMConfig)
    """The encoder."""
    head: HeadConfig = field(default_factory=HeadConfig)
    """Sampled softmax."""
    data: DataConfig = field(default_factory=DataConfig)
    """Batches."""
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    """Optimizer."""
    epochs: int | None = None
    """Number of passes over the corpus if neither --max_steps nor --max_time is given. Defaults to one that suits its
    size."""
    validations: int = 40
    """Number of evenly spaced full-softmax validations, on a held-out sample that costs at most 5 % of the time."""
    patience: int = 8
    """Number of validations without a better perplexity before the run stops early."""
    precision: Precision = "auto"
    """Precision of matrix products. auto is bfloat16 if the hardware supports it, float32 otherwise; 32-true and
    bf16-mixed are older names."""
    device: str = "auto"
    """Device to train on: auto (a CUDA GPU if there is one), cpu, cuda or cuda:N. A resumed run may use another."""
    accelerator: Literal["auto", "cpu", "gpu"] = "auto"
    """Kind of device of several processes: gpu is one CUDA GPU each. auto is that of --device."""
    devices: int = 1
    """Number of processes on each machine, which share the batches; the run is the same. A resumed run may use another
    number."""
    num_nodes: int = 1
    """Number of machines, on each of which torchrun or srun starts the processes."""
    save_every_minutes: float = 10.0
    """Maximum time between two saved states in minutes."""
    seed: int = 0
    """Random seed, in 0..4294967295."""

    def __post_init__(self) -> None:
        """Check ranges."""
        object.__setattr__(self, "precision", canonical_precision(self.precision))
        check_device_name(self.device)
        self._check_processes()
        require_seed("seed", self.seed)
        require(self.epochs is None or self.epochs >= 1, "epochs", "1 or more", self.epochs)
        require(self.validations >= 1, "validations", "1 or more", self.validations)
        require(self.patience >= 1, "patience", "1 or more", self.patience)
        minutes = self.save_every_minutes
        require(0 < minutes < math.inf, "save_every_minutes", "a positive number", minutes)

    def _check_processes(self) -> None:
        """Check numbers of processes, and that ``accelerator`` and ``device`` agree."""
        require(self.accelerator in ("auto", "cpu", "gpu"), "accelerator", "auto, cpu or gpu", self.accelerator)
        require(self.devices >= 1, "devices", "1 or more", self.devices)
        require(self.num_nodes >= 1, "num_nodes", "1 or more", self.num_nodes)
        fitting = {"auto": ("",), "cpu": ("auto", "cpu"), "gpu": ("auto", "cuda")}[self.accelerator]
        require(self.device.startswith(fitting), "device", f"one of --accelerator {self.accelerator}", self.device)
        is_one = self.devices == self.num_nodes == 1
        require(is_one or ":" not in self.device, "device", "cuda, of which each process takes its own", self.device)

    @property
    def wanted_device(self) -> str:
        """Name of the device, of both settings together."""
        if self.device == "auto" and self.accelerator != "auto":
            return {"cpu": "cpu", "gpu": "cuda"}[self.accelerator]
        return self.device


ON_WHICH_NOTHING_DEPENDS = ("device", "accelerator", "devices", "num_nodes")
"""Settings of the machine. A run is the same with others, so it does not keep them."""
