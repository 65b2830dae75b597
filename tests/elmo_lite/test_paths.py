"""Home directories in paths, and short names."""

import os
from pathlib import Path

import pytest

from elmo_lite.errors import ConfigError
from elmo_lite.paths import expanded, short_name


def test_home_directories(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/somewhere")
    monkeypatch.setenv("USERPROFILE", "/somewhere")
    assert expanded("~/model") == Path("/somewhere/model") and expanded("a/~b") == Path("a/~b")
    with pytest.raises(ConfigError, match="^~nobody-here/x: expected the name of a user after ~, found none$"):
        expanded("~nobody-here/x")


@pytest.mark.parametrize("name", ["v" * 246, "ü" * 120, "日" * 82, "😀" * 62])
def test_long_names_are_short_in_bytes_and_distinct(name: str) -> None:
    short, other = short_name(Path(f"{name}.h5")), short_name(Path(f"{name}.h6"))
    assert len(os.fsencode(short)) <= 96 and short.startswith(name[:10]) and short != other
    assert short_name(Path("folder/vectors.h5")) == "vectors.h5"
