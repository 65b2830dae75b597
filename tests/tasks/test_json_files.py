"""A file is written whole or not at all."""

import json
import os
import stat
from pathlib import Path

import pytest

from elmo_lite import CorpusError
from tasks.json_files import json_objects, write_json


def test_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b.json"
    for content in ({"f1": 61.5, "name": "naïve"}, [1]):
        write_json(path, content)
        assert json.loads(path.read_text(encoding="utf-8")) == content
    assert [entry.name for entry in path.parent.iterdir()] == ["b.json"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_the_old_file_stays_where_the_new_one_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "b.json"
    write_json(path, 1)
    with pytest.raises(TypeError):
        write_json(path, object())

    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space"):
        write_json(path, 2)
    assert path.read_text() == "1\n" and [entry.name for entry in tmp_path.iterdir()] == ["b.json"]


def test_objects(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes('\ufeff{"a": 1}\r\n\n  \n{"b": ["\\ud83d\\ude42", "\u2028"]}'.encode())
    assert list(json_objects(path)) == [
        ({"a": 1}, f"{path}, line 1", 1),
        ({"b": ["🙂", "\u2028"]}, f"{path}, line 4", 4),
    ]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"a":', "expected a JSON object, found none (Expecting value in column 6)"),
        ("[" * 100_000, "expected a JSON object, found none (maximum recursion depth"),
        ("[1]", "expected a JSON object, found list"),
        ('{"a": ["\\ud83d"]}', "expected text, found \\ud83d, half a character"),
        ('{"\\uDC00": 1}', "expected text, found \\udc00, half a character"),
    ],
    ids=["cut off", "deep", "list", "value", "key"],
)
def test_lines_that_are_no_objects(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(f'{{"a": 1}}\n{line}\n')
    with pytest.raises(CorpusError) as caught:
        list(json_objects(path))
    assert str(caught.value).startswith(f"{path}, line 2: {message}")
