"""The parser of the arguments of a typed function, with YAML and dotted flags of its ``config`` dataclass."""

from __future__ import annotations

import dataclasses
import inspect
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jsonargparse import ArgumentParser, set_parsing_settings

from elmo_lite.cli.common import COMMON, QUIET, add_common_options
from elmo_lite.cli.help import RARE, HelpFormatter, arrange, attribute_help, documentation_of, usage_word

CONFIG = "config"
_REQUIRED: Any = inspect.Parameter.empty


@dataclass(frozen=True)
class _Argument:
    """A parameter, or a field of a parameter that is a dataclass."""

    name: str
    type: Any
    default: Any
    help: str
    is_rare: bool = False


def function_parser(function: Callable[..., Any], prog: str, positionals: Sequence[str]) -> ArgumentParser:
    """The parser of a command. Help texts come from the docstrings of the function and of the fields of dataclasses.

    Args:
        function: Annotated function. Required parameters are positional if ``positionals`` names them, and required
            flags otherwise; a positional one with a default may be left out. ``bool`` parameters are flags without a
            value. The fields of a parameter annotated with a dataclass are flags as if they were parameters; those of
            ``config`` are settings, with dotted flags and YAML.
        prog: Program and command, for the help.
        positionals: Names of parameters without a flag. A list takes one or more values.
    """
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
    required, rare = parser.add_argument_group("required arguments"), parser.add_argument_group(RARE)
    usage = []
    for argument in _arguments(function):
        is_required = argument.default is _REQUIRED
        group = required if is_required else rare if argument.is_rare else parser._optionals
        is_positional = argument.name in positionals
        action = _add(group, argument, positional=is_positional, alone=not {*positionals} - {CONFIG})
        usage += [usage_word(action)] if is_required else [f"[{action.metavar}]"] if is_positional else []
    types = typing.get_type_hints(function)
    if CONFIG in types:
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


def values_of(function: Callable[..., Any], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Values of the parameters of a function, from those of the arguments of its parser by name."""
    types, values = typing.get_type_hints(function), {}
    for name in inspect.signature(function).parameters:
        kind = types[name]
        if dataclasses.is_dataclass(kind):
            fields = {field.name: arguments[field.name] for field in dataclasses.fields(kind)}
            values[name] = typing.cast(Any, kind)(**fields)
        else:
            values[name] = arguments[name]
    return values


def _arguments(function: Callable[..., Any]) -> Iterator[_Argument]:
    """The arguments of a function, but for its settings and the common ones."""
    documentation, types = documentation_of(function), typing.get_type_hints(function)
    for name, parameter in inspect.signature(function).parameters.items():
        if name in (CONFIG, QUIET):
            continue
        if dataclasses.is_dataclass(types[name]):
            yield from _fields(types[name])
        else:
            text, is_rare = documentation.help_of.get(name, ""), name in documentation.rare
            yield _Argument(name, types[name], parameter.default, text, is_rare)


def _fields(kind: Any) -> Iterator[_Argument]:
    help_of, types = attribute_help(kind), typing.get_type_hints(kind)
    for field in dataclasses.fields(kind):
        default = _REQUIRED if field.default is dataclasses.MISSING else field.default
        yield _Argument(field.name, types[field.name], default, help_of.get(field.name, ""))


def _add(group: Any, argument: _Argument, *, positional: bool, alone: bool) -> Any:
    """Add an argument to a parser or one of its groups; ``alone`` if the command has flags alone."""
    name, kind, text = argument.name, argument.type, argument.help
    if positional:
        number = "+" if _is_list(kind) else None if argument.default is _REQUIRED else "?"
        return group.add_argument(name, type=str, nargs=number, help=text, metavar=name.upper())
    if kind is bool:
        return group.add_argument(f"--{name}", action="store_true", help=text)
    default = {"required": True} if argument.default is _REQUIRED else {"default": argument.default}
    if _is_list(kind):
        # Beside positional arguments one value per flag: a flag with several would also take those after it.
        several: dict[str, Any] = {"action": "extend", "nargs": "+"} if alone else {"action": "append"}
        return group.add_argument(f"--{name}", type=str, help=text, **several, **default)
    return group.add_argument(f"--{name}", type=kind, help=text, **default)


def _is_list(annotation: Any) -> bool:
    """Whether a parameter takes several strings: ``list[str]`` or ``list[str] | None``."""
    return any(typing.get_origin(part) is list for part in (annotation, *typing.get_args(annotation)))
