"""The settings of a saved task model, ``config.json``: read within bounds, checked, and written with a checksum."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from torch import Tensor

from elmo_lite import CheckpointError, ConfigError
from elmo_lite.fields import checked_files
from elmo_lite.files import remove_leftovers, write_text
from elmo_lite.metadata import check_checksum, read_json, write_json
from tasks.saved_task.card import model_card
from tasks.saved_task.encoder import CONFIG, ENCODER

Kind = Literal["ner", "sentiment", "tag", "classify"]
FORMAT_VERSION = 1
MODEL = "model.safetensors"
LISTS = {"words": "words.txt", "spellings": "spellings.txt", "ngrams": "ngrams.txt"}
"""Files of the words and of the features of spelling that have a vector, and of the n-grams that have weights."""
ENCODER_CONFIG = f"{ENCODER}/{CONFIG}"
"""Settings of the encoder; they hold the hashes of its other files."""
MODEL_CARD = "README.md"
FILES = (MODEL, *LISTS.values(), ENCODER_CONFIG)
"""Files whose size and SHA-256 are in the settings."""


def write_settings(directory: Path, settings: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> None:
    """Write the settings with the scores, and the model card that shows them."""
    write_json(directory / CONFIG, settings, f"{directory}: settings and scores", with_checksum=True)
    write_text(directory / MODEL_CARD, model_card(settings, tensors))


def check_target(target: Path, overwrite: bool) -> None:
    """Check that nothing is replaced but a task model, and that only with ``overwrite``."""
    if target.exists() and not target.is_dir():
        raise CheckpointError(f"{target}: expected a directory or nothing, found a file")
    found = _saved_settings(target)
    if found is None:
        return
    if not overwrite:
        raise CheckpointError(f"{target}: expected no model there (or overwrite=True), found {CONFIG}")
    if "task" not in found:
        raise CheckpointError(f"{target / CONFIG}: expected a task model to overwrite, found another {CONFIG}")


def check_out(out: Path, kind: Kind, overwrite: bool) -> None:
    """Check that a model can be written, before hours are spent on its training.

    Args:
        out: Directory of the model; it need not exist.
        kind: Task of the model.
        overwrite: Replace an existing model for this task. Other models are never replaced.

    Raises:
        ConfigError: The directory cannot be written, or its model may not be replaced.
    """
    existing = next(path for path in (out, *out.absolute().parents) if path.exists())
    if not existing.is_dir():
        raise ConfigError(f"{out}: expected a directory to write, found the file {existing}")
    if not os.access(existing, os.W_OK):
        raise ConfigError(f"{out}: expected a directory to write, found no permission to write in {existing}")
    found = _saved_settings(out)
    if found is None:
        return
    if not overwrite:
        raise ConfigError(f"{out}: expected no model there, found {CONFIG}; --overwrite replaces it")
    task = found.get("task")
    if task != kind:
        shown = f"one for {task!r}" if task else f"another {CONFIG}"
        raise ConfigError(f"{out}: expected a model for the task {kind} to overwrite, found {shown}")


def _saved_settings(directory: Path) -> Mapping[str, Any] | None:
    """What a directory has as settings, empty if they are no object; None if it has none."""
    path = directory / CONFIG
    remove_leftovers(path)
    if not path.exists():
        return None
    try:
        found = read_json(path)
    except CheckpointError:
        found = None
    return found if isinstance(found, dict) else {}


def read_settings(directory: Path, kind: Kind) -> dict[str, Any]:
    """The settings of a task model in a directory.

    Raises:
        CheckpointError: There is no such model, it is for another task, or its settings are damaged.
    """
    path = directory / CONFIG
    try:
        settings = read_json(path)
    except (FileNotFoundError, NotADirectoryError):
        raise CheckpointError(f"{directory}: expected the directory of a task model, found no {CONFIG}") from None
    if not isinstance(settings, dict) or "task" not in settings:
        raise CheckpointError(f"{path}: expected a task model, found another model's settings")
    version = settings.get("format_version")
    if version != FORMAT_VERSION or type(version) is not int:
        raise CheckpointError(f"{path}: expected format_version {FORMAT_VERSION}, found {version!r:.80}")
    if settings["task"] != kind:
        raise CheckpointError(f"{path}: expected a model for the task {kind}, found one for {settings['task']!r:.80}")
    check_checksum(path, settings)
    for key, expected in {"settings": dict, "labels": list, "files": dict, "metrics": dict}.items():
        found = settings.get(key)
        if not isinstance(found, expected):
            raise CheckpointError(f"{path}: {key}: expected a JSON {expected.__name__}, found {found!r:.80}")
    labels = settings["labels"]
    if not labels or not all(isinstance(label, str) for label in labels) or len(set(labels)) < len(labels):
        raise CheckpointError(f"{path}: labels: expected distinct strings, found {labels!r:.80}")
    try:
        checked_files(settings["files"], FILES, needed=(MODEL,))
    except ConfigError as error:
        raise CheckpointError(f"{path}: {error}") from None
    return {"encoder": None, **settings}
