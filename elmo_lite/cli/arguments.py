"""Command-line arguments of a typed function, and YAML and dotted flags of its ``config`` dataclass."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import operator
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from jsonargparse import ArgumentError, ArgumentParser, Namespace, set_parsing_settings

from elmo_lite.cli.common import COMMON, QUIET, add_common_options, common_options
from elmo_lite.cli.help import RARE, HelpFormatter, arrange, documentation_of, usage_word
from elmo_lite.cli.messages import as_typed, nearest, one_line, with_known_flags
from elmo_lite.errors import ConfigError, ElmoLiteError
from elmo_lite.metadata import read_yaml
from elmo_lite.presets import preset_path

CONFIG = "config"
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
        function: Annotated function. Required parameters are positional if ``positionals`` names them, and required
            flags otherwise; a positional one with a default may be left out. ``bool`` parameters are flags without a
            value. A parameter ``config`` annotated with a dataclass is read from ``--config`` (preset or YAML file) and
            from one dotted flag per field.
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
    parameters = inspect.signature(function).parameters
    values = {name: arguments[name] for name in parameters if name != CONFIG}
    if CONFIG in parameters:
        config_type = typing.get_type_hints(function)[CONFIG]
        names = [field.name for field in dataclasses.fields(config_type)]
        values[CONFIG] = config_type(**{name: arguments[name] for name in names})
    with common_options(arguments[QUIET], arguments["threads"], arguments["max_line_bytes"]):
        try:
            return function(**values)
        except ElmoLiteError as error:
            error.args = (with_known_flags(str(error), parser),)
            raise


def function_parser(function: Callable[..., Any], prog: str, positionals: Sequence[str]) -> ArgumentParser:
    """The parser of a command. Help texts come from the docstrings of the function and of the fields of the config."""
    set_parsing_settings(docstring_parse_attribute_docstrings=True)
    documentation = documentation_of(function)
    parser = ArgumentParser(
        prog=prog,
        description=documentation.summary,
        exit_on_error=False,
        formatter_class=HelpFormatter,
        add_help=False,
    )
    common = parser.add_argument_group(COMMON)
    add_common_options(common)
    types, parameters = typing.get_type_hints(function), inspect.signature(function).parameters
    required, rare = parser.add_argument_group("required arguments"), parser.add_argument_group(RARE)
    usage = []
    for name, parameter in parameters.items():
        if name in (CONFIG, QUIET):
            continue
        is_required = parameter.default is parameter.empty
        group = required if is_required else rare if name in documentation.rare else parser._optionals
        kind = {"positional": name in positionals, "alone": not {*positionals} - {CONFIG}}
        action = _add_argument(group, parameter, types[name], documentation.help_of.get(name, ""), **kind)
        usage += [usage_word(action)] if is_required else [f"[{action.metavar}]"] if name in positionals else []
    if CONFIG in parameters:
        parser.add_argument("--config", action="config", help="Name of a preset or path of a YAML file.")
        parser.add_class_arguments(types[CONFIG])
        _allow_bare_switches(parser)
    arrange(parser, required, common, rare, usage)
    return parser


def _allow_bare_switches(parser: ArgumentParser) -> None:
    """Let ``--pair`` mean ``--pair true`` for every setting that is true or false."""
    for action in parser._actions:
        if getattr(action, "_typehint", None) in (bool, bool | None):
            action.nargs, action.const = "?", True


def _add_argument(
    group: Any, parameter: inspect.Parameter, annotation: Any, text: str, *, positional: bool, alone: bool
) -> Any:
    """Add the argument of one parameter to a parser or one of its groups; ``alone`` if the command has flags alone."""
    name = parameter.name
    if positional:
        number = "+" if _is_list(annotation) else None if parameter.default is parameter.empty else "?"
        return group.add_argument(name, type=str, nargs=number, help=text, metavar=name.upper())
    if annotation is bool:
        return group.add_argument(f"--{name}", action="store_true", help=text)
    if _is_list(annotation):
        # Beside positional arguments one value per flag: a flag with several would also take those after it.
        several: dict[str, Any] = {"action": "extend", "nargs": "+"} if alone else {"action": "append"}
        return group.add_argument(f"--{name}", type=str, help=text, **several, **_default_of(parameter))
    return group.add_argument(f"--{name}", type=annotation, help=text, **_default_of(parameter))


def _is_list(annotation: Any) -> bool:
    """Whether a parameter takes several strings: ``list[str]`` or ``list[str] | None``."""
    return any(typing.get_origin(part) is list for part in (annotation, *typing.get_args(annotation)))


def _default_of(parameter: inspect.Parameter) -> dict[str, Any]:
    if parameter.default is inspect.Parameter.empty:
        return {"required": True}
    return {"default": parameter.default}


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
