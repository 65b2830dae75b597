"""Options file of the published ELMo format: conversion between ``options.json`` and ``BiLMConfig``.

The keys are those of https://github.com/allenai/bilm-tf. Its training code writes further keys next to ``lstm`` and
``char_cnn``; they are kept unchanged.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from elmo_lite.errors import CheckpointError, ElmoLiteError
from elmo_lite.metadata import read_json
from elmo_lite.nn.config import DEEPEST, WIDEST, BiLMConfig, CharCNNConfig
from elmo_lite.text.characters import LONGEST_WIDTH, SHORTEST_WIDTH

Options = dict[str, Any]

FORGET_BIAS = 1.0
"""Constant that TensorFlow adds to the forget gate at run time; published weights do not include it."""


def _integer(least: int, most: int) -> tuple[Callable[[Any], bool], str]:
    return lambda value: type(value) is int and least <= value <= most, f"an integer in {least}..{most}"


def _is_bound(value: Any) -> bool:
    return value is None or (type(value) in (int, float) and 0 <= value < math.inf)


def _is_filters(value: Any) -> bool:
    pairs = isinstance(value, list) and 0 < len(value) <= DEEPEST and all(isinstance(pair, list) for pair in value)
    return pairs and all(len(pair) == 2 and all(type(n) is int and 0 < n <= WIDEST for n in pair) for pair in value)


_BOUND = (_is_bound, "a positive bound, or null for none")
_FLAG = (lambda value: type(value) is bool, "true or false")
_TRUE = (lambda value: value is True, "true")

_REQUIRED: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "lstm.cell_clip": _BOUND,
    "lstm.proj_clip": _BOUND,
    "lstm.dim": _integer(1, WIDEST),
    "lstm.projection_dim": _integer(1, WIDEST),
    "lstm.n_layers": _integer(1, DEEPEST),
    "lstm.use_skip_connections": _FLAG,
    "char_cnn.activation": (lambda value: value in ("relu", "tanh"), "relu or tanh"),
    "char_cnn.embedding.dim": _integer(1, WIDEST),
    "char_cnn.filters": (_is_filters, "a list of pairs [width, number] of positive integers"),
    "char_cnn.n_highway": _integer(0, DEEPEST),
    "char_cnn.n_characters": (
        lambda value: type(value) is int and value in (261, 262),
        "261 (training) or 262 (prediction)",
    ),
    "char_cnn.max_characters_per_token": _integer(SHORTEST_WIDTH, LONGEST_WIDTH),
}
"""Required keys. ``n_characters`` differs between training and prediction, although the weights are the same."""

_OPTIONAL: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "bidirectional": _TRUE,
    "char_cnn.projection_after_highway": _TRUE,
}
"""Optional keys; any other value would be another model."""


def read_options(path: Path) -> Options:
    """Read and check an options file.

    Returns:
        The whole content, unused keys included.

    Raises:
        CheckpointError: The file does not exist or is not JSON, or a key is missing, unknown or out of range; the
            dotted key is named.
    """
    try:
        options = read_json(path)
    except (FileNotFoundError, NotADirectoryError):
        raise CheckpointError(f"{path}: expected the options of a published model, found no such file") from None
    check_options(options, path)
    return dict(options)


def check_options(options: Any, where: object) -> None:
    """Check options as far as possible without the weights.

    Raises:
        CheckpointError: As in ``read_options``; the message starts with ``where``.
    """
    values = dict(_checked_groups(options, where))
    for key in [*_REQUIRED, *(key for key in _OPTIONAL if key in values)]:
        is_right, expected = {**_REQUIRED, **_OPTIONAL}[key]
        if key not in values:
            raise CheckpointError(f"{where}: {key}: expected {expected}, found nothing")
        _require(is_right(values[key]), where, key, expected, values[key])
    unknown = [key for key in values if key.startswith(("lstm.", "char_cnn.")) and key not in {*_REQUIRED, *_OPTIONAL}]
    if unknown:
        group = unknown[0].rpartition(".")[0]
        known = [key.removeprefix(f"{group}.") for key in {**_REQUIRED, **_OPTIONAL} if key.startswith(f"{group}.")]
        raise CheckpointError(f"{where}: {unknown[0]}: expected one of {', '.join(known)}, found an unknown key")
    dim, longest = values["lstm.projection_dim"], values["char_cnn.max_characters_per_token"]
    _require(values["lstm.dim"] >= dim, where, "lstm.dim", f"at least projection_dim = {dim}", values["lstm.dim"])
    widest = max(values["char_cnn.filters"])
    _require(widest[0] <= longest, where, "char_cnn.filters", f"widths in 1..{longest}", widest)


def _checked_groups(options: Any, where: object) -> Iterator[tuple[str, Any]]:
    """Iterate over dotted keys and values of the nested options."""
    _require(isinstance(options, dict), where, "options", "an object", options)
    groups = {"": options}
    for name in ("lstm", "char_cnn", "char_cnn.embedding"):
        parent, _, last = name.rpartition(".")
        groups[name] = groups[parent].get(last)
        _require(isinstance(groups[name], dict), where, name, "an object", groups[name])
    for name, group in groups.items():
        for key, value in group.items():
            dotted = f"{name}.{key}" if name else key
            if dotted not in groups:
                yield dotted, value


def _require(condition: bool, where: object, key: str, expected: str, found: Any) -> None:
    if not condition:
        raise CheckpointError(f"{where}: {key}: expected {expected}, found {json.dumps(found)[:80]}")


def config_from_options(
    options: Options, *, cnn_projection: bool = True, lstm_projection: bool | None = None
) -> BiLMConfig:
    """Convert checked options to model settings.

    Args:
        options: Options, as returned by ``read_options``.
        cnn_projection: Whether the weights have a projection after the highway layers, which options do not tell.
            Defaults to True.
        lstm_projection: Whether the weights have a projection after the cells. Defaults to whether the widths differ.
    """
    lstm, cnn = options["lstm"], options["char_cnn"]
    return BiLMConfig(
        char_cnn=CharCNNConfig(
            embedding_dim=cnn["embedding"]["dim"],
            filters=tuple((width, number) for width, number in cnn["filters"]),
            num_highway=cnn["n_highway"],
            activation=cnn["activation"],
            max_characters=cnn["max_characters_per_token"],
            projection=cnn_projection,
        ),
        dim=lstm["projection_dim"],
        lstm_dim=lstm["dim"],
        lstm_projection=lstm_projection,
        num_layers=lstm["n_layers"],
        skip_connections=lstm["use_skip_connections"],
        # 0 means no clipping in AllenNLP; some files use it because a reader refuses null.
        cell_clip=float(lstm["cell_clip"]) if lstm["cell_clip"] else None,
        projection_clip=float(lstm["proj_clip"]) if lstm["proj_clip"] else None,
        forget_bias=FORGET_BIAS,
        dropout=0.0,
        variational_dropout=False,  # as ever, since the hash of an encoder includes its settings
    )


def options_from_config(config: BiLMConfig, original: Any = None) -> Options:
    """Convert model settings to options.

    Args:
        config: Settings of the model.
        original: Options that the model was loaded with, returned unchanged if they still describe it.
    """
    if original is not None and _describes(original, config):
        return dict(original)
    cnn = config.char_cnn
    return {
        "lstm": {
            "cell_clip": config.cell_clip,
            "proj_clip": config.projection_clip,
            "dim": config.lstm_dim,
            "projection_dim": config.dim,
            "n_layers": config.num_layers,
            "use_skip_connections": config.skip_connections,
        },
        "char_cnn": {
            "activation": cnn.activation,
            "embedding": {"dim": cnn.embedding_dim},
            "filters": [list(pair) for pair in cnn.filters],
            "n_highway": cnn.num_highway,
            "n_characters": 262,
            "max_characters_per_token": cnn.max_characters,
        },
    }


def _describes(options: Any, config: BiLMConfig) -> bool:
    try:
        check_options(options, "options")
        described = config_from_options(
            options, cnn_projection=config.char_cnn.projection, lstm_projection=config.lstm_projection
        )
    except ElmoLiteError:
        return False
    # Dropout affects training alone, and the stored biases compensate for another forget bias.
    training = {name: getattr(described, name) for name in ("dropout", "variational_dropout", "forget_bias")}
    return described == dataclasses.replace(config, **training)
