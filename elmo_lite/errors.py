"""Errors that name what was expected, what was found, and where."""

from __future__ import annotations

__all__ = [
    "CheckpointError",
    "ConfigError",
    "CorpusError",
    "ElmoLiteError",
    "TrainingError",
    "one_line",
    "require",
    "require_range",
    "require_seed",
]


_HEAD, _TAIL = 700, 200
"""Numbers of characters that are kept of a longer message, which may quote names of any length."""


class ElmoLiteError(ValueError):
    """Base of the errors below: the input of this library is wrong. The command line prints it as one line."""

    def __str__(self) -> str:
        """The message on one line of bounded length, whatever it quotes."""
        text = super().__str__()
        if len(text.splitlines()) > 1:
            text = " ".join(text.split())
        return text if len(text) <= _HEAD + _TAIL else f"{text[:_HEAD]} ... {text[-_TAIL:]}"


class ConfigError(ElmoLiteError):
    """A setting is unknown, of the wrong type or out of range."""


class CorpusError(ElmoLiteError):
    """Text, or a corpus directory, cannot be used as it is."""


class CheckpointError(ElmoLiteError):
    """A saved model cannot be read, or does not fit its configuration."""


class TrainingError(ElmoLiteError):
    """Training cannot continue; the last saved state is kept."""


def require(condition: bool, name: str, expected: str, found: object) -> None:
    """Check a setting.

    Args:
        condition: Whether the value is acceptable.
        name: Dotted name of the setting.
        expected: The acceptable values, in words.
        found: The value.

    Raises:
        ConfigError: ``condition`` is false.
    """
    if not condition:
        raise ConfigError(f"{name}: expected {expected}, found {found!r:.200}")


def require_range(value: int, name: str, least: int, most: int) -> None:
    """Check an integer setting.

    Args:
        value: The value.
        name: Dotted name of the setting.
        least: Smallest acceptable value.
        most: Largest acceptable value.

    Raises:
        ConfigError: The value is out of range.
    """
    require(least <= value <= most, name, f"an integer in {least}..{most}", value)


def require_seed(name: str, seed: int) -> None:
    """Check a random seed, which has the same range everywhere.

    Raises:
        ConfigError: It is outside 0..4294967295.
    """
    require(0 <= seed < 2**32, name, "a number in 0..4294967295", seed)


def one_line(error: BaseException) -> str:
    """The message of an error without line breaks; the name of its class where it has none."""
    text = getattr(error, "strerror", None) or str(error)
    return " ".join(str(text).split()) or type(error).__name__
