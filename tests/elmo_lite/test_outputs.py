"""OUTPUT of a command: what may be written, formats by suffix, files whole or not at all."""

import sys
from pathlib import Path

import pytest

from elmo_lite.errors import ConfigError
from elmo_lite.outputs import checked_output, format_of, open_output


def test_standard_output(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert checked_output(None, "in.txt", False) is None and checked_output("-", "in.txt", False) is None
    with open_output(None) as file:
        assert file is sys.stdout
        file.write("a\n")
    assert capsys.readouterr().out == "a\n"


def test_what_may_be_written(tmp_path: Path) -> None:
    old, new = tmp_path / "old.txt", tmp_path / "new.txt"
    old.touch()
    assert checked_output(str(new), "in.txt", False) == str(new)
    assert checked_output(str(old), "in.txt", True) == str(old)
    with pytest.raises(ConfigError, match="expected no such file"):
        checked_output(str(old), "in.txt", False)
    with pytest.raises(ConfigError, match="expected another file than INPUT, found the same"):
        checked_output(str(old), str(old), True)


def test_a_file_is_whole_or_not_there(tmp_path: Path) -> None:
    target = tmp_path / "out.txt"
    with pytest.raises(KeyboardInterrupt), open_output(str(target)) as file:
        file.write("half")
        raise KeyboardInterrupt
    assert not list(tmp_path.iterdir())
    with open_output(str(target)) as file:
        file.write("whole \ud800\n")  # a lone surrogate cannot be UTF-8
        assert not target.exists()
    assert target.read_bytes() == b"whole \\ud800\n"


FORMATS = {".txt": "text", ".jsonl": "jsonl"}


def test_formats_by_suffix() -> None:
    names = (None, "a", "dir.v2/a", "a.txt", "a.TXT", "a.JSONL")
    assert [format_of(name, FORMATS) for name in names] == [*["text"] * 5, "jsonl"]


@pytest.mark.parametrize(("name", "suffix"), [("pred.xlsx", ".xlsx"), ("a.jsonl.gz", ".gz"), ("a.Json", ".json")])
def test_other_suffixes_are_refused(name: str, suffix: str) -> None:
    with pytest.raises(ConfigError) as caught:
        format_of(name, FORMATS)
    assert str(caught.value) == f"{name}: expected a name that ends in .txt, .jsonl, found {suffix}"
