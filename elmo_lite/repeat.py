"""The command line that repeats a run: the nearest preset, and a flag for every setting that differs from it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from elmo_lite.errors import ConfigError
from elmo_lite.fields import from_settings
from elmo_lite.metadata import read_yaml
from elmo_lite.nn.config import dotted, to_dict
from elmo_lite.presets import preset_names, preset_path

__all__ = ["repeat_command"]


def repeat_command(
    command: str,
    config: Any,
    arguments: Mapping[str, str | None],
    *,
    positionals: Sequence[str] = (),
    short: Mapping[str, str] | None = None,
    with_preset: bool = False,
) -> str:
    """The command line of a run, for a shell.

    Args:
        command: Name of the command, such as "ner train".
        config: Dataclass of its settings, whose fields all have defaults.
        arguments: Values of its other flags by name; None leaves a flag out.
        positionals: Values without a flag, which come first. Defaults to none.
        short: Short flags by dotted key of the setting. Defaults to none.
        with_preset: Name a preset even if the defaults are nearer, where the command has other defaults than the
            dataclass. Defaults to False.
    """
    group, values = command.split()[0], dotted(to_dict(config))
    differing = {
        name: {key: value for key, value in values.items() if value != base[key]}
        for name, base in _bases(type(config), group)
        if name or not with_preset
    }
    preset = min(differing, key=lambda name: len(differing[name]), default="")
    words = ["elmo-lite", *command.split(), *positionals, *(["--config", preset] if preset else [])]
    for key, value in differing.get(preset, values).items():
        words += [f"--{(short or {}).get(key, key)}", _typed(value)]
    for name, argument in arguments.items():
        words += [] if argument is None else [f"--{name}", argument]
    return shlex.join(words)


def _bases(make: type[Any], group: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The settings that a command line may start from, by dotted key: the defaults, named "", and the presets."""
    default = to_dict(make())
    yield "", dotted(default)
    for name in preset_names(group):
        try:
            preset = from_settings(make, _merged(default, read_yaml(preset_path(name, group)) or {}))
        except ConfigError:  # a preset of the user's own making
            continue
        yield name, dotted(to_dict(preset))


def _merged(settings: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Nested settings with changes."""
    merged = dict(settings)
    for key, value in changes.items():
        inner = merged.get(key)
        merged[key] = _merged(inner, value) if isinstance(inner, dict) and isinstance(value, dict) else value
    return merged


def _typed(value: Any) -> str:
    """A value as it is typed after its flag."""
    return value if isinstance(value, str) else json.dumps(value)
