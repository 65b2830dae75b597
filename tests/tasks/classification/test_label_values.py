"""Labels as files have them."""

import math

import pytest

from elmo_lite import CorpusError
from tasks.classification.columns import Columns
from tasks.classification.label_values import label_of, labels_of

SEVERAL, NUMBER = Columns(kind="several"), Columns(kind="number")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a, b,a", ("a", "b")),
        ("", ()),
        (" ", ()),
        (",", ()),
        ('["a, b", "c"]', ("a, b", "c")),
        ("[x", ("[x",)),
        (["b", "a"], ("b", "a")),
        ([], ()),
        ([1, 2.0, "3"], ("1", "2", "3")),
        (7, ("7",)),
    ],
)
def test_several_labels(value: object, expected: tuple[str, ...]) -> None:
    assert labels_of(value, SEVERAL, "a") == expected


def test_another_separator() -> None:
    assert labels_of("a, b|c", Columns(kind="several", separator="|"), "a") == ("a, b", "c")


@pytest.mark.parametrize("value", [None, {"a": 1}, ["a", None], ["a", ""], True, 0.5])
def test_no_labels(value: object) -> None:
    with pytest.raises(CorpusError, match=r"^a, line 2: expected labels \(a list, or text separated by ','\), found "):
        labels_of(value, SEVERAL, "a, line 2")
    assert labels_of(value, Columns(kind="several", needs_label=False), "") == ()


@pytest.mark.parametrize(("value", "expected"), [(" 3.5 ", "3.5"), (3, "3"), (-1e3, "-1000.0"), ("1e-3", "1e-3")])
def test_numbers(value: object, expected: str) -> None:
    assert label_of(value, NUMBER, "") == expected


@pytest.mark.parametrize("value", ["good", "", None, True, math.nan, "inf", "3,5", [1]])
def test_no_numbers(value: object) -> None:
    with pytest.raises(CorpusError, match="^a, line 2: expected a (finite )?number, found "):
        label_of(value, NUMBER, "a, line 2")
    assert label_of(value, Columns(kind="number", needs_label=False), "") is None
