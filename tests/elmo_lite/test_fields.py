"""Values of metadata against the types of dataclasses."""

from dataclasses import dataclass, field
from typing import Any, Literal

import pytest

from elmo_lite.errors import ConfigError
from elmo_lite.fields import checked_files, from_settings


@dataclass(frozen=True, kw_only=True)
class Inner:
    rate: float = 0.5


@dataclass(frozen=True, kw_only=True)
class Outer:
    size: int
    name: str = "a"
    flag: bool = False
    clip: float | None = None
    kind: Literal["a", "b", 3] = "a"
    pairs: tuple[tuple[int, int], ...] = ()
    two: tuple[float, float] = (0.0, 1.0)
    facts: dict[str, Any] = field(default_factory=dict)
    inner: Inner = field(default_factory=Inner)


RIGHT: dict[str, Any] = {
    "size": 3, "name": "b", "flag": True, "clip": 2, "kind": 3, "pairs": [[1, 2], [3, 4]], "two": [0, 1.5],
    "facts": {"x": [1]}, "inner": {"rate": 0.25},
}  # fmt: skip


def test_there_and_back() -> None:
    found = from_settings(Outer, RIGHT)
    assert found == Outer(
        size=3, name="b", flag=True, clip=2, kind=3, pairs=((1, 2), (3, 4)), two=(0, 1.5),
        facts={"x": [1]}, inner=Inner(rate=0.25),
    )  # fmt: skip
    assert type(found.clip) is int, "hashes of settings do not change"
    assert from_settings(Outer, {"size": 1, "inner": {}}) == Outer(size=1)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("size", True, "model.size: expected an integer, found True"),
        ("size", 3.0, "model.size: expected an integer, found 3.0"),
        ("size", None, "model.size: expected an integer, found None"),
        ("name", 3, "model.name: expected a string, found 3"),
        ("flag", 1, "model.flag: expected true or false, found 1"),
        ("clip", float("nan"), "model.clip: expected a finite number or null, found nan"),
        ("clip", False, "model.clip: expected a finite number or null, found False"),
        ("kind", "c", "model.kind: expected one of a, b, 3, found 'c'"),
        ("kind", 3.0, "model.kind: expected one of a, b, 3, found 3.0"),
        ("pairs", [[1]], "model.pairs: expected 2 values, found [1]"),
        ("pairs", [[1, "2"]], "model.pairs: expected an integer, found '2'"),
        ("pairs", "ab", "model.pairs: expected a list, found 'ab'"),
        ("two", [1, 2, 3], "model.two: expected 2 values, found [1, 2, 3]"),
        ("facts", [], "model.facts: expected an object, found []"),
        ("inner", None, "model.inner: expected an object, found None"),
        ("inner", {"rate": "x" * 1000}, f"model.inner.rate: expected a finite number, found '{'x' * 199}"),
    ],
)
def test_wrong_values(key: str, value: Any, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        from_settings(Outer, RIGHT | {key: value}, "model")
    assert str(caught.value) == message


def test_wrong_keys() -> None:
    with pytest.raises(ConfigError, match="^width: expected one of size, .*, found an unknown setting$"):
        from_settings(Outer, RIGHT | {"width": 1})
    with pytest.raises(ConfigError, match="^size: expected an integer, found nothing$"):
        from_settings(Outer, {"inner": {}})
    with pytest.raises(ConfigError, match="^inner: expected an object, found nothing$"):
        from_settings(Outer, {"size": 1})
    with pytest.raises(ConfigError, match="^Outer: expected an object, found 3$"):
        from_settings(Outer, 3)


FACTS = {"size": 0, "sha256": "0" * 64}


def test_files() -> None:
    assert checked_files({"a": FACTS}, ("a", "b"), ("a",)) == {"a": FACTS}
    for files, message in [
        (None, "files: expected an object, found None"),
        ({"../a": FACTS}, "files: expected names among a, b, found '../a'"),
        ({"b": FACTS}, "files: expected size and sha256 of a, found 'none'"),
        ({"a": None}, "files: a: expected size in bytes and sha256, found None"),
        ({"a": FACTS | {"size": True}}, "files: a: expected size in bytes and sha256, found .*"),
        ({"a": FACTS | {"size": -1}}, "files: a: expected size in bytes and sha256, found .*"),
        ({"a": FACTS | {"sha256": "x"}}, "files: a: expected size in bytes and sha256, found .*"),
    ]:
        with pytest.raises(ConfigError, match=f"^{message}$"):
            checked_files(files, ("a", "b"), ("a",))
