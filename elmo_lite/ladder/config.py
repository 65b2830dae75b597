"""Settings of a ladder; every field is a flag of ``elmo-lite ladder``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from elmo_lite.errors import require, require_range, require_seed
from elmo_lite.hardware import Precision, canonical_precision, check_device_name
from elmo_lite.nn.config import WIDEST, CharCNNConfig
from elmo_lite.nn.forward_config import LONGEST_WINDOW
from elmo_lite.pretraining.config import DataConfig, HeadConfig, OptimizerConfig
from elmo_lite.pretraining.duration import parse_duration

RungName = Literal[
    "unigram", "bigram", "ngram", "window", "rnn_tanh", "rnn_relu", "gru", "lstm", "lstm2", "char_lstm", "bilm"
]
LONGEST_ORDER = 10


@dataclass(frozen=True, kw_only=True)
class LadderConfig:
    """Settings of a ladder."""

    rungs: tuple[RungName, ...] = (
        "unigram",
        "bigram",
        "ngram",
        "window",
        "rnn_tanh",
        "rnn_relu",
        "gru",
        "lstm",
        "lstm2",
        "char_lstm",
        "bilm",
    )
    """Models to compare, in this order: unigram, bigram, ngram (Kneser-Ney), window (feed-forward), rnn_tanh, rnn_relu,
    gru, lstm, lstm2 (two layers with a residual connection), char_lstm (lstm2 over a character CNN), bilm."""
    equal: Literal["time", "parameters"] = "time"
    """What the neural models have in common: the time of their training, at one width; or the number of parameters,
    that of lstm, and the number of epochs."""
    max_time: str = "30s"
    """Duration of the training of each neural model, such as 30s or 45m, with --equal time."""
    epochs: int = 5
    """Number of passes over the corpus of each neural model, with --equal parameters."""
    dim: int = 128
    """Width of the word vectors and of the layers; with --equal parameters, that of lstm."""
    order: int = 5
    """Length of the longest n-gram, history and word, in 1..10."""
    window: int = 4
    """Number of words that the feed-forward model reads, one less than the order of an n-gram model."""
    char_cnn: CharCNNConfig = field(default_factory=CharCNNConfig)
    """Token layer of char_lstm and bilm."""
    dropout: float = 0.2
    """Dropout probability of the input of every layer and of the last output, in [0, 1)."""
    variational_dropout: bool = True
    """Use one dropout mask for each sentence or window, instead of one for each position."""
    head: HeadConfig = field(default_factory=HeadConfig)
    """Sampled softmax in training."""
    data: DataConfig = field(default_factory=DataConfig)
    """Batches. With windows, all models read over sentence ends; with sentences, none does."""
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    """Optimizer."""
    validations: int = 10
    """Number of evenly spaced full-softmax validations of a model in training; the best of these models is kept."""
    validated_words: int = 8000
    """Size of their held-out sample in words, the same for all models."""
    patience: int = 8
    """Number of validations without a better perplexity before the training of a model stops early."""
    precision: Precision = "auto"
    """Precision of matrix products in training: auto, float32 or bfloat16. Perplexities of the table are of float32."""
    device: str = "auto"
    """Device of the neural models: auto (a CUDA GPU if there is one), cpu, cuda or cuda:N. A resumed ladder may use
    another."""
    seed: int = 0
    """Random seed of weights, batches and generated sentences, in 0..4294967295."""

    def __post_init__(self) -> None:
        """Check ranges."""
        object.__setattr__(self, "rungs", tuple(self.rungs))
        object.__setattr__(self, "precision", canonical_precision(self.precision))
        require(len(self.rungs) > 0, "rungs", "at least one model", list(self.rungs))
        require(len(set(self.rungs)) == len(self.rungs), "rungs", "each model once", list(self.rungs))
        require(self.equal in ("time", "parameters"), "equal", "time or parameters", self.equal)
        parse_duration(self.max_time)
        check_device_name(self.device)
        require_range(self.order, "order", 1, LONGEST_ORDER)
        require_range(self.window, "window", 1, LONGEST_WINDOW)
        require_range(self.dim, "dim", 1, WIDEST)
        require(0 <= self.dropout < 1, "dropout", "a probability in [0, 1)", self.dropout)
        for name in ("epochs", "validations", "validated_words", "patience"):
            require(getattr(self, name) >= 1, name, "1 or more", getattr(self, name))
        require_seed("seed", self.seed)

    @property
    def carries_states(self) -> bool:
        """Whether models read over sentence ends."""
        return self.data.batching == "windows"
