"""Settings of a tagger and its training; every field is a flag of ``elmo-lite ner train``."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from elmo_lite import ConfigError
from tasks.inputs.representation import EncoderConfig
from tasks.inputs.word_inputs import WordInputConfig
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
class NerConfig:
    """A tagger; the first five fields are short for the groups' fields of that name, and win over them."""

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
    word_column: int | None = None
    """Column of the words in column files, from 0, -1 the last; detected where not given."""
    tag_column: int | None = None
    """Column of the tags, likewise."""
    tokenizer: Literal["auto", "words", "whitespace"] = "auto"
    """How plain strings become words in prediction: auto is the encoder's own way, and "words" without one."""
    lstm_dim: int = 128
    """Width of one direction of the biLSTM."""
    lstm_layers: int = 1
    """Layers of the biLSTM."""
    dropout: float = 0.5
    """Probability in [0, 1) after each of them."""
    encoder_inside: bool = True
    """Keep a copy of a frozen encoder with the tagger; otherwise it is named by path and hash."""
    inputs: WordInputConfig = field(default_factory=WordInputConfig)
    """The task's own word vectors."""
    representation: EncoderConfig = field(default_factory=EncoderConfig)
    """How the encoder is used."""
    finetune: FinetuneConfig = field(default_factory=FinetuneConfig)
    """Training."""

    def __post_init__(self) -> None:
        """Put the short fields into their groups; they are None from here on, so that each setting stands once."""
        for name, group in _SHORT.items():
            if getattr(self, name) is not None:
                changed = dataclasses.replace(getattr(self, group), **{name: getattr(self, name)})
                object.__setattr__(self, group, changed)
                object.__setattr__(self, name, None)
        if self.tokenizer not in ("auto", "words", "whitespace"):
            raise ConfigError(f"tokenizer: expected auto, words or whitespace, found {self.tokenizer!r}")
        for name in ("lstm_dim", "lstm_layers"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name}: expected 1 or more, found {getattr(self, name)}")
        if not 0 <= self.dropout < 1:
            raise ConfigError(f"dropout: expected a probability in [0, 1), found {self.dropout}")

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, without the folders of files and models: they are of the machine that trained."""
        settings = {name: value for name, value in dataclasses.asdict(self).items() if name not in _SHORT}
        settings["inputs"]["words"] = Path(self.inputs.words).name
        settings["representation"]["encoder"] = Path(self.representation.encoder).name
        settings["finetune"]["cache_dir"] = ""
        return settings

    @classmethod
    def from_dict(cls, settings: Mapping[str, Any]) -> NerConfig:
        """Rebuild from ``to_dict``'s output.

        Raises:
            ConfigError: an unknown or missing key, or a value out of range.
        """
        groups = {"inputs": WordInputConfig, "representation": EncoderConfig, "finetune": FinetuneConfig}
        try:
            return cls(**{**settings, **{name: make(**settings[name]) for name, make in groups.items()}})
        except (TypeError, KeyError) as error:
            raise ConfigError(f"settings of a tagger: {error}") from None
