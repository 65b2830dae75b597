"""The choice of layers of an encoder, and of the way to combine them: ``mix``, ``top``, ``1,2``, ``concat:1,2``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, cast

from elmo_lite import ConfigError

Way = Literal["one", "mix", "random", "concat", "function"]
_WAYS = ("mix", "random", "concat", "function")
"""Ways to combine several layers, by their names in settings."""
_EXPECTED = "auto, mix, top or a layer's number, some as 1,2, or random, concat, function (of some as concat:1,2)"


@dataclass(frozen=True)
class LayerChoice:
    """Some layers of an encoder, or all, and the way to combine them."""

    way: Way
    """"one" layer as it is; "mix" with learned weights; "random", a mix with random weights that stay as they are;
    "concat", the layers side by side; "function", a hidden layer over "concat"."""
    numbers: tuple[int, ...] | None = None
    """Numbers as written, from -L to L - 1. None for all layers."""

    @classmethod
    def of(cls, text: str) -> LayerChoice:
        """Read a choice from settings.

        Raises:
            ConfigError: It is none.
        """
        if text == "top":
            return cls("one", (-1,))
        way, colon, numbers = text.partition(":")
        if way in _WAYS and not colon:
            return cls(cast(Way, way))
        parts = [part.strip() for part in (numbers if colon else text).split(",")]
        if (colon and way not in _WAYS) or not all(map(_is_number, parts)):
            raise ConfigError(f"layers: expected {_EXPECTED}, found {text!r}")
        several: Way = cast(Way, way) if colon else "mix"
        return cls("one" if len(parts) == 1 and not colon else several, tuple(map(int, parts)))

    def layers(self, num_layers: int) -> list[int]:
        """The chosen layers of an encoder with L layers: numbers in 0..L-1, in ascending order.

        Raises:
            ConfigError: The encoder lacks a layer, or one is chosen twice.
        """
        numbers = range(num_layers) if self.numbers is None else self.numbers
        found = sorted(number_in(number, num_layers, "layers: expected mix, top or") for number in numbers)
        for number, following in zip(found, found[1:], strict=False):
            if number == following:
                raise ConfigError(f"layers: expected each layer once, found {number} twice")
        return found


def number_in(number: int, num_layers: int, expected: str) -> int:
    """The number in 0..L-1 of a layer that may be counted from the top.

    Args:
        number: Number from -L to L - 1.
        num_layers: Number of layers L.
        expected: Beginning of the error, such as "layers: expected".

    Raises:
        ConfigError: There is no such layer.
    """
    if not -num_layers <= number < num_layers:
        raise ConfigError(f"{expected} a number in {-num_layers}..{num_layers - 1}, found {number}")
    return number % num_layers


def start_of(text: str, layers: Sequence[int], num_layers: int) -> int:
    """The place, among the chosen layers, of the one that a mix starts from.

    Args:
        text: "top", the highest of the chosen layers, or the number of a layer.
        layers: The chosen layers, in ascending order.
        num_layers: Number of layers L of the encoder.

    Raises:
        ConfigError: The layer is not chosen.
    """
    number = layers[-1] if text == "top" else int(text)
    if not -num_layers <= number < num_layers or number % num_layers not in layers:
        expected = f"uniform, top or one of the layers {', '.join(map(str, layers))}"
        raise ConfigError(f"mix_start: expected {expected}, found {number}")
    return layers.index(number % num_layers)


def check_start(text: str | None) -> None:
    """Check the name of a start.

    Raises:
        ConfigError: It is neither None, nor "top", nor a number.
    """
    if text is not None and text != "top" and not _is_number(text):
        raise ConfigError(f"mix_start: expected uniform, top or a layer's number, found {text!r}")


def _is_number(text: str) -> bool:
    digits = text.removeprefix("-")
    return digits.isdecimal() and len(digits) <= 3
