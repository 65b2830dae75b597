"""Reading and writing text files."""

from pathlib import Path

import pytest

from elmo_lite import CorpusError
from tasks.files import read_lines, write_text


def test_lines(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes("\ufeffa\r\n\nb\u2028c\x85\nd".encode())
    assert read_lines(path) == ["a", "", "b\u2028c\x85", "d"]
    path.write_bytes(b"")
    assert read_lines(path) == []


def test_unreadable_files(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    with pytest.raises(CorpusError, match=r"a\.txt: expected a file, found: No such file"):
        read_lines(path)
    with pytest.raises(CorpusError, match="expected a file, found: Is a directory"):
        read_lines(tmp_path)
    path.write_bytes(b"a\nb\n\xff\n")
    with pytest.raises(CorpusError, match=r"a\.txt, line 3: expected UTF-8, found byte 0xff"):
        read_lines(path)


def test_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "out.txt"
    write_text(path, "old\n")
    with pytest.raises(UnicodeEncodeError):
        write_text(path, "new\ud800")
    assert path.read_text() == "old\n"
    write_text(path, "new\n")
    assert path.read_bytes() == b"new\n"
    assert [entry.name for entry in tmp_path.iterdir()] == ["out.txt"]
