"""A file is written whole or not at all."""

import json
import os
import stat
from pathlib import Path

import pytest

from tasks.json_files import write_json


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
