"""Settings of a sentiment classifier and its training; every field is a flag of ``elmo-lite sentiment train``."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from elmo_lite import ConfigError
from tasks.inputs.representation import EncoderConfig
from tasks.inputs.word_inputs import WordInputConfig
from tasks.sentiment.bcn import BCNConfig
from tasks.sentiment.data import DataConfig
from tasks.sentiment.pooled_head import PooledConfig
from tasks.training.config import FinetuneConfig

_SHORT = {
    "encoder": "representation",
    "freeze": "representation",
    "words": "inputs",
    "chars": "inputs",
    "max_epochs": "finetune",
}
"""Fields that are given without their group's name too."""


@dataclass(frozen=True, kw_only=True)
class SentimentConfig:
    """A sentiment classifier; the first five fields stand for the groups' fields of those names, and win over them."""

    encoder: str | None = None
    """"none", or a saved model: a directory or a name on the model hub."""
    freeze: bool | None = None
    """Leave the encoder as it is; trained along with the task otherwise."""
    words: str | None = None
    """"none", "trainable", or a file of vectors (GloVe, word2vec, fastText)."""
    chars: bool | None = None
    """Also a character CNN, learned with the task."""
    max_epochs: int | None = None
    """Passes over the training data at most."""
    head: Literal["pooled", "bcn"] = "pooled"
    """A hidden layer at each word, pooled over the words; or the biattentive classification network."""
    tokenizer: Literal["auto", "words", "whitespace"] = "auto"
    """How texts become words: auto is the encoder's own way, and "words" without one. Trees are words already."""
    encoder_inside: bool = True
    """Keep a copy of a frozen encoder with the classifier; otherwise it is named by path and hash."""
    data: DataConfig = field(default_factory=DataConfig)
    """What is read."""
    inputs: WordInputConfig = field(default_factory=WordInputConfig)
    """The task's own word vectors."""
    representation: EncoderConfig = field(default_factory=EncoderConfig)
    """How the encoder is used."""
    pooled: PooledConfig = field(default_factory=PooledConfig)
    """Sizes of the pooled head."""
    bcn: BCNConfig = field(default_factory=BCNConfig)
    """Sizes of the biattentive classification network."""
    finetune: FinetuneConfig = field(default_factory=lambda: FinetuneConfig(learning_rate=1e-3))
    """Training; the pooled head learns best at a third of the tagger's rate."""

    def __post_init__(self) -> None:
        """Put the short fields into their groups; they are None from here on, so that each setting stands once."""
        for name, group in _SHORT.items():
            if getattr(self, name) is not None:
                changed = dataclasses.replace(getattr(self, group), **{name: getattr(self, name)})
                object.__setattr__(self, group, changed)
                object.__setattr__(self, name, None)
        for name, known in (("head", ("pooled", "bcn")), ("tokenizer", ("auto", "words", "whitespace"))):
            if getattr(self, name) not in known:
                raise ConfigError(f"{name}: expected one of {', '.join(known)}, found {getattr(self, name)!r}")
        if self.representation.output_mix and self.head == "pooled":
            raise ConfigError(
                "representation.output_mix: expected false for the pooled head, which has no RNN, found true (try bcn)"
            )

    @property
    def head_config(self) -> PooledConfig | BCNConfig:
        """Sizes of the head that is used."""
        return self.bcn if self.head == "bcn" else self.pooled

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, without the folders of files and models: they are of the machine that trained."""
        settings = {name: value for name, value in dataclasses.asdict(self).items() if name not in _SHORT}
        settings["inputs"]["words"] = Path(self.inputs.words).name
        settings["representation"]["encoder"] = Path(self.representation.encoder).name
        settings["finetune"]["cache_dir"] = ""
        settings["bcn"]["maxout_dims"] = list(self.bcn.maxout_dims)
        return settings

    @classmethod
    def from_dict(cls, settings: Mapping[str, Any]) -> SentimentConfig:
        """Rebuild from ``to_dict``'s output.

        Raises:
            ConfigError: an unknown or missing key, or a value out of range.
        """
        groups = {
            "data": DataConfig, "inputs": WordInputConfig, "representation": EncoderConfig,
            "pooled": PooledConfig, "bcn": BCNConfig, "finetune": FinetuneConfig,
        }  # fmt: skip
        try:
            return cls(**{**settings, **{name: make(**settings[name]) for name, make in groups.items()}})
        except (TypeError, KeyError) as error:
            raise ConfigError(f"settings of a sentiment classifier: {error}") from None
