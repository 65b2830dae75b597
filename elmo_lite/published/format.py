"""Models in the published ELMo format, ``options.json`` and an HDF5 file of weights, read and written.

A file that is read and written again comes back bit by bit. Every model of this library can be written; what a saved
model directory holds besides the encoder (vocabulary, language model head, tokenisation) has no place in the format.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import os
import re
from pathlib import Path

import torch

from elmo_lite.embedding.elmo import Elmo
from elmo_lite.errors import CheckpointError
from elmo_lite.files import replace_file
from elmo_lite.nn.bilm import BiLM
from elmo_lite.published.options import config_from_options, options_from_config, read_options
from elmo_lite.published.weights import open_weights, write_weights
from elmo_lite.saved_model.checkpoint import check_target

logger = logging.getLogger(__name__)

StrPath = str | os.PathLike[str]

OPTIONS = "published_options"
"""Key of ``Elmo.training_facts`` under which the options that a model was read with are kept."""

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


def load(options_file: StrPath, weight_file: StrPath, requires_grad: bool = False) -> Elmo:
    """Read a model in the published format.

    Args:
        options_file: its ``options.json``.
        weight_file: its HDF5 file.
        requires_grad: train the encoder along with a task model; frozen otherwise.

    Returns:
        The model on the CPU, in float32 and in eval mode. Plain strings are split on blanks.

    Raises:
        CheckpointError: a file is missing, damaged, no part of the format, or the two disagree; says where.
    """
    options_path, weight_path = _local(options_file), _local(weight_file)
    options = read_options(options_path)
    lstm, filters = options["lstm"], options["char_cnn"]["filters"]
    with open_weights(weight_path) as weights:
        config = config_from_options(
            options,
            # The original code left a projection out where the widths agreed anyway.
            cnn_projection=weights.has("CNN_proj/W_proj") or sum(n for _, n in filters) != lstm["projection_dim"],
            lstm_projection=weights.has("/W_P_0") if lstm["dim"] == lstm["projection_dim"] else None,
        )
        weights.check(config)
        if config.projection_clip is None and weights.has_identity_projections(config):
            config = dataclasses.replace(config, lstm_projection=None)
        with torch.random.fork_rng(devices=[]):  # loading leaves the caller's random numbers alone
            bilm = BiLM(config)
        weights.fill(bilm)
    if not requires_grad:
        bilm.requires_grad_(False)
    return Elmo(bilm, training_facts={OPTIONS: options}).eval()


def save(elmo: Elmo, options_file: StrPath, weight_file: StrPath, overwrite: bool = False) -> None:
    """Write a model's encoder in the published format, in float32.

    Both files are written under temporary names and renamed.

    Args:
        elmo: the model. Options that it was once read with are written back where they still describe it.
        options_file: where its ``options.json`` shall lie, in a folder that exists.
        weight_file: where its HDF5 file shall lie.
        overwrite: replace files that are already there.

    Raises:
        CheckpointError: one of the files cannot or must not be written there.
    """
    options_path, weight_path = check_targets(options_file, weight_file, overwrite)
    options = options_from_config(elmo.bilm.config, elmo.training_facts.get(OPTIONS))
    with replace_file(options_path) as new_options, replace_file(weight_path) as new_weights:
        write_weights(new_weights, elmo.bilm)
        new_options.write_text(json.dumps(options) + "\n", encoding="utf-8", newline="\n")


def check_targets(options_file: StrPath, weight_file: StrPath, overwrite: bool) -> tuple[Path, Path]:
    """The paths to write to.

    Raises:
        CheckpointError: they are one and the same, no folder is there, or something else is.
    """
    options_path, weight_path = _local(options_file), _local(weight_file)
    if options_path.resolve() == weight_path.resolve():
        raise CheckpointError(f"{weight_path}: expected another file than the options, found the same")
    for path in (options_path, weight_path):
        if not path.parent.is_dir():
            raise CheckpointError(f"{path}: expected an existing folder, found none")
        if path.exists() and not (overwrite and path.is_file()):
            found = "a file (overwrite replaces it)" if path.is_file() else "something else than a file"
            raise CheckpointError(f"{path}: expected nothing there, found {found}")
    return options_path, weight_path


def _local(path: StrPath) -> Path:
    if _URL.match(os.fspath(path)):
        raise CheckpointError(f"{os.fspath(path)}: expected a file on this machine, found a URL: download it first")
    return Path(path).expanduser()


def import_command(options: str, weights: str, model: str, *, overwrite: bool = False) -> None:
    """Turn a model in the published ELMo format into a saved model directory.

    Args:
        options: Path of its options.json.
        weights: Path of its HDF5 file.
        model: Saved model directory to write.
        overwrite: Replace the saved model if it exists.
    """
    check_target(model, overwrite)  # told before the weights are read
    elmo = load(options, weights)
    elmo.save_pretrained(model, overwrite=overwrite)
    logger.info("%s: %s", model, describe(elmo))


def export_command(model: str, options: str, weights: str, *, overwrite: bool = False) -> None:
    """Write the encoder of a saved model in the published ELMo format.

    Args:
        model: Saved model: a directory, a packaged name or a hub name.
        options: Path of the options.json to write.
        weights: Path of the HDF5 file to write.
        overwrite: Replace the files if they exist.
    """
    check_targets(options, weights, overwrite)  # told before the model is read
    elmo = Elmo.from_pretrained(model)
    save(elmo, options, weights, overwrite=overwrite)
    logger.info("%s: %s", weights, describe(elmo))
    left_out = [] if elmo.vocabulary is None else ["the vocabulary", "the language model head"]
    left_out += [] if elmo.tokenization.kind == "whitespace" else [f"the tokenisation ({elmo.tokenization.kind})"]
    if left_out:
        logger.info("%s: left out, as the format has no place for them: %s", weights, ", ".join(left_out))


def describe(elmo: Elmo) -> str:
    """A line on a model's size."""
    config = elmo.bilm.config
    number = sum(weight.numel() for weight in elmo.bilm.parameters())
    cells = f"{config.lstm_dim} cells projected to {config.dim}" if config.has_lstm_projection else f"{config.dim}"
    return f"{config.num_layers} LSTM layers of {cells} per direction, {number:,} parameters"
