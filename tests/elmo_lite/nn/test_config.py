"""Settings of the model: what they accept, what they refuse and how they say so."""

from __future__ import annotations

import dataclasses
import json
import math
from typing import Any

import pytest

from elmo_lite.errors import ConfigError
from elmo_lite.nn.config import BiLMConfig, CharCNNConfig, bilm_config_from_dict, dotted, to_dict

FILTERS = ((1, 4), (2, 8))  # 12 in all
CHAR_CNN: dict[str, Any] = {"embedding_dim": 4, "filters": FILTERS}


def make(char_cnn: dict[str, Any] | None = None, **settings: Any) -> BiLMConfig:
    return BiLMConfig(
        char_cnn=CharCNNConfig(**{**CHAR_CNN, **(char_cnn or {})}), **{"dim": 12, "lstm_dim": 12} | settings
    )


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "no width": ({"dim": 0}, "model.dim: expected an integer in 1..65536, found 0"),
    "narrower cell": ({"dim": 16}, "model.lstm_dim: expected at least dim = 16, found 12"),
    "no projection of a wider cell": (
        {"lstm_dim": 20, "lstm_projection": False},
        "model.lstm_projection: expected true or null, as lstm_dim = 20 differs from dim = 12, found False",
    ),
    "no layers": ({"num_layers": 0}, "model.num_layers: expected an integer in 1..100, found 0"),
    "more layers than anyone has": ({"num_layers": 101}, "model.num_layers: expected an integer in 1..100, found 101"),
    "endless clip": ({"cell_clip": math.inf}, "model.cell_clip: expected a positive bound or null, found inf"),
    "endless bias": ({"forget_bias": math.inf}, "model.forget_bias: expected a finite number, found inf"),
    "dropout of everything": ({"dropout": 1.0}, "model.dropout: expected a probability in [0, 1), found 1.0"),
    "negative dropout": ({"dropout": -0.1}, "model.dropout: expected a probability in [0, 1), found -0.1"),
    "cell clip of zero": ({"cell_clip": 0.0}, "model.cell_clip: expected a positive bound or null, found 0.0"),
    "no number as a clip": ({"cell_clip": math.nan}, "model.cell_clip: expected a positive bound or null, found nan"),
    "negative projection clip": (
        {"lstm_dim": 20, "projection_clip": -1.0},
        "model.projection_clip: expected a positive bound or null, found -1.0",
    ),
    "projection clip without a projection": (
        {"projection_clip": 3.0},
        "model.projection_clip: expected null, as no projection follows the cell (lstm_projection: true adds one), "
        "found 3.0",
    ),
    "filters as wide as the model": (
        {"char_cnn": {"projection": False}, "dim": 16, "lstm_dim": 16},
        "model.char_cnn.projection: expected true, as 12 filters differ from dim = 16, found False",
    ),
}

REFUSED_CHAR_CNN: dict[str, tuple[dict[str, Any], str]] = {
    "no width": ({"embedding_dim": 0}, "model.char_cnn.embedding_dim: expected an integer in 1..65536, found 0"),
    "no filters": ({"filters": ()}, "model.char_cnn.filters: expected at least one [width, number], found []"),
    "negative highways": ({"num_highway": -1}, "model.char_cnn.num_highway: expected an integer in 0..100, found -1"),
    "activation": ({"activation": "gelu"}, "model.char_cnn.activation: expected relu or tanh, found 'gelu'"),
    "no room": ({"max_characters": 2}, "model.char_cnn.max_characters: expected an integer in 3..4096, found 2"),
    "filter wider than a word": (
        {"filters": ((1, 4), (9, 2)), "max_characters": 8},
        "model.char_cnn.filters: expected widths in 1..8 and numbers in 1..65536, found [9, 2]",
    ),
    "empty filter": (
        {"filters": ((1, 4), (2, 0))},
        "model.char_cnn.filters: expected widths in 1..50 and numbers in 1..65536, found [2, 0]",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    settings, message = REFUSED[name]
    with pytest.raises(ConfigError) as caught:
        make(**settings)
    assert str(caught.value) == message


@pytest.mark.parametrize("name", REFUSED_CHAR_CNN)
def test_refused_char_cnn(name: str) -> None:
    settings, message = REFUSED_CHAR_CNN[name]
    with pytest.raises(ConfigError) as caught:
        make(char_cnn=settings)
    assert str(caught.value) == message


ENGINES: dict[str, tuple[dict[str, Any], bool, bool]] = {
    "one width": ({}, False, False),
    "one width, said": ({"lstm_projection": False}, False, False),
    "one width, projected": ({"lstm_projection": True}, True, True),
    "wider cell": ({"lstm_dim": 20}, True, True),
    "wider cell, said": ({"lstm_dim": 20, "lstm_projection": True}, True, True),
    "clipped cell": ({"cell_clip": 3.0}, False, True),
    "clipped cell, said": ({"cell_clip": 3.0, "lstm_projection": False}, False, True),
    "both clips": ({"lstm_dim": 20, "cell_clip": 3.0, "projection_clip": 3.0}, True, True),
    "clipped projection": ({"lstm_projection": True, "projection_clip": 3.0}, True, True),
    # the published format names a bound even where nothing is projected
    "a bound on nothing": ({"lstm_projection": False, "projection_clip": 3.0}, False, False),
    "a bound on nothing, clipped cell": (
        {"lstm_projection": False, "projection_clip": 3.0, "cell_clip": 3.0},
        False,
        True,
    ),
}


@pytest.mark.parametrize("name", ENGINES)
def test_which_engine_settings_need(name: str) -> None:
    settings, has_projection, is_projected = ENGINES[name]
    config = make(**settings)
    assert (config.has_lstm_projection, config.is_projected) == (has_projection, is_projected)


@pytest.mark.parametrize("projection", [True, False])
def test_token_layer_with_and_without_a_projection(projection: bool) -> None:
    config = make(char_cnn={"projection": projection})
    assert config.char_cnn.projection is projection and config.char_cnn.num_filters == config.dim
    assert CharCNNConfig(projection=projection).projection is projection  # on its own it knows no width to differ from


CHANGED: dict[str, Any] = {
    "char_cnn": CharCNNConfig(
        embedding_dim=5, filters=((2, 7), (3, 5)), num_highway=3, activation="tanh", max_characters=20, projection=False
    ),
    "dim": 12,
    "lstm_dim": 20,
    "lstm_projection": True,
    "num_layers": 3,
    "skip_connections": False,
    "cell_clip": 2.5,
    "projection_clip": 1.5,
    "forget_bias": 1.0,
    "dropout": 0.25,
    "variational_dropout": False,
}


def test_every_setting_survives_json() -> None:
    changed = BiLMConfig(**CHANGED)
    for config in (changed, changed.char_cnn):
        default = type(config)()
        for field in dataclasses.fields(config):  # else a setting that is lost would not be missed
            assert getattr(config, field.name) != getattr(default, field.name), field.name
    for config in (changed, BiLMConfig(), make(lstm_projection=False)):
        assert bilm_config_from_dict(json.loads(json.dumps(to_dict(config)))) == config


def test_settings_of_models_saved_before_there_were_these() -> None:
    settings = to_dict(make())
    for name in ("lstm_projection", "forget_bias"):
        del settings[name]
    del settings["char_cnn"]["projection"]
    config = bilm_config_from_dict(settings)
    assert config == make() and config.char_cnn.projection and config.forget_bias == 0


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda settings: settings.update(widht=3), "^model.widht: expected one of char_cnn, .*, found an unknown"),
        (lambda settings: settings["char_cnn"].update(widht=3), "^model.char_cnn.widht: expected one of "),
        (lambda settings: settings.pop("char_cnn"), "^model.char_cnn: expected an object, found nothing"),
        (lambda settings: settings.update(lstm_dim=20, lstm_projection=False), "model.lstm_projection: "),
        (lambda settings: settings.update(num_layers=True), "^model.num_layers: expected an integer, found True"),
        (lambda settings: settings.update(dim=12.0), "^model.dim: expected an integer, found 12.0"),
        (lambda settings: settings.update(skip_connections=1), "^model.skip_connections: expected true or false"),
        (lambda settings: settings.update(cell_clip="3"), "^model.cell_clip: expected a finite number or null"),
        (lambda settings: settings["char_cnn"].update(filters=[[1, 2, 3]]), "^model.char_cnn.filters: expected 2 val"),
    ],
)
def test_settings_that_are_none(change: Any, match: str) -> None:
    settings = to_dict(make())
    change(settings)
    with pytest.raises(ConfigError, match=match) as caught:
        bilm_config_from_dict(settings)
    assert "\n" not in str(caught.value)


def test_settings_do_not_change() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        make().dim = 3  # type: ignore[misc]
    assert CharCNNConfig(filters=[[1, 2]]).filters == ((1, 2),)  # type: ignore[arg-type, list-item]


def test_dotted_keys() -> None:
    assert dotted({"a": 1, "b": {"c": [2], "d": {"e": None}}, "f": {}}) == {"a": 1, "b.c": [2], "b.d.e": None}
    assert dotted({"model": to_dict(BiLMConfig())})["model.char_cnn.num_highway"] == 1


def test_tuples_become_lists_at_any_depth() -> None:
    @dataclasses.dataclass
    class Inner:
        pairs: tuple[tuple[int, tuple[int, ...]], ...] = ((1, (2, 3)),)

    @dataclasses.dataclass
    class Outer:
        inner: Inner = dataclasses.field(default_factory=Inner)
        betas: tuple[float, float] = (0.9, 0.99)

    assert to_dict(Outer()) == {"inner": {"pairs": [[1, [2, 3]]]}, "betas": [0.9, 0.99]}
