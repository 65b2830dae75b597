"""Help of a command: short usage, required arguments first; rare options and settings of groups in the long help."""

from __future__ import annotations

import argparse
import inspect
import json
from argparse import SUPPRESS, Action
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from docstring_parser import parse_from_object
from docstring_parser.google import DEFAULT_SECTIONS, GoogleParser, Section, SectionType
from jsonargparse import ArgumentParser, DefaultHelpFormatter

_RARE_SECTION = "Other Args"
"""Docstring section of the parameters that are listed last."""
_RARE_KEY = "keyword"
RARE = "rare options"
"""Title of their group in the help."""
_PARSER = GoogleParser([*DEFAULT_SECTIONS, Section(_RARE_SECTION, _RARE_KEY, SectionType.MULTIPLE)])


@dataclass(frozen=True)
class Documentation:
    """Content of the docstring of a command."""

    summary: str
    help_of: dict[str, str]
    """Help text of each parameter."""
    rare: frozenset[str]
    """Parameters that few users need."""


def documentation_of(function: Callable[..., Any]) -> Documentation:
    """Parse the docstring of a command: its summary and the sections "Args" and "Other Args"."""
    parsed = _PARSER.parse(inspect.getdoc(function) or "")
    help_of = {entry.arg_name: " ".join((entry.description or "").split()) for entry in parsed.params}
    rare = frozenset(entry.arg_name for entry in parsed.params if entry.args[0] == _RARE_KEY)
    return Documentation(parsed.short_description or "", help_of, rare)


def attribute_help(kind: type) -> dict[str, str]:
    """Help text of each field of a dataclass: the docstring below it."""
    parsed = parse_from_object(kind)
    return {entry.arg_name: " ".join((entry.description or "").split()) for entry in parsed.params}


class HelpFormatter(DefaultHelpFormatter):
    """Formatter that shows defaults as sentences, in YAML, and no types, since the help texts name them."""

    def _get_help_string(self, action: Action) -> str:
        """The help text of an argument. argparse replaces "%(default)s" and the like in it."""
        text = action.help or ""
        if not action.option_strings or action.required or action.nargs == 0:
            return text
        if action.default is None or action.default in (SUPPRESS, "") or "efaults to" in text:
            return text
        return f"{text} Defaults to {shown(action.default)}."


def shown(value: Any) -> str:
    """A value as one line of YAML."""
    return str(value) if isinstance(value, str) else json.dumps(value)


def arrange(parser: ArgumentParser, required: Any, common: Any, rare: Any, usage: Sequence[str]) -> None:
    """Order the groups of a parser: required arguments, options, settings by group, common options, rare options.

    Args:
        parser: Parser with all arguments.
        required: Group of required arguments.
        common: Group of the options of every command.
        rare: Group of rare options.
        usage: Required arguments in the usage line.
    """
    first: list[Any] = [parser._positionals, required, parser._optionals]
    settings = [group for group in parser._action_groups if group not in (*first, common, rare)]
    parser._action_groups = [*first, *settings, common, rare]
    parser.usage = " ".join([parser.prog, *usage, "[options]"])
    for action in parser._actions:
        if "--print_config" in action.option_strings:
            action.help = "Print all settings as YAML and exit."
        elif type(action).__name__ == "_ActionConfigLoad":  # --model FILE and the like: --config covers them
            action.help = SUPPRESS


def short_help(parser: ArgumentParser) -> str:
    """The help without rare options and without dotted flags, and a line on how to see them."""
    groups = parser._action_groups
    hidden = [group for group in groups if group.title == RARE or _is_dotted(group)]
    parser._action_groups = [group for group in groups if group not in hidden]
    try:
        text = parser.format_help()
    finally:
        parser._action_groups = groups
    number = sum(action.help != SUPPRESS for group in hidden for action in group._group_actions)
    return text + (f"\n{number} more options: {parser.prog} --help_all\n" if number else "")


def _is_dotted(group: Any) -> bool:
    """Whether a group holds settings by dotted key alone."""
    shown = [action for action in group._group_actions if action.help != SUPPRESS]
    return bool(shown) and all("." in action.dest for action in shown)


def typed(action: Action) -> str:
    """An argument as it is typed: ``--out`` or ``TEXT``."""
    return action.option_strings[0] if action.option_strings else str(action.metavar)


def usage_word(action: argparse.Action) -> str:
    """Form of a required argument in the usage line."""
    name = str(action.metavar or action.dest.upper())
    if not action.option_strings:
        return f"{name} [{name} ...]" if action.nargs == "+" else name
    return f"{typed(action)} {name}"
