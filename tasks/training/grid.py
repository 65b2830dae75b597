"""A grid of settings from the command line, such as ``learning_rate=1e-3,3e-3 dropout=0.3,0.5``."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic

from elmo_lite import ConfigError
from elmo_lite.errors import require
from elmo_lite.extras import named_extra
from elmo_lite.fields import from_settings
from elmo_lite.nn import to_dict
from tasks.training.seeds import WITHOUT_EFFECT, flat
from tasks.training.task import ConfigT
from tasks.training.task_config import SHORT_FLAGS

_CONSTANTS = {"true": True, "false": False, "null": None}


@dataclass(frozen=True)
class Point(Generic[ConfigT]):
    """A point of the grid."""

    values: Mapping[str, Any]
    """Values by dotted key of the setting."""
    config: ConfigT
    """All settings."""

    @property
    def name(self) -> str:
        """The values in words, with the shortest names."""
        ends = [key.rpartition(".")[2] for key in self.values]
        names = [end if ends.count(end) == 1 else key for key, end in zip(self.values, ends, strict=True)]
        shown = (value if isinstance(value, str) else json.dumps(value) for value in self.values.values())
        return " ".join(f"{name}={value}" for name, value in zip(names, shown, strict=True))

    @property
    def folder(self) -> str:
        """The name of its directory, which depends on its values alone."""
        return re.sub(r"[^\w.=+,-]+", "_", self.name.replace(" ", ","))[:200]


def grid_points(config: ConfigT, search: Sequence[str]) -> list[Point[ConfigT]]:
    """All combinations of values.

    Args:
        config: Settings of everything that the grid leaves alone.
        search: ``setting=value,value,...`` of each setting; a name is that of the flag, or its last part where only one
            flag ends in it. Values that hold commas are separated by ``;``.

    Returns:
        The points in the order of scikit-learn's ``ParameterGrid``, by name of the setting.

    Raises:
        ConfigError: A setting is unknown, named twice or without effect on a score, or a value is of the wrong type or
            out of range.
    """
    with named_extra("--search"):
        from sklearn.model_selection import ParameterGrid

    settings = to_dict(config)
    grid: dict[str, list[str]] = {}
    for text in search:
        name, equals, values = text.partition("=")
        require(bool(equals) and bool(values), "search", "setting=value,value,...", text)
        key = _key(name.strip().removeprefix("--"), [key for key, _ in flat(settings)])
        require(key not in grid, "search", f"{key} once", text)
        grid[key] = list(dict.fromkeys(values.split(";" if ";" in values else ",")))
    points = []
    for combination in ParameterGrid(grid):
        changed = settings
        found: dict[str, Any] = {}
        for key, value in combination.items():
            found[key], changed = _changed(config, changed, key, value)
        points.append(Point(found, from_settings(type(config), changed)))
    return points


def _key(name: str, keys: Iterable[str]) -> str:
    """The dotted key of a setting.

    Raises:
        ConfigError: There is none, or there are several, or it does not affect a score.
    """
    short = {short: key for key, short in SHORT_FLAGS.items()}
    keys = [key for key in keys if key not in short]
    key = short.get(name, name)
    if key not in keys:
        ends = [each for each in keys if each.rpartition(".")[2] == key]
        if len(ends) > 1:
            raise ConfigError(f"search: expected one of {', '.join(ends)}, found {name!r}, which may be any of them")
        if not ends:
            known = {each.rpartition(".")[2]: each for each in keys} | short | {each: each for each in keys}
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise ConfigError(f"search: expected the name of a setting, found {name!r}{hint}")
        key = ends[0]
    group, _, last = key.rpartition(".")
    if key == "encoder_inside" or (group == "finetune" and last in WITHOUT_EFFECT):
        raise ConfigError(f"search: expected a setting that changes how well a model learns, found {name!r}")
    return key


def _changed(config: ConfigT, settings: Mapping[str, Any], key: str, text: str) -> tuple[Any, dict[str, Any]]:
    """A value of a setting in its type, and all settings with it.

    Raises:
        ConfigError: The value is of the wrong type or out of range.
    """
    errors = []
    for value in _readings(text):
        changed = _with(settings, key.split("."), value)
        try:
            from_settings(type(config), changed)
        except ConfigError as error:
            errors.append(error)
        else:
            return value, changed
    raise errors[0]


def _readings(text: str) -> Iterator[Any]:
    """What a text on the command line may mean: a number, a constant, the text itself."""
    text = text.strip()
    if text.lower() in _CONSTANTS:
        yield _CONSTANTS[text.lower()]
    for read in (int, float):
        try:
            yield read(text)
        except ValueError:
            continue
    yield text


def _with(settings: Mapping[str, Any], path: Sequence[str], value: Any) -> dict[str, Any]:
    """Nested settings with one value changed."""
    inner = value if len(path) == 1 else _with(settings[path[0]], path[1:], value)
    return {**settings, path[0]: inner}
