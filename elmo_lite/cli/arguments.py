"""Command-line arguments of a typed function: flags and YAML are parsed, and the function is called."""

from __future__ import annotations

import functools
import operator
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from jsonargparse import ArgumentError, ArgumentParser, Namespace

from elmo_lite.cli.common import QUIET, common_options
from elmo_lite.cli.messages import as_typed, nearest, one_line, with_known_flags
from elmo_lite.cli.signatures import function_parser, values_of
from elmo_lite.errors import ConfigError, ElmoLiteError
from elmo_lite.metadata import read_yaml
from elmo_lite.presets import preset_path

LONGEST_MESSAGE = 500
"""Number of characters of an error of the parser, which quotes whole values."""

Defaults = Callable[[Mapping[str, Any]], Mapping[str, Any]]
"""Function of the parsed arguments by name that returns new defaults: nested settings, as in YAML."""


def call_with_arguments(
    function: Callable[..., Any],
    argv: Sequence[str],
    *,
    prog: str,
    positionals: Sequence[str],
    preset_group: str,
    defaults: Defaults | None = None,
    hints: Mapping[str, str] | None = None,
) -> Any:
    """Parse ``argv`` by the signature of a function and call the function.

    Args:
        function: Annotated function, see ``signatures.function_parser``. The parameter ``config`` is read from
            ``--config`` (preset or YAML file) and from one dotted flag per field.
        argv: Arguments after the name of the command.
        prog: Program and command, for the help.
        positionals: Names of parameters without a flag. A list takes one or more values.
        preset_group: Folder of ``configs/`` with the presets of ``--config``.
        defaults: Function that computes defaults from the files and flags. Defaults to those of the signature.
        hints: What to say of an argument, by name, if its value is wrong. Defaults to nothing.

    Returns:
        Result of the function.

    Raises:
        ConfigError: A key or flag is unknown, or a value has the wrong type. The message is one line with the key.
        SystemExit: ``--help`` is given.
    """
    parser = function_parser(function, prog, positionals)
    try:
        arguments = parse(parser, argv, preset_group, defaults)
    except ConfigError as error:
        hint = (hints or {}).get(str(error).partition(":")[0])
        raise ConfigError(f"{error} ({hint})") if hint else error from None
    values = values_of(function, arguments)
    with common_options(arguments[QUIET], arguments["threads"], arguments["max_line_bytes"]):
        try:
            return function(**values)
        except ElmoLiteError as error:
            error.args = (with_known_flags(str(error), parser),)
            raise


def parse(
    parser: ArgumentParser, argv: Sequence[str], preset_group: str = "pretrain", defaults: Defaults | None = None
) -> dict[str, Any]:
    """Parse arguments; see ``call_with_arguments``.

    Returns:
        Values by name of the argument, groups of the config as dataclasses.

    Raises:
        ConfigError: A key or flag is unknown, or a value has the wrong type.
        SystemExit: ``--help`` is given.
    """
    configs, rest = _split_configs(argv)
    paths = [preset_path(name, preset_group) for name in configs]
    _check_flags(rest, parser)
    for path in paths:
        _check_yaml(path, parser)
    # Files come first, so that a flag always overrides a file.
    ordered = [*(f"--config={path}" for path in paths), *rest]
    try:
        parsed = parser.parse_args(ordered)
        if defaults is not None and (settings := defaults(vars(parsed))):
            parser.set_defaults(_by_dotted_key(settings, parser))
            parsed = parser.parse_args(ordered)
    except ArgumentError as error:
        raise ConfigError(as_typed(one_line(str(error)), parser)) from None
    _check_null(parsed, parser)
    return dict(vars(parser.instantiate(parsed)))


def _check_null(parsed: Namespace, parser: ArgumentParser) -> None:
    """Raise an error for a null where a value is needed; jsonargparse takes it as the value of any setting."""
    for action in parser._actions:
        types = getattr(action, "_typehint", None)
        if types is not None and action.default is not None and parsed.get(action.dest, "") is None:
            if type(None) not in typing.get_args(types):
                raise ConfigError(f"{action.dest}: expected a value, found null")


def _by_dotted_key(settings: Mapping[str, Any], parser: ArgumentParser) -> dict[str, Any]:
    """Values of nested settings by dotted key of the parser."""
    known = {action.dest for action in parser._actions}
    found: dict[str, Any] = {}
    for key in _dotted_keys(settings, known):
        if key not in known:
            raise ConfigError(f"unknown key {key}{nearest(key, known)}")
        found[key] = functools.reduce(operator.getitem, key.split("."), settings)
    return found


def _split_configs(argv: Sequence[str]) -> tuple[list[str], list[str]]:
    """Values of ``--config X`` and ``--config=X``, and all other arguments."""
    configs: list[str] = []
    rest: list[str] = []
    remaining = iter(argv)
    for argument in remaining:
        if argument == "--config":
            value = next(remaining, None)
            if value is None or value.startswith("--"):
                raise ConfigError("--config: expected the name of a preset or a YAML file, found nothing")
            configs.append(value)
        elif argument.startswith("--config="):
            configs.append(argument.removeprefix("--config="))
        else:
            rest.append(argument)
    return configs, rest


def _check_flags(argv: Sequence[str], parser: ArgumentParser) -> None:
    """Raise an error for an unknown flag that names the nearest known one; argparse lists all unknown arguments."""
    known = parser._option_string_actions  # argparse has no public list of flags
    for argument in argv:
        if argument == "--":
            return
        flag = argument.partition("=")[0]
        if flag.startswith("--") and flag not in known:
            raise ConfigError(f"{flag}: unknown flag{nearest(flag, known)}")


def _check_yaml(path: Path, parser: ArgumentParser) -> None:
    """Raise an error for an unknown key of a YAML file that names the nearest known one."""
    content = read_yaml(path)
    if content is None:
        return
    if not isinstance(content, dict):
        raise ConfigError(f"{path}: expected settings as `key: value`, found a {type(content).__name__}")
    known = {action.dest for action in parser._actions}
    for key in _dotted_keys(content, known):
        if key not in known:
            raise ConfigError(f"{path}: unknown key {key}{nearest(key, known)}")


def _dotted_keys(settings: Mapping[Any, Any], known: set[str], prefix: str = "") -> Iterator[str]:
    """Yield the dotted keys of nested settings. A mapping below an unknown key is not searched."""
    for name, value in settings.items():
        key = f"{prefix}{name}"
        if not any(other.startswith(f"{key}.") for other in known):
            yield key
        elif isinstance(value, dict):
            yield from _dotted_keys(value, known, f"{key}.")
        else:
            raise ConfigError(f"{key}: expected settings as `key: value`, found {value!r:.80}")
