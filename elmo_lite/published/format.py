"""Load and save models in the published ELMo format: ``options.json`` and an HDF5 file of weights.

Loading a model and saving it again preserves every value bit for bit. Every model of this library can be saved, but
the format holds the encoder alone, without vocabulary, language model head and tokenisation.
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
from elmo_lite.paths import expanded
from elmo_lite.published.options import config_from_options, options_from_config, read_options
from elmo_lite.published.weights import open_weights, write_weights
from elmo_lite.saved_model.checkpoint import check_target

logger = logging.getLogger(__name__)

StrPath = str | os.PathLike[str]

OPTIONS = "published_options"
"""Key in ``Elmo.training_facts`` of the options that a model was loaded with."""

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


def load(options_file: StrPath, weight_file: StrPath, requires_grad: bool = False) -> Elmo:
    """Load a model in the published format.

    Args:
        options_file: The model's ``options.json``.
        weight_file: The model's HDF5 file.
        requires_grad: Whether the encoder is trainable. Defaults to False, a frozen encoder.

    Returns:
        The model on the CPU, in float32 and in eval mode. Plain strings are split on whitespace.

    Raises:
        CheckpointError: A file is missing, damaged or not of this format, or the two disagree; the place is named.
    """
    options_path, weight_path = _local(options_file), _local(weight_file)
    options = read_options(options_path)
    lstm, filters = options["lstm"], options["char_cnn"]["filters"]
    with open_weights(weight_path) as weights:
        config = config_from_options(
            options,
            # The original code omits a projection if the widths agree.
            cnn_projection=weights.has("CNN_proj/W_proj") or sum(n for _, n in filters) != lstm["projection_dim"],
            lstm_projection=weights.has("/W_P_0") if lstm["dim"] == lstm["projection_dim"] else None,
        )
        weights.check(config)
        if config.projection_clip is None and weights.has_identity_projections(config):
            config = dataclasses.replace(config, lstm_projection=None)
        with torch.random.fork_rng(devices=[]):  # keeps the caller's random state
            bilm = BiLM(config)
        weights.fill(bilm)
    if not requires_grad:
        bilm.requires_grad_(False)
    return Elmo(bilm, training_facts={OPTIONS: options}).eval()


def save(elmo: Elmo, options_file: StrPath, weight_file: StrPath, overwrite: bool = False) -> None:
    """Save a model's encoder in the published format, in float32.

    Both files are written under temporary names and then renamed.

    Args:
        elmo: The model. The options that it was loaded with are written unchanged if they still describe it.
        options_file: Path of the ``options.json`` to write, in an existing folder.
        weight_file: Path of the HDF5 file to write, in an existing folder.
        overwrite: Whether to replace existing files. Defaults to False.

    Raises:
        CheckpointError: A file cannot be written, or exists and ``overwrite`` is false.
    """
    options_path, weight_path = check_targets(options_file, weight_file, overwrite)
    options = options_from_config(elmo.bilm.config, elmo.training_facts.get(OPTIONS))
    with replace_file(options_path) as new_options, replace_file(weight_path) as new_weights:
        write_weights(new_weights, elmo.bilm)
        new_options.write_text(json.dumps(options) + "\n", encoding="utf-8", newline="\n")


def check_targets(options_file: StrPath, weight_file: StrPath, overwrite: bool) -> tuple[Path, Path]:
    """Check and return the paths to write to.

    Raises:
        CheckpointError: Both paths are the same, a folder does not exist, or a path is in use.
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
    return expanded(path)


def import_command(options: str, weights: str, model: str, *, overwrite: bool = False) -> None:
    """Turn a model in the published ELMo format into a saved model directory.

    Args:
        options: Path of its options.json.
        weights: Path of its HDF5 file.
        model: Saved model directory to write.
        overwrite: Replace the saved model if it exists.
    """
    check_target(model, overwrite)  # fails before the weights are read
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
    check_targets(options, weights, overwrite)  # fails before the model is read
    elmo = Elmo.from_pretrained(model)
    save(elmo, options, weights, overwrite=overwrite)
    logger.info("%s: %s", weights, describe(elmo))
    left_out = [] if elmo.vocabulary is None else ["the vocabulary", "the language model head"]
    left_out += [] if elmo.tokenization.kind == "whitespace" else [f"the tokenisation ({elmo.tokenization})"]
    if left_out:
        logger.info("%s: left out, as the format has no place for them: %s", weights, ", ".join(left_out))


def describe(elmo: Elmo) -> str:
    """Describe the size of a model in one line."""
    config = elmo.bilm.config
    number = sum(weight.numel() for weight in elmo.bilm.parameters())
    cells = f"{config.lstm_dim} cells projected to {config.dim}" if config.has_lstm_projection else f"{config.dim}"
    return f"{config.num_layers} LSTM layers of {cells} per direction, {number:,} parameters"
