"""The files of a transformer: found, identified and loaded, without pickles and without code from the hub."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from elmo_lite import CheckpointError
from elmo_lite.errors import one_line
from elmo_lite.extras import named_extra
from elmo_lite.paths import expanded
from elmo_lite.text import is_model_name

PREFIX = "hf:"
"""Beginning of the names of transformers, so that they are not taken for models of this library."""
CONFIG = "config.json"
WEIGHTS = "*.safetensors"
PATTERNS = (
    CONFIG, WEIGHTS, "model.safetensors.index.json", "tokenizer.json", "tokenizer_config.json",
    "special_tokens_map.json", "added_tokens.json", "vocab.txt", "vocab.json", "merges.txt", "*.model",
)  # fmt: skip
"""Names of the files of a model and its tokenizer; others are neither downloaded nor copied."""


def find_transformer(name: str) -> Path:
    """The directory of a transformer. A model on the hub is downloaded, or found among those that were.

    Args:
        name: Directory, or name on the hub, without ``PREFIX``.

    Raises:
        CheckpointError: There is no such model, or it has no weights in safetensors.
    """
    directory = expanded(name)
    if not (name and directory.is_dir()):
        if directory.exists() or not is_model_name(name):
            raise CheckpointError(f"{PREFIX}{name}: expected a directory or a hub name, found neither")
        directory = _fetched(name)
    for pattern, what in ((CONFIG, "settings"), (WEIGHTS, "weights in safetensors")):
        if not any(directory.glob(pattern)):
            raise CheckpointError(f"{PREFIX}{name}: expected {what} of a transformer, found no {pattern}")
    return directory


def _fetched(name: str) -> Path:
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(name, allow_patterns=list(PATTERNS), ignore_patterns=["*/*"]))
    except Exception as error:  # errors of the hub client have no common base class
        reason = one_line(error)[:200]
        raise CheckpointError(f"{PREFIX}{name}: expected a directory or a hub name, found neither ({reason})") from None


def files_of(directory: Path) -> list[Path]:
    """The files of a model and its tokenizer, sorted by name."""
    return sorted({path for pattern in PATTERNS for path in directory.glob(pattern) if path.is_file()})


def hash_of_files(directory: Path) -> str:
    """SHA-256 of the names and contents of these files."""
    digest = hashlib.sha256()
    for path in files_of(directory):
        with path.open("rb") as file:
            digest.update(f"{path.name} {hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
    return digest.hexdigest()


def load_transformer(directory: Path, name: str, dtype: torch.dtype) -> tuple[Any, Any]:
    """Load a tokenizer and a model, both from files alone.

    Args:
        directory: Result of ``find_transformer``.
        name: Name of the model, for errors.
        dtype: Data type of the weights.

    Raises:
        CheckpointError: The model is damaged, of another kind, or needs code of its own.
        ModuleNotFoundError: transformers is not installed.
    """
    with named_extra(name):
        import transformers
    settings: dict[str, Any] = {"trust_remote_code": False, "local_files_only": True}
    try:
        with _silent():
            # Some tokenizers take words only if they begin with a blank, as within a sentence.
            tokenizer = transformers.AutoTokenizer.from_pretrained(directory, add_prefix_space=True, **settings)
            model, report = transformers.AutoModel.from_pretrained(
                directory, use_safetensors=True, dtype=dtype, output_loading_info=True, **settings
            )
    except Exception as error:  # transformers, tokenizers and safetensors raise classes of all kinds
        expected = f"a model that transformers {transformers.__version__} loads"
        raise CheckpointError(f"{name}: expected {expected}, found {one_line(error)[:300]}") from None
    if model.config.is_encoder_decoder:
        raise CheckpointError(f"{name}: expected an encoder, found the encoder-decoder {model.config.model_type}")
    known, pieces = model.get_input_embeddings().num_embeddings, len(tokenizer)
    if pieces > known:
        raise CheckpointError(f"{name}: expected a tokenizer of at most {known:,} pieces, found one of {pieces:,}")
    missing = sorted(key for key in report["missing_keys"] if not key.startswith("pooler."))  # the pooler is not used
    if missing:
        raise CheckpointError(f"{name}: expected all weights, found none for {missing[0]} ({len(missing)} missing)")
    return tokenizer, model


@contextmanager
def _silent() -> Iterator[None]:
    """Without the notes and progress bars of transformers, which it shows in every process by default."""
    from transformers.utils import logging as notes

    level, has_bars = notes.get_verbosity(), notes.is_progress_bar_enabled()
    notes.set_verbosity_error()
    notes.disable_progress_bar()
    try:
        yield
    finally:
        notes.set_verbosity(level)
        if has_bars:
            notes.enable_progress_bar()
