"""What a run of ``elmo-lite embed`` reads: a model, and sentences."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from elmo_lite.embedding.elmo import Elmo
from elmo_lite.text.tokenization import Tokenization


@dataclass(frozen=True)
class ModelChoice:
    """A saved model and how it runs."""

    name: str
    """Directory, packaged name or hub name."""
    device: str = "cpu"
    precision: str = "float32"

    def load(self) -> Elmo:
        """Load the model; see ``Elmo.from_pretrained``."""
        return Elmo.from_pretrained(self.name, device=self.device, dtype=self.precision)


@dataclass(frozen=True)
class Reading:
    """How sentences are read."""

    tokenizer: Literal["whitespace", "words"] | None = None
    """Tokenisation of text. Defaults to that of the model."""
    text_field: str | None = None
    """Field of records. Defaults to the only one of text, words and tokens."""
    numbered_lines: bool = False
    """Whether to remove a number and a TAB at the beginning of each line of text."""

    def tokenization(self, elmo: Elmo) -> Tokenization:
        """The tokenisation of text."""
        return elmo.tokenization.with_kind(self.tokenizer)
