"""Arguments of a function whose flags are in a dataclass."""

import dataclasses
from dataclasses import dataclass

import pytest

from elmo_lite.cli.arguments import call_with_arguments
from elmo_lite.cli.signatures import function_parser, values_of
from elmo_lite.errors import ConfigError


@dataclass(frozen=True)
class Flags:
    """Flags that commands share."""

    out: str
    """Directory to write."""
    rounds: int = 1
    """Number of rounds."""
    tried: list[str] | None = None
    """Values to try,
    one or more."""
    overwrite: bool = False
    """Replace it."""


def command(*, source: str, flags: Flags, other: int = 2, quiet: bool = False) -> tuple[str, Flags, int, bool]:
    """Do something.

    Args:
        source: File to read.
        flags: What is said in ``Flags``.
        other: Number of others.
        quiet: Show no progress.
    """
    return source, flags, other, quiet


def call(line: str) -> object:
    return call_with_arguments(command, line.split(), prog="do", positionals=(), preset_group="none")


def test_fields_are_flags_of_their_own() -> None:
    assert call("--source a --out b") == ("a", Flags("b"), 2, False)
    given = "--source a --out b --tried x=1 y --rounds 3 --other 4 --overwrite --quiet"
    assert call(given) == ("a", Flags("b", 3, ["x=1", "y"], True), 4, True)


def test_their_help_is_the_docstring_of_the_field() -> None:
    text = " ".join(function_parser(command, "do", ()).format_help().split())
    assert "usage: do --source SOURCE --out OUT [options]" in text
    for shown in (
        "--source SOURCE File to read. --out OUT Directory to write. options: --rounds ROUNDS Number of rounds.",
        "Values to try, one or more.",
        "--overwrite Replace it. --other OTHER Number of others. Defaults to 2.",
    ):
        assert shown in text


def test_errors_name_the_flag() -> None:
    with pytest.raises(ConfigError, match="out"):
        call("--source a")
    with pytest.raises(ConfigError, match="^rounds: .*many"):
        call("--source a --out b --rounds many")
    with pytest.raises(ConfigError, match="^--tryed: unknown flag; did you mean --tried"):
        call("--source a --out b --tryed x")


def test_values_are_of_the_parameters() -> None:
    found = values_of(
        command, {**dataclasses.asdict(Flags("o", 5)), "source": "s", "other": 1, "quiet": True, "more": 0}
    )
    assert found == {"source": "s", "flags": Flags("o", 5), "other": 1, "quiet": True}
