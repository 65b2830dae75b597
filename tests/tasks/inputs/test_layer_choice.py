"""Every way to name layers, and what is no choice of them."""

import re

import pytest

from elmo_lite import ConfigError
from tasks.inputs.layer_choice import LayerChoice, start_of


@pytest.mark.parametrize(
    ("text", "way", "layers"),
    [
        ("mix", "mix", [0, 1, 2]),
        ("top", "one", [2]),
        ("0", "one", [0]),
        ("-2", "one", [1]),
        ("1,2", "mix", [1, 2]),
        ("-1, 0", "mix", [0, 2]),
        ("mix:1", "mix", [1]),
        ("random", "random", [0, 1, 2]),
        ("random:2,1", "random", [1, 2]),
        ("concat", "concat", [0, 1, 2]),
        ("concat:1,2", "concat", [1, 2]),
        ("function:0,-1", "function", [0, 2]),
    ],
)
def test_choices(text: str, way: str, layers: list[int]) -> None:
    choice = LayerChoice.of(text)
    assert (choice.way, choice.layers(3)) == (way, layers)


@pytest.mark.parametrize(
    "text",
    ["", "bottom", "1.5", "--1", "1,", ",1", "1,,2", "concat:", "concat:top", "sum:1,2", "top:1", ":1", "1-2", "1000"],
)
def test_what_is_no_choice(text: str) -> None:
    expected = (
        "layers: expected auto, mix, top or a layer's number, some as 1,2, or random, concat, function (of some as "
        f"concat:1,2), found {text!r}"
    )
    with pytest.raises(ConfigError, match=f"^{re.escape(expected)}$"):
        LayerChoice.of(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1,3", "layers: expected mix, top or a number in -3..2, found 3"),
        ("concat:-4", "layers: expected mix, top or a number in -3..2, found -4"),
        ("1,1", "layers: expected each layer once, found 1 twice"),
        ("concat:0,1,-2", "layers: expected each layer once, found 1 twice"),
    ],
)
def test_layers_that_the_encoder_lacks_or_that_are_chosen_twice(text: str, expected: str) -> None:
    with pytest.raises(ConfigError, match=f"^{re.escape(expected)}$"):
        LayerChoice.of(text).layers(3)


@pytest.mark.parametrize(("text", "place"), [("top", 1), ("1", 0), ("-1", 1), ("2", 1)])
def test_start(text: str, place: int) -> None:
    assert start_of(text, [1, 2], 3) == place


@pytest.mark.parametrize("text", ["0", "-3", "3", "7"])
def test_start_that_is_not_chosen(text: str) -> None:
    expected = f"mix_start: expected uniform, top or one of the layers 1, 2, found {text}"
    with pytest.raises(ConfigError, match=f"^{expected}$"):
        start_of(text, [1, 2], 3)
