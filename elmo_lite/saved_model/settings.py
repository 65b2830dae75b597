"""Settings of a saved model: its ``config.json``, and the names of the files that may lie beside it.

    config.json              format version, settings, tokenisation, training facts, size and SHA-256 of the files below
    vocabulary.txt           the classes that the language model predicts (optional)
    model.safetensors        weights of the encoder
    lm_head.safetensors      weights of the softmax (optional), see ``saved_model.head``
    README.md                model card

The model card has no checksum: people edit it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from elmo_lite.errors import CheckpointError, ConfigError
from elmo_lite.files import check_file, read_json, write_json
from elmo_lite.nn.config import BiLMConfig, bilm_config_from_dict, to_dict
from elmo_lite.text.tokenization import Tokenization

FORMAT_VERSION = 1
CONFIG = "config.json"
VOCABULARY = "vocabulary.txt"
MODEL = "model.safetensors"
LM_HEAD = "lm_head.safetensors"
MODEL_CARD = "README.md"
FILES = (CONFIG, VOCABULARY, MODEL, LM_HEAD, MODEL_CARD)


@dataclass(frozen=True)
class ModelSettings:
    """What ``config.json`` holds."""

    model: BiLMConfig
    tokenization: Tokenization
    training: dict[str, Any]
    """Facts about the training run, of JSON types."""
    files: dict[str, Any]
    """Size and SHA-256 by name."""

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "format_version": FORMAT_VERSION,
            "model": to_dict(self.model),
            "tokenization": self.tokenization.to_dict(),
            "training": self.training,
            "files": self.files,
        }

    def write(self, directory: Path) -> None:
        """Write the file.

        Raises:
            CheckpointError: training facts that JSON cannot hold.
        """
        write_json(directory / CONFIG, self.to_dict(), "training facts")

    @classmethod
    def read(cls, directory: Path) -> ModelSettings:
        """Read the file.

        Raises:
            CheckpointError: there is none, it is damaged, another library's, or newer than this version's.
        """
        path = directory / CONFIG
        try:
            content = read_json(path)
        except FileNotFoundError:
            raise CheckpointError(f"{path}: expected the settings of a saved model, found no such file") from None
        version = content.get("format_version") if isinstance(content, dict) else None
        if not isinstance(version, int):
            raise CheckpointError(
                f"{path}: expected a saved model's format_version, found {version!r} (another library's?)"
            )
        if version != FORMAT_VERSION:
            newer = ", written by a newer elmo-lite" if version > FORMAT_VERSION else ""
            raise CheckpointError(f"{path}: expected format_version {FORMAT_VERSION}, found {version}{newer}")
        content = {"training": {}, **content}
        for key in ("model", "tokenization", "files", "training"):
            if not isinstance(content.get(key), dict):
                raise CheckpointError(f"{path}: expected an object {key!r}, found {content.get(key)!r}")
        return cls(
            _model(path, content["model"]),
            _tokenization(path, content["tokenization"]),
            content["training"],
            content["files"],
        )

    def check(self, directory: Path, name: str, *, with_hash: bool) -> None:
        """Compare a file with its size, and with its SHA-256 too where asked.

        Raises:
            CheckpointError: the file is missing or another; or the settings do not name it, or name one outside.
        """
        facts = self.files.get(name)
        if not isinstance(facts, dict) or name not in FILES:
            raise CheckpointError(f"{directory / CONFIG}: expected size and sha256 of {name}, found {facts!r}")
        check_file(directory / name, facts, with_hash=with_hash)


def _model(path: Path, settings: dict[str, Any]) -> BiLMConfig:
    try:
        return bilm_config_from_dict(settings)
    except (ConfigError, ValueError) as error:
        raise CheckpointError(f"{path}: {error}") from None


def _tokenization(path: Path, settings: dict[str, Any]) -> Tokenization:
    try:
        return Tokenization.from_dict(settings)
    except (ValueError, TypeError, KeyError) as error:
        raise CheckpointError(f"{path}: tokenization: {error}") from None
