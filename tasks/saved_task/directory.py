"""The directory of a trained task model; it is complete for prediction, and checked before use.

    config.json          format version, task, settings, labels, scores, encoder, size and SHA-256 of the files below
    model.safetensors    weights of the head and of the task's word vectors
    words.txt            words that have a vector, one per line, in the order of the rows (optional)
    spellings.txt        features of spelling that have a vector, in the same way (optional)
    ngrams.txt           words and pairs of words that a log-linear classifier weighs, in the same way (optional)
    encoder/             the encoder as a saved model (optional; otherwise config.json has its path and hash)
    README.md            model card

The directory may hold other files, such as the pictures of the run. ``config.json`` makes way first and is written
last, so that a directory that has one is complete; after a kill in between, the old files are put back. The model card
has no checksum, because users edit it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from elmo_lite import CheckpointError
from elmo_lite.errors import one_line
from elmo_lite.files import (
    check_file,
    describe_file,
    put_files_in_place,
    remove_leftovers,
    scratch_directory,
)
from elmo_lite.metadata import read_bytes
from elmo_lite.paths import expanded
from elmo_lite.saved_model import check_finite, check_tensors, read_tensors, write_tensors
from tasks.inputs.encoders import Encoder
from tasks.saved_task.encoder import CONFIG, ENCODER, read_encoder, write_encoder
from tasks.saved_task.settings import (
    FILES,
    FORMAT_VERSION,
    LISTS,
    MODEL,
    MODEL_CARD,
    Kind,
    check_target,
    read_settings,
    write_settings,
)


@dataclass(frozen=True)
class SavedTask:
    """Content of the directory of a task model."""

    directory: Path
    config: dict[str, Any]
    """Settings, as passed to ``save_task``."""
    labels: list[str]
    tensors: dict[str, Tensor]
    """Weights, on the CPU."""
    lists: dict[str, list[str]] = field(default_factory=dict)
    """Words, features of spelling and n-grams, as passed to ``save_task``."""
    encoder: Encoder | None = None
    metrics: dict[str, Any] = field(default_factory=dict)
    """Scores, as passed to ``save_task``."""

    def fill(self, module: nn.Module, without: str | tuple[str, ...] = ()) -> None:
        """Load the weights into a module.

        Args:
            module: Module with the structure of the saved one.
            without: Prefixes of names that were not saved, such as those of the encoder.

        Raises:
            CheckpointError: Names or shapes of the weights differ, or a value is not finite.
        """
        self.check(module, without)
        check_finite(self.directory / MODEL, self.tensors)
        module.load_state_dict(self.tensors, strict=False)

    def check(self, module: nn.Module, without: str | tuple[str, ...] = ()) -> None:
        """Compare names and shapes of the weights with those of a module, whose values do not matter.

        Raises:
            CheckpointError: They differ.
        """
        check_tensors(self.directory / MODEL, self.tensors, own_tensors(module, without))


def own_tensors(module: nn.Module, without: str | tuple[str, ...] = ()) -> dict[str, Tensor]:
    """The ``state_dict`` of a module, except names with the prefixes in ``without``."""
    return {name: tensor for name, tensor in module.state_dict().items() if not (without and name.startswith(without))}


def save_task(
    directory: str | os.PathLike[str],
    kind: Kind,
    *,
    config: Mapping[str, Any],
    labels: Sequence[str],
    tensors: Mapping[str, Tensor],
    lists: Mapping[str, Sequence[str]] | None = None,
    encoder: Encoder | None = None,
    encoder_path: str = "",
    encoder_inside: bool = True,
    metrics: Mapping[str, Any] | None = None,
    overwrite: bool = False,
) -> Path:
    """Write the directory of a task model.

    Args:
        directory: Directory to write. It is created if needed, and other files in it are kept.
        kind: Task of the model.
        config: Settings of the model and of its training, of JSON types.
        labels: Names of the classes, in the order of the head's outputs.
        tensors: Weights, without those of a frozen encoder.
        lists: The "words" and the "spellings" that have a vector, and the "ngrams" that have weights, in the order of
            the rows. Defaults to none.
        encoder: Encoder of the model, if any.
        encoder_path: Path or name of the encoder; needed if no copy is kept.
        encoder_inside: Keep a copy of the encoder instead of its path and hash. A trained encoder is always copied.
        metrics: Scores of JSON types, for the model card.
        overwrite: Replace an existing task model.

    Returns:
        The directory.

    Raises:
        CheckpointError: The directory may not be replaced, or the model cannot be saved.
    """
    target = expanded(directory).resolve()
    check_target(target, overwrite)
    with scratch_directory(target) as scratch:
        encoder_facts = None
        if encoder is not None:
            encoder_facts = write_encoder(scratch, encoder, encoder_path, encoder_inside)
        write_tensors(scratch / MODEL, tensors)
        for name, words in (lists or {}).items():
            if words:
                (scratch / LISTS[name]).write_bytes("".join(f"{_escape(word)}\n" for word in words).encode(*_UTF8))
        settings = {
            "format_version": FORMAT_VERSION,
            "task": kind,
            "settings": dict(config),
            "labels": list(labels),
            "encoder": encoder_facts,
            "metrics": dict(metrics or {}),
            "files": {name: describe_file(scratch / name) for name in FILES if (scratch / name).is_file()},
        }
        write_settings(scratch, settings, tensors)
        put_files_in_place(scratch, target, CONFIG, (MODEL, *LISTS.values(), ENCODER, MODEL_CARD))
    return target


def save_scores(
    directory: str | os.PathLike[str], kind: Kind, metrics: Mapping[str, Any], fitted: Mapping[str, float] | None = None
) -> None:
    """Add scores of JSON types to a saved task model: to its settings and its model card, each whole or not at all.

    Args:
        directory: Directory of the model.
        kind: Task of the model.
        metrics: The scores.
        fitted: Its "temperature" and what else was fitted to dev, by name. Defaults to what is saved.

    Raises:
        CheckpointError: There is no such model, or the scores are not of JSON types.
    """
    target = expanded(directory)
    settings = {**read_settings(target, kind), "metrics": dict(metrics)}
    if fitted is not None:
        settings["settings"] = {**settings["settings"], **fitted}
    write_settings(target, settings, read_tensors(target / MODEL))


def load_task(
    directory: str | os.PathLike[str], kind: Kind, *, device: str = "cpu", encoder: str | None = None
) -> SavedTask:
    """Read the directory of a task model.

    Args:
        directory: Directory written by ``save_task``.
        kind: Expected task of the model.
        device: Device of the encoder.
        encoder: Path or name of an encoder of which no copy is kept. Defaults to the saved one.

    Raises:
        CheckpointError: There is no such model, it is for another task, a file is damaged, or the encoder differs.
    """
    path = expanded(directory)
    remove_leftovers(path / CONFIG)
    settings = read_settings(path, kind)
    files = settings["files"]
    for name, facts in files.items():
        check_file(path / name, facts)
    return SavedTask(
        directory=path,
        config=settings["settings"],
        labels=settings["labels"],
        tensors=read_tensors(path / MODEL),
        lists={name: _read_words(path / file) for name, file in LISTS.items() if file in files},
        encoder=read_encoder(path, settings["encoder"], device, encoder),
        metrics=settings["metrics"],
    )


_UTF8 = ("utf-8", "surrogatepass")


def _escape(word: str) -> str:
    """Escape line feeds in a word, so that it fits on one line."""
    return word.replace("\\", "\\\\").replace("\n", "\\n")


def _unescape(line: str) -> str:
    return "\\".join(part.replace("\\n", "\n") for part in line.split("\\\\"))


def _read_words(path: Path) -> list[str]:
    try:
        lines = read_bytes(path).decode(*_UTF8).split("\n")
    except UnicodeDecodeError as error:
        raise CheckpointError(f"{path}: expected words in UTF-8, found {one_line(error)}") from None
    return [_unescape(line) for line in lines[:-1]]
