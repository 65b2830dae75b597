"""Saved model directories, written atomically and checked before use.

For their files, see ``saved_model.settings``. None of them is a pickle.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from elmo_lite.errors import CheckpointError
from elmo_lite.files import describe_file, put_in_place, remove_leftovers, scratch_directory
from elmo_lite.nn.bilm import BiLM
from elmo_lite.nn.config import BiLMConfig
from elmo_lite.nn.forward_lm import Encoder
from elmo_lite.nn.lm_head import LMHead
from elmo_lite.paths import expanded
from elmo_lite.saved_model.card import model_card
from elmo_lite.saved_model.head import FLOAT_TYPES, HEAD_TYPES, read_head, write_head
from elmo_lite.saved_model.names import find_model
from elmo_lite.saved_model.settings import CONFIG, FILES, LM_HEAD, MODEL, MODEL_CARD, VOCABULARY, ModelSettings
from elmo_lite.saved_model.tensors import fill, read_tensors, shapes_alone, write_tensors
from elmo_lite.text.tokenization import Tokenization
from elmo_lite.text.vocabulary import Vocabulary


@dataclass(frozen=True)
class SavedModel:
    """The content of a saved model directory."""

    bilm: BiLM
    """The encoder on the CPU, in float32 and in eval mode."""
    tokenization: Tokenization
    """Tokenisation of the training text."""
    vocabulary: Vocabulary | None = None
    """Classes of the language model, or None if they are not saved."""
    lm_head: LMHead | None = None
    """The language model head, or None if it is not saved or not requested."""
    training: dict[str, Any] = field(default_factory=dict)
    """Metadata of the training run."""


def save_model(
    directory: str | os.PathLike[str],
    bilm: Encoder,
    tokenization: Tokenization,
    vocabulary: Vocabulary | None = None,
    lm_head: LMHead | None = None,
    training: Mapping[str, Any] | None = None,
    dtype: str | None = None,
    overwrite: bool = False,
    head_dtype: str | None = None,
) -> Path:
    """Write a saved model directory under a temporary name and rename it.

    Args:
        directory: Directory to write. Missing parents are created.
        bilm: Encoder on any device.
        tokenization: Tokenisation of its training text.
        vocabulary: Classes of the language model. Required if ``lm_head`` is given.
        lm_head: Language model head.
        training: Metadata of the training run, of JSON types, written to ``config.json`` and to the model card.
        dtype: Data type of the stored weights: "float32", "float16" or "bfloat16". Defaults to that of the weights.
        overwrite: Replace the saved model if it exists. Anything else at this place is never replaced.
        head_dtype: Data type of the stored head: as for ``dtype``, or "int8" with one scale per row. Defaults to
            ``dtype``.

    Returns:
        The directory.

    Raises:
        CheckpointError: The directory exists, the head does not fit the vocabulary, a data type is unknown or cannot
            hold the weights, or ``training`` is not of JSON types.
    """
    target = check_target(directory, overwrite)
    for name, given, known in (("dtype", dtype, FLOAT_TYPES), ("head_dtype", head_dtype, HEAD_TYPES)):
        if given is not None and given not in known:
            raise CheckpointError(f"{name} of saved weights: expected one of {', '.join(known)}, found {given!r}")
    if lm_head is not None and (vocabulary is None or len(vocabulary) != lm_head.num_classes):
        classes = "no vocabulary" if vocabulary is None else f"a vocabulary of {len(vocabulary)}"
        raise CheckpointError(f"{target}: expected one class per head row, found {lm_head.num_classes} and {classes}")
    with scratch_directory(target) as scratch:
        weights = write_tensors(scratch / MODEL, bilm.state_dict(), dtype)
        head = "" if lm_head is None else write_head(scratch / LM_HEAD, lm_head, head_dtype or dtype)
        if vocabulary is not None:
            vocabulary.save(scratch / VOCABULARY)
        files = {path.name: describe_file(path) for path in sorted(scratch.iterdir())}
        settings = ModelSettings(bilm.config, tokenization, dict(training or {}), files)
        settings.write(scratch)
        card = model_card(settings.to_dict(), weights, 0 if vocabulary is None else len(vocabulary), head)
        (scratch / MODEL_CARD).write_text(card, encoding="utf-8", newline="\n")
        put_in_place(scratch, target)
    return target


def check_target(directory: str | os.PathLike[str], overwrite: bool) -> Path:
    """Check that a saved model can be written to a directory. Only a saved model is replaced, and only on request.

    Returns:
        The absolute path. A symbolic link is followed, so that the directory it points to is replaced.

    Raises:
        CheckpointError: The path exists and may not be replaced.
    """
    target = expanded(directory).resolve()
    remove_leftovers(target)
    if not target.exists():
        return target
    if not target.is_dir():
        raise CheckpointError(f"{target}: expected a directory or nothing, found a file")
    names = sorted(entry.name for entry in target.iterdir())
    if names and not overwrite:
        raise CheckpointError(f"{target}: expected nothing there, found {names[0]} (overwrite replaces a model)")
    foreign = [name for name in names if name not in FILES]
    if foreign or (names and CONFIG not in names):
        found = foreign[0] if foreign else f"no {CONFIG}"
        raise CheckpointError(f"{target}: expected a saved model alone to overwrite, found {found}")
    return target


def load_model(
    path_or_name: str | os.PathLike[str], with_head: bool | None = False, revision: str | None = None
) -> SavedModel:
    """Load a saved model directory, a packaged model, or a model from the model hub.

    Args:
        path_or_name: Saved model directory, name of a packaged model such as ``en``, or hub name such as
            ``owner/model``, in this order.
        with_head: Load the language model head too; None loads it if it is saved.
        revision: Branch, tag or commit on the hub.

    Returns:
        The model on the CPU, in float32 for any stored precision, in eval mode.

    Raises:
        CheckpointError: The model does not exist, a file is missing, truncated, of another library or of a newer
            version, or the weights do not fit the settings.
    """
    directory = find_model(path_or_name, revision)
    settings = ModelSettings.read(directory)
    wanted = [MODEL, *(name for name in (VOCABULARY,) if name in settings.files)]
    if with_head or (with_head is None and LM_HEAD in settings.files):
        wanted.append(LM_HEAD)
    for name in dict.fromkeys([*settings.files, *wanted]):
        # The head can be far larger than the encoder, so only its size is checked if it is not read.
        settings.check(directory, name, with_hash=name in wanted)
    vocabulary = Vocabulary.load(directory / VOCABULARY) if VOCABULARY in wanted else None
    return SavedModel(
        bilm=_read_bilm(directory / MODEL, settings.model),
        tokenization=settings.tokenization,
        vocabulary=vocabulary,
        lm_head=_read_head(directory, vocabulary, settings.model.dim) if LM_HEAD in wanted else None,
        training=settings.training,
    )


def load_weights(directory: Path, encoder: Encoder, head: LMHead) -> None:
    """Load the weights of a saved model into an encoder of its settings, forward alone or not, and its head.

    Raises:
        CheckpointError: A file is missing or damaged, or the weights do not fit.
    """
    settings = ModelSettings.read(directory, forward_alone=True)
    for name, module in ((MODEL, encoder), (LM_HEAD, head)):
        settings.check(directory, name, with_hash=True)
        fill(module, directory / name, read_tensors(directory / name))


def _read_bilm(path: Path, config: BiLMConfig) -> BiLM:
    with shapes_alone():  # wrong settings must not allocate memory
        bilm = BiLM(config)
    fill(bilm, path, read_tensors(path))
    return bilm.eval()


def _read_head(directory: Path, vocabulary: Vocabulary | None, dim: int) -> LMHead:
    if vocabulary is None:
        raise CheckpointError(f"{directory}: expected {VOCABULARY} beside the head, found none")
    return read_head(directory / LM_HEAD, len(vocabulary), dim)
