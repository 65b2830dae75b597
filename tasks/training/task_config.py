"""Settings that every task has; a task's own configuration adds its head to them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Self

from elmo_lite.errors import require
from elmo_lite.fields import from_settings
from elmo_lite.nn import to_dict
from tasks.inputs.encoders import short_name
from tasks.inputs.representation import EncoderConfig
from tasks.inputs.word_input_config import WordInputConfig
from tasks.training.config import FinetuneConfig

_SHORT = {
    "encoder": "representation",
    "freeze": "representation",
    "words": "inputs",
    "spelling": "inputs",
    "chars": "inputs",
    "max_epochs": "finetune",
}
"""Short names of settings, and the groups that hold them."""
SHORT_FLAGS = {f"{group}.{name}": name for name, group in _SHORT.items()}
"""Short flags by dotted key of the setting."""
_TOKENIZERS = ("auto", "words", "whitespace")


@dataclass(frozen=True, kw_only=True)
class TaskConfig:
    """Settings of a head and its training; the first six are short for settings of the groups, and take precedence."""

    encoder: str | None = None
    """Pretrained model: none, a directory, a packaged name such as "en", or a hub name; hf: and a directory or hub name
    for a transformer. Defaults to none."""
    freeze: bool | None = None
    """Keep the encoder as it is, instead of training it along with the head. Defaults to true."""
    words: str | None = None
    """Word vectors beside the encoder's: none, trainable, or a file (GloVe, word2vec, fastText). Defaults to
    trainable."""
    spelling: bool | None = None
    """Add learned vectors of the spelling of words. Defaults to true."""
    chars: bool | None = None
    """Add a character CNN that is trained with the head. Defaults to true."""
    max_epochs: int | None = None
    """Maximum number of epochs. Defaults to 8, or to the number that makes 1,500 steps of at most 32
    sentences, at most 30."""
    tokenizer: Literal["auto", "words", "whitespace"] = "auto"
    """Tokenisation of plain strings. auto is that of the encoder, or words without an encoder."""
    encoder_inside: bool = True
    """Keep a copy of a frozen encoder with the model, instead of its path and hash."""
    inputs: WordInputConfig = field(default_factory=WordInputConfig)
    """Word vectors of the task itself."""
    representation: EncoderConfig = field(default_factory=EncoderConfig)
    """Use of the encoder."""
    finetune: FinetuneConfig = field(default_factory=FinetuneConfig)
    """Training."""

    def __post_init__(self) -> None:
        """Move the short fields into their groups; they are None afterwards, so that each setting is kept once."""
        for name, group in _SHORT.items():
            if getattr(self, name) is not None:
                changed = dataclasses.replace(getattr(self, group), **{name: getattr(self, name)})
                object.__setattr__(self, group, changed)
                object.__setattr__(self, name, None)
        require(self.tokenizer in _TOKENIZERS, "tokenizer", f"one of {', '.join(_TOKENIZERS)}", self.tokenizer)

    def with_seed(self, seed: int) -> Self:
        """The same settings with another random seed."""
        return dataclasses.replace(self, finetune=dataclasses.replace(self.finetune, seed=seed))

    def to_dict(self) -> dict[str, Any]:
        """Return the settings in JSON types, without folders of files and models, which are specific to a machine."""
        settings = {name: value for name, value in to_dict(self).items() if name not in _SHORT}
        settings["inputs"]["words"] = Path(self.inputs.words).name
        settings["representation"]["encoder"] = short_name(self.representation.encoder)
        if self.representation.has_encoder:  # what it was trained with, whatever auto stands for later
            settings["representation"]["layers"] = self.representation.resolved_layers
        settings["finetune"]["cache_dir"] = ""
        return settings

    @classmethod
    def from_dict(cls, settings: Mapping[str, Any]) -> Self:
        """Rebuild from the output of ``to_dict``.

        Raises:
            ConfigError: A key is unknown or missing, or a value is of the wrong type or out of range.
        """
        return from_settings(cls, settings)
