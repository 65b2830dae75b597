"""The saved model directory: written whole or not at all, checked before it is used.

Its files are those of ``model_settings``. None is a pickle.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from elmo_lite.errors import CheckpointError
from elmo_lite.files import describe_file, put_in_place, scratch_directory
from elmo_lite.nn.bilm import BiLM
from elmo_lite.nn.config import BiLMConfig
from elmo_lite.nn.lm_head import LMHead
from elmo_lite.saved_model.card import model_card
from elmo_lite.saved_model.head import FLOAT_TYPES, HEAD_TYPES, read_head, write_head
from elmo_lite.saved_model.names import find_model
from elmo_lite.saved_model.settings import CONFIG, FILES, LM_HEAD, MODEL, MODEL_CARD, VOCABULARY, ModelSettings
from elmo_lite.saved_model.tensors import fill, read_tensors, shapes_alone, write_tensors
from elmo_lite.text.tokenization import Tokenization
from elmo_lite.text.vocabulary import Vocabulary


@dataclass(frozen=True)
class SavedModel:
    """What a saved model directory holds."""

    bilm: BiLM
    """The encoder, on the CPU, in float32 and in eval mode."""
    tokenization: Tokenization
    """How the model's training text was split into words."""
    vocabulary: Vocabulary | None = None
    """Classes of the language model, where they were saved."""
    lm_head: LMHead | None = None
    """The softmax, where it was saved and asked for."""
    training: dict[str, Any] = field(default_factory=dict)
    """Facts about the training run, as it wrote them."""


def save_model(
    directory: str | os.PathLike[str],
    bilm: BiLM,
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
        directory: where the model shall lie; its parent is made if need be.
        bilm: the encoder; its weights may be on any device.
        tokenization: how its training text was split.
        vocabulary: the language model's classes; needed with ``lm_head``.
        lm_head: the softmax over the classes.
        training: facts about the training run, of JSON types, kept in ``config.json`` and shown in the model card.
        dtype: "float32", "float16" or "bfloat16" for the stored weights; as they are where None.
        overwrite: replace a saved model that is already there. Anything else that lies there is never replaced.
        head_dtype: the same for the softmax, or "int8": 8 bits a number and a scale a row; as ``dtype`` where None.

    Returns:
        The directory.

    Raises:
        CheckpointError: something lies there already, the head does not belong to the vocabulary, or a dtype cannot
            hold the weights.
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
    """The place to write a saved model to. Only a saved model is ever replaced, and that only if asked.

    Returns:
        The absolute path; a link is followed, so that it stays and what it points to is replaced.

    Raises:
        CheckpointError: something lies there.
    """
    target = Path(directory).expanduser().resolve()
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
    """Read a saved model directory, a packaged model, or one from the model hub.

    Args:
        path_or_name: a directory; where there is none, the name of a packaged model such as ``en``; else a hub name
            such as ``owner/model``.
        with_head: read the softmax too; where None, if there is one.
        revision: branch, tag or commit on the hub.

    Returns:
        The model on the CPU, in float32 (whatever precision it was stored in), in eval mode.

    Raises:
        CheckpointError: no such model, a missing, truncated, foreign or newer file, or weights that do not fit.
    """
    directory = find_model(path_or_name, revision)
    settings = ModelSettings.read(directory)
    wanted = [MODEL, *(name for name in (VOCABULARY,) if name in settings.files)]
    if with_head or (with_head is None and LM_HEAD in settings.files):
        wanted.append(LM_HEAD)
    for name in dict.fromkeys([*settings.files, *wanted]):
        # The head can be far larger than the encoder: where it is not read, its size is enough.
        settings.check(directory, name, with_hash=name in wanted)
    vocabulary = Vocabulary.load(directory / VOCABULARY) if VOCABULARY in wanted else None
    return SavedModel(
        bilm=_read_bilm(directory / MODEL, settings.model),
        tokenization=settings.tokenization,
        vocabulary=vocabulary,
        lm_head=_read_head(directory, vocabulary, settings.model.dim) if LM_HEAD in wanted else None,
        training=settings.training,
    )


def _read_bilm(path: Path, config: BiLMConfig) -> BiLM:
    with shapes_alone():  # a wrong config must not allocate what it claims
        bilm = BiLM(config)
    fill(bilm, path, read_tensors(path))
    return bilm.eval()


def _read_head(directory: Path, vocabulary: Vocabulary | None, dim: int) -> LMHead:
    if vocabulary is None:
        raise CheckpointError(f"{directory}: expected {VOCABULARY} beside the head, found none")
    return read_head(directory / LM_HEAD, len(vocabulary), dim)
