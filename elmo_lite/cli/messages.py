"""Messages of the parser in one line, with arguments as they are typed."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

from jsonargparse import ArgumentParser

from elmo_lite.cli.help import typed

_LONGEST = 1000
"""Maximum number of characters of a message, which may quote a value of any length."""

_NAME_OF = {"int": "an integer", "float": "a number", "bool": "true or false", "str": "a string", "tuple": "a list"}
"""Types of settings, as messages name them."""


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint such as ``; did you mean --out?``, or an empty string if no known name is close."""
    known = sorted(known)
    # The last part of a dotted key matters more than its group: `batch_size` means `data.batch_size`.
    same_end = [other for other in known if other.rpartition(".")[2] == name.rpartition(".")[2].lstrip("-")]
    found = difflib.get_close_matches(name, known, n=1) or same_end[:1]
    return f"; did you mean {found[0]}?" if found else ""


def as_typed(message: str, parser: ArgumentParser) -> str:
    """A message of argparse with the arguments as they are typed."""
    required, _, names = message.partition("arguments are required: ")
    if required == "the following ":
        typed_as = {action.dest: typed(action) for action in parser._actions}
        listed = ", ".join(typed_as.get(name, name) for name in names.split(", "))
        return f"expected {listed}, found no such argument (usage: {parser.usage})"
    message = re.sub(
        r"^argument (\S+): expected (?:at least )?one argument$", r"\1: expected a value, found none", message
    )
    return re.sub(r"^unrecognized arguments: (.*)$", r"expected no more arguments, found \1", message)


def one_line(message: str) -> str:
    """A message of the parser on one line, as "key: expected ..., found ..." where a value has the wrong type."""
    line = re.sub(r"<class '(\w+)'>", r"\1", " ".join(message.split()))
    line = re.sub(r'^Parser key "([^"]+)":\s*', r"\1: ", line)
    found = re.fullmatch(
        r"(\S+: )(?:Does not validate .*? Errors: - )?(Expected .*?)\.? (?:Got|Given) value.*?: (.*)", line
    )
    if found:
        key, expected, value = found.groups()
        value = value.rpartition("Given value: ")[2] if "Given value: " in value else value
        line = f"{key}{_expectation(expected, value)}"
    line = re.sub(
        r"^(\S+): Unable to load config '(.*?)'.*$", r"\1: expected --\1.NAME for one setting, found \2", line
    )
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]} ..."


def _expectation(expected: str, value: str) -> str:
    """What jsonargparse expects, one type or several of a union, and what it found."""
    options = list(dict.fromkeys(re.findall(r"'([^']+)'", expected)))
    kinds = re.findall(r"Expected an? (\w+)\b", expected)
    named = [_NAME_OF.get(kind, f"a {kind}") for kind in kinds if kind not in ("NoneType", "typing")]
    choice = [f"one of {', '.join(options)}"] if options else []
    return f"expected {' or '.join([*choice, *named])}, found {value}{nearest(value, options)}"


def with_known_flags(message: str, parser: ArgumentParser) -> str:
    """A message whose flags are those of the command: ``--text_column`` where it has no ``--data.text_column``.

    Code that several commands share names a setting by its dotted key. Flags without a dot may be another command's.
    """

    def spelled(found: re.Match[str]) -> str:
        name = found[0].removeprefix("--").rpartition(".")[2]
        known = parser._option_string_actions
        same = [flag for flag in known if flag.startswith("--") and flag.lstrip("-").rpartition(".")[2] == name]
        return found[0] if found[0] in known or not same else same[0]

    return re.sub(r"(?<![\w-])--[a-z]\w*\.[\w.]*\w", spelled, message)
