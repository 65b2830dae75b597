"""Messages of the parser: one line, what is expected and what was found."""

from dataclasses import dataclass
from typing import Literal

import pytest

from elmo_lite import ConfigError
from elmo_lite.cli.arguments import parse
from elmo_lite.cli.signatures import function_parser


@dataclass(frozen=True, kw_only=True)
class Part:
    """A group of settings."""

    sizes: tuple[int, ...] = (1,)
    """Sizes."""
    rate: float | None = None
    """Rate."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Settings of all types that commands have."""

    number: int = 1
    """A number."""
    some: int | str | None = None
    """A number, a name or nothing."""
    switch: bool | None = None
    """A switch."""
    kind: Literal["auto", "words", "whitespace"] = "auto"
    """A choice."""
    several: Literal["text", "jsonl"] | Literal["spans"] | None = None
    """A choice from two lists."""
    mixed: Literal["all"] | int = "all"
    """A choice or a number."""
    part: Part = Part()
    """A group."""


def command(config: Settings) -> None:
    """Do nothing."""


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--number", "x"], "number: expected an integer, found x"),
        (["--number", "2.5"], "number: expected an integer, found 2.5"),
        (["--number", "expected: a Got value: b"], "number: expected an integer, found expected: a Got value: b"),
        (["--switch", "maybe"], "switch: expected true or false, found maybe"),
        (["--kind", "word"], "kind: expected one of auto, words, whitespace, found word; did you mean words?"),
        (["--kind", "x"], "kind: expected one of auto, words, whitespace, found x"),
        (["--several", "jsn"], "several: expected one of text, jsonl, spans, found jsn; did you mean jsonl?"),
        (["--mixed", "some"], "mixed: expected one of all or an integer, found some"),
        (["--part.sizes", "abc"], "part.sizes: expected a list, found abc"),
        (["--part.rate", "fast"], "part.rate: expected a number, found fast"),
        (["--part", "3"], "part: expected --part.NAME for one setting, found 3"),
    ],
)
def test_a_value_of_a_wrong_type(flags: list[str], message: str) -> None:
    with pytest.raises(ConfigError) as error:
        parse(function_parser(command, "command", ()), flags)
    assert str(error.value) == message
