"""Errors on one line."""

import pytest

from elmo_lite.errors import ConfigError, CorpusError, ElmoLiteError, one_line, require


def test_require() -> None:
    require(True, "size", "1 or more", 0)
    with pytest.raises(ConfigError, match=r"^data\.size: expected 1 or more, found 0$"):
        require(False, "data.size", "1 or more", 0)
    assert issubclass(ConfigError, ElmoLiteError) and issubclass(ElmoLiteError, ValueError)


def test_one_line() -> None:
    assert one_line(ValueError("a\n  b")) == "a b"
    assert one_line(EOFError()) == "EOFError"
    assert one_line(OSError(28, "No space left on device", "file")) == "No space left on device"


def test_a_message_is_one_line_of_bounded_length() -> None:
    """Whatever it quotes: names of fields and labels come from files."""
    assert str(CorpusError("a.txt, line 1: expected x,\n found\u2028y")) == "a.txt, line 1: expected x, found y"
    assert str(CorpusError("two  blanks stay")) == "two  blanks stay"
    long = str(CorpusError("a.txt: expected x, found " + "y" * 5000 + " (choose with --flag)"))
    assert (
        long.startswith("a.txt: expected x, found yy") and long.endswith("y (choose with --flag)") and len(long) < 1000
    )
