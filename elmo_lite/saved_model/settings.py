"""Settings of a saved model (``config.json``), and the names of its files.

    config.json              format version, settings, tokenisation, training metadata; size and SHA-256 of the files;
                             its own checksum
    vocabulary.txt           classes of the language model (optional)
    model.safetensors        weights of the encoder
    lm_head.safetensors      weights of the language model head (optional), see ``saved_model.head``
    README.md                model card

The model card has no checksum, as users may edit it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from elmo_lite.errors import CheckpointError, ConfigError
from elmo_lite.fields import checked_files
from elmo_lite.files import check_file
from elmo_lite.metadata import check_checksum, read_json, write_json
from elmo_lite.nn.config import BiLMConfig, to_dict
from elmo_lite.nn.forward_config import encoder_config_from_dict
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
    """The content of ``config.json``."""

    model: BiLMConfig
    tokenization: Tokenization
    training: dict[str, Any]
    """Metadata of the training run, of JSON types."""
    files: dict[str, Any]
    """Size and SHA-256 of each file, by name."""

    def to_dict(self) -> dict[str, Any]:
        """The settings as a dict of JSON types."""
        return {
            "format_version": FORMAT_VERSION,
            "model": to_dict(self.model),
            "tokenization": self.tokenization.to_dict(),
            "training": self.training,
            "files": self.files,
        }

    def write(self, directory: Path) -> None:
        """Write ``config.json``.

        Raises:
            CheckpointError: The training metadata are not of JSON types.
        """
        write_json(directory / CONFIG, self.to_dict(), "training metadata", with_checksum=True)

    @classmethod
    def read(cls, directory: Path, *, forward_alone: bool = False) -> ModelSettings:
        """Read ``config.json``.

        Args:
            directory: Directory of the saved model.
            forward_alone: Whether a model of the forward direction alone will do. Defaults to False.

        Raises:
            CheckpointError: The file is missing, damaged, changed, of another library or of a newer version, or the
                model reads forward alone.
        """
        path = directory / CONFIG
        try:
            content = read_json(path)
        except (FileNotFoundError, NotADirectoryError):
            raise CheckpointError(f"{path}: expected the settings of a saved model, found no such file") from None
        version = content.get("format_version") if isinstance(content, dict) else None
        if type(version) is not int:
            raise CheckpointError(
                f"{path}: expected a saved model's format_version, found {version!r:.80} (from another library?)"
            )
        if version != FORMAT_VERSION:
            newer = ", written by a newer elmo-lite" if version > FORMAT_VERSION else ""
            raise CheckpointError(f"{path}: expected format_version {FORMAT_VERSION}, found {version}{newer}")
        check_checksum(path, content)
        content = {"training": {}, **content}
        for key in ("model", "tokenization", "files", "training"):
            if not isinstance(content.get(key), dict):
                raise CheckpointError(f"{path}: expected an object {key!r}, found {content.get(key)!r:.80}")
        if "cell" in content["model"] and not forward_alone:
            raise CheckpointError(
                f"{path}: expected a model of both directions, found one that reads forward alone, a rung of a ladder"
            )
        try:
            return cls(
                encoder_config_from_dict(content["model"]),
                Tokenization.from_dict(content["tokenization"]),
                content["training"],
                checked_files(content["files"], FILES, needed=(MODEL,)),
            )
        except ConfigError as error:
            raise CheckpointError(f"{path}: {error}") from None

    def check(self, directory: Path, name: str, *, with_hash: bool) -> None:
        """Compare the size of a file, and its SHA-256 if ``with_hash`` is true, with the recorded values.

        Raises:
            CheckpointError: The file is missing or differs, or is not in the settings.
        """
        facts = self.files.get(name)
        if facts is None:
            raise CheckpointError(f"{directory / CONFIG}: expected size and sha256 of {name}, found {facts!r}")
        check_file(directory / name, facts, with_hash=with_hash)
