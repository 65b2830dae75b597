"""Reading and writing text files."""

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elmo_lite import ConfigError, CorpusError
from tasks.files import csv_row, in_chunks, input_and_output, on_one_line, read_lines


def test_lines(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes("\ufeffa\r\n\nb\u2028c\x85\nd".encode())
    assert read_lines(path) == ["a", "", "b\u2028c\x85", "d"]
    path.write_bytes(b"")
    assert read_lines(path) == []


def test_unreadable_files(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    with pytest.raises(CorpusError, match=r"a\.txt: expected a file, found nothing there"):
        read_lines(path)
    with pytest.raises(CorpusError, match="expected a file, found a directory"):
        read_lines(tmp_path)
    path.write_bytes(b"a\nb\n\xff\n")
    with pytest.raises(CorpusError, match=r"a\.txt, line 3: expected UTF-8, found byte 0xff"):
        read_lines(path)


def test_input_and_output(tmp_path: Path) -> None:
    old, new = str(tmp_path / "old.txt"), str(tmp_path / "new.txt")
    Path(old).touch()
    assert input_and_output(["in.txt"], overwrite=False) == ("in.txt", None)
    assert input_and_output(["in.txt", "-"], overwrite=False) == ("in.txt", None)
    assert input_and_output(["in.txt", new], overwrite=False) == ("in.txt", new)
    assert input_and_output(["in.txt", old], overwrite=True) == ("in.txt", old)


@pytest.mark.parametrize(
    ("paths", "overwrite", "message"),
    [
        ([], False, "expected INPUT and OUTPUT, found 0 paths"),
        (["a", "b", "c"], False, "expected INPUT and OUTPUT, found 3 paths: a b c"),
        (["a", "old.txt"], False, "old.txt: expected no such file (or --overwrite), found one"),
        (["a", "."], True, "expected a file to write, found a directory"),
        (["old.txt", "./old.txt"], True, "old.txt: expected another file than INPUT, found the same"),
        (["a", "/dev/null"], True, "/dev/null: expected a file to write, found a device"),
        (["a", "typo/new.txt"], False, "typo/new.txt: expected the directory typo to write in, found none"),
        (["a", "old.txt/new.txt"], False, "old.txt/new.txt: expected the directory old.txt to write in, found none"),
    ],
)
def test_paths_that_are_no_input_and_output(
    paths: list[str], overwrite: bool, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("old.txt").touch()
    with pytest.raises(ConfigError) as caught:
        input_and_output(paths, overwrite)
    assert message in str(caught.value)


def test_one_line() -> None:
    assert on_one_line(" a\tb\r\n\u2028c\x85 ") == "a b c"


CSV_TEXT = st.text(st.one_of(st.sampled_from(",\"\r\n\t;' "), st.characters(codec="utf-8", exclude_characters="\0")))


@given(st.lists(st.lists(CSV_TEXT, min_size=3, max_size=3), max_size=4))
@settings(deadline=None, max_examples=100)
def test_csv_is_read_as_it_was_written(rows: list[list[str]]) -> None:
    content = "".join(map(csv_row, rows))
    assert list(csv.reader(io.StringIO(content, newline=""), strict=True)) == rows


def test_csv_quotes_a_lone_carriage_return() -> None:
    assert csv_row(["a\rb", "c"]) == '"a\rb",c\n'


def test_chunks_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.files.CHUNK", 3)
    monkeypatch.setattr("tasks.files.CHUNK_SIZE", 10)
    assert list(in_chunks(["a"] * 7, len)) == [["a"] * 3, ["a"] * 3, ["a"]]
    assert list(in_chunks(["a" * 6, "b" * 6, "", "c" * 99, "d"], len)) == [["a" * 6, "b" * 6], ["", "c" * 99], ["d"]]
    assert list(in_chunks([], len)) == []
    endless = in_chunks(iter(lambda: "x", None), len)
    assert next(endless) == ["x"] * 3
