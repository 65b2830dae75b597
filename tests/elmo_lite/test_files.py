"""Directories written whole or not at all, and files that are checked."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from elmo_lite.errors import CheckpointError
from elmo_lite.files import (
    allow_as_usual,
    check_file,
    describe_file,
    put_in_place,
    read_settings,
    scratch_directory,
    write_settings,
)


@pytest.fixture(params=[0o022, 0o002, 0o077])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_scratch_directory(tmp_path: Path, umask: int) -> None:
    with scratch_directory(tmp_path / "new" / "model") as scratch:
        assert scratch.parent == tmp_path / "new" and scratch.name.startswith(".model.")
        assert mode(scratch) == 0o777 & ~umask
        (scratch / "file").write_text("content")
        put_in_place(scratch, tmp_path / "new" / "model")
    assert os.listdir(tmp_path / "new") == ["model"] and os.listdir(tmp_path / "new" / "model") == ["file"]


def test_scratch_directory_after_a_failure(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), scratch_directory(tmp_path / "model") as scratch:
        (scratch / "file").write_text("content")
        raise KeyboardInterrupt
    assert os.listdir(tmp_path) == []


def test_permissions_of_a_file(tmp_path: Path, umask: int) -> None:
    (tmp_path / "file").touch(mode=0o600)
    allow_as_usual(tmp_path / "file")
    assert mode(tmp_path / "file") == 0o666 & ~umask
    assert os.umask(umask) == umask, "the umask itself is left alone"


def test_a_file_is_checked(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"abc")
    facts = describe_file(path)
    assert facts == {"size": 3, "sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"}
    check_file(path, facts)
    path.write_bytes(b"abd")
    check_file(path, facts, with_hash=False)
    with pytest.raises(CheckpointError, match="file: expected SHA-256 ba78.*, found "):
        check_file(path, facts)
    path.write_bytes(b"ab")
    with pytest.raises(CheckpointError, match="file: expected 3 bytes, found 2"):
        check_file(path, facts)
    path.unlink()
    with pytest.raises(CheckpointError, match="file: expected a file of 3 bytes, found none"):
        check_file(path, facts)


def test_settings(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    write_settings(path, {"été": [1, None]})
    assert path.read_text(encoding="utf-8") == '{\n  "été": [\n    1,\n    null\n  ]\n}\n'
    assert read_settings(path) == {"été": [1, None]}
    for wrong in ({"loss": float("nan")}, {"path": path}):
        with pytest.raises(CheckpointError, match="^scores: expected JSON types, found ") as caught:
            write_settings(path, wrong, "scores")
        assert "\n" not in str(caught.value)
    path.write_text("{")
    with pytest.raises(CheckpointError, match=r"config\.json: expected JSON, found "):
        read_settings(path)
    with pytest.raises(FileNotFoundError):
        read_settings(tmp_path / "none.json")
