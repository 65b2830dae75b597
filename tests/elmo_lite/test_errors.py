"""Errors on one line."""

import pytest

from elmo_lite.errors import ConfigError, ElmoLiteError, one_line, require


def test_require() -> None:
    require(True, "size", "1 or more", 0)
    with pytest.raises(ConfigError, match=r"^data\.size: expected 1 or more, found 0$"):
        require(False, "data.size", "1 or more", 0)
    assert issubclass(ConfigError, ElmoLiteError) and issubclass(ElmoLiteError, ValueError)


def test_one_line() -> None:
    assert one_line(ValueError("a\n  b")) == "a b"
    assert one_line(EOFError()) == "EOFError"
    assert one_line(OSError(28, "No space left on device", "file")) == "No space left on device"
