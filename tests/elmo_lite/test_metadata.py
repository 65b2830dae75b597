"""Metadata that is written whole, and read within bounds."""

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from elmo_lite.errors import CheckpointError, ConfigError, CorpusError
from elmo_lite.metadata import (
    MAX_BYTES,
    MAX_DEPTH,
    MAX_YAML_BYTES,
    check_checksum,
    read_bytes,
    read_json,
    read_yaml,
    write_json,
)


def test_json(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    write_json(path, {"été": [1, None]})
    assert path.read_text(encoding="utf-8") == '{\n  "été": [\n    1,\n    null\n  ]\n}\n'
    assert read_json(path) == {"été": [1, None]}
    deep: list[object] = []
    for _ in range(MAX_DEPTH):
        deep = [deep]
    for wrong in ({"loss": float("nan")}, {"path": path}, {"hash": 2**64}, {"name": "\ud800"}, {"all": deep}):
        with pytest.raises(CheckpointError, match="^scores: expected JSON types, found ") as caught:
            write_json(path, wrong, "scores")
        assert "\n" not in str(caught.value)
    path.write_text("{")
    with pytest.raises(CheckpointError, match=r"config\.json: expected JSON, found "):
        read_json(path)
    path.write_text("[" * 100_000)
    with pytest.raises(CorpusError, match=r"config\.json: expected JSON, found "):
        read_json(path, CorpusError)
    with pytest.raises(FileNotFoundError):
        read_json(tmp_path / "none.json")


def test_the_old_json_stays_where_the_new_one_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "new" / "scores.json"
    write_json(path, 1)
    with pytest.raises(CheckpointError):
        write_json(path, object())

    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space"):
        write_json(path, 2)
    assert path.read_text() == "1\n" and os.listdir(path.parent) == ["scores.json"]


REFUSED_JSON = {
    "endless": ('{"a": Infinity}', "a number that is not finite: Infinity"),
    "no number": ('{"a": [NaN]}', "a number that is not finite: NaN"),
    "too large": ('{"a": 1e999}', "a number that is not finite: 1e999"),
    "400 digits": ('{"a": ' + "9" * 400 + "}", "an integer beyond 64 bits: 99999999999999999999"),
    "5,000 digits": ('{"a": ' + "9" * 5000 + "}", "an integer beyond 64 bits: 99999999999999999999"),
    "65 bits": ('{"a": 9223372036854775808}', "an integer beyond 64 bits: 9223372036854775808"),
    "twice": ('{"a": 1, "b": 2, "a": 3}', "the key 'a' twice"),
    "5,000 deep": ('{"a": ' + "[" * 5000 + "]" * 5000 + "}", "maximum recursion depth|nested deeper than 32"),
    "33 deep": ("[" * (MAX_DEPTH + 2) + "]" * (MAX_DEPTH + 2), "values nested deeper than 32"),
    "half a character": (r'{"a": "\ud800"}', "'utf-8' codec can't encode character"),
    "half a character in a key": (r'{"\ud800": 1}', "'utf-8' codec can't encode character"),
    "no UTF-8": (b'"\xff"', "'utf-8' codec can't decode byte"),
}


@pytest.mark.parametrize("name", REFUSED_JSON)
def test_json_out_of_bounds(tmp_path: Path, name: str) -> None:
    content, message = REFUSED_JSON[name]
    path = tmp_path / "meta.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(CorpusError, match=rf"^{path}: expected JSON, found .*({message})") as caught:
        read_json(path, CorpusError)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 300


def test_more_values_than_memory_holds(tmp_path: Path) -> None:
    path = tmp_path / "meta.json"
    path.write_text("[" + "[]," * 2_500_001 + "[]]")
    with pytest.raises(CheckpointError, match=f"^{path}: expected JSON, found more than 5,000,000 values$"):
        read_json(path)


def test_json_at_the_bounds(tmp_path: Path) -> None:
    path, deep = tmp_path / "meta.json", "[" * MAX_DEPTH + "]" * MAX_DEPTH
    path.write_text(f'{{"a": -9223372036854775808, "b": 9223372036854775807, "c": 1e308, "d": {deep[1:-1]}}}')
    found = read_json(path)
    assert (found["a"], found["b"], found["c"]) == (-(2**63), 2**63 - 1, 1e308)


SPECIAL = {
    "directory": (lambda path: path.mkdir(), "a directory"),
    "pipe": (os.mkfifo, "a pipe or device"),
    "zeros": (lambda path: path.symlink_to("/dev/zero"), "a pipe or device"),
}


@pytest.mark.parametrize("name", SPECIAL)
def test_what_is_no_regular_file_is_not_read(tmp_path: Path, name: str) -> None:
    make, kind = SPECIAL[name]
    path = tmp_path / "config.json"
    make(path)
    for read in (read_json, read_bytes):
        with pytest.raises(CheckpointError, match=f"^{path}: expected a regular file, found {kind}$"):
            read(path)  # would wait for ever for a pipe
    with pytest.raises(ConfigError, match=f"^{path}: expected a regular file, found {kind}$"):
        read_yaml(path)


def test_the_size_comes_first(tmp_path: Path) -> None:
    path = tmp_path / "meta.json"
    path.touch()
    for read, largest in ((read_json, MAX_BYTES), (read_yaml, MAX_YAML_BYTES)):
        os.truncate(path, 10**12)  # a hole: it takes no room
        with pytest.raises(ValueError, match=f"^{path}: expected at most {largest:,} bytes, found 1,000,000,000,000$"):
            read(path)


BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12)
)
MERGED = "a0: &a0 {k: 1}\n" + "".join(f"a{n}: &a{n}\n  <<: [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12))
REFUSED_YAML = {
    "alias bomb": (BOMB, "more than 10,000 values"),
    "merge bomb": (MERGED, "more than 10,000 values"),
    "twice": ("seed: 1\nmodel: {dim: 1, dim: 2}", "the key 'dim' twice"),
    "its own part": ("a: &a [*a]", "more than 10,000 values, or values nested deeper than 32"),
    "no such day": ("seed: 2026-13-45", "month must be in 1..12"),
    "no such tag": ("seed: !!python/object:os.system x", "could not determine a constructor"),
    "no truth": ("seed: !!bool maybe", "a value that does not fit its tag"),
    "no date": ("seed: !!timestamp maybe", "a value that does not fit its tag"),
    "400 digits": ("seed: " + "9" * 400, "an integer beyond 64 bits"),
    "5,000 digits": ("seed: " + "9" * 5000, "integer"),
    "deep": ("[" * 5000 + "]" * 5000, "values nested deeper than 32"),
    "deep without brackets": ("- " * 5000 + "a", "recursion"),
    "two documents": ("a: 1\n---\nb: 2\n", "single document"),
    "no YAML": ("a: [1", "expected ',' or ']'"),
    "no UTF-8": (b"a: \xff", "can't decode byte"),
    "control": ("a: \0", "special characters are not allowed"),
}


@pytest.mark.parametrize("name", REFUSED_YAML)
def test_yaml_out_of_bounds(tmp_path: Path, name: str) -> None:
    content, message = REFUSED_YAML[name]
    path = tmp_path / "settings.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ConfigError, match=rf"^{path}: expected YAML, found .*{message}") as caught:
        read_yaml(path)
    assert "\n" not in str(caught.value)


def test_yaml(tmp_path: Path) -> None:
    path = tmp_path / "settings.yaml"
    path.write_text("base: &base {epochs: 3}\nown:\n  <<: *base\n  name: été\nlist: [1, 2.5, null, true]\n", "utf-8")
    own = {"epochs": 3, "name": "été"}
    assert read_yaml(path) == {"base": {"epochs": 3}, "own": own, "list": [1, 2.5, None, True]}
    path.write_text("# nothing\n")
    assert read_yaml(path) is None
    with pytest.raises(ConfigError, match="none.yaml: expected a YAML file, found nothing there"):
        read_yaml(tmp_path / "none.yaml")


@pytest.mark.parametrize("bomb", [MERGED, "a: &a [" + "*a, " * 16_000 + "]"], ids=["merges", "its own parts"])
def test_an_alias_bomb_takes_no_memory(tmp_path: Path, bomb: str) -> None:
    """10^12 values in a kilobyte, or without end; the process may use half a gigabyte."""
    (tmp_path / "bomb.yaml").write_text(bomb)
    code = (
        "import sys; from pathlib import Path; from elmo_lite.metadata import read_yaml; read_yaml(Path(sys.argv[1]))"
    )

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (2**29, 2**29))

    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "bomb.yaml")], preexec_fn=limited, capture_output=True, text=True
    )
    assert done.stderr.rstrip().endswith("nested deeper than 32") and "ConfigError" in done.stderr


def test_checksum(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    content = {"a": {"é": 1.5, "b": [None, True]}, "c": 0.0, 3: (1, 2)}
    write_json(path, content, with_checksum=True)
    found = read_json(path)
    assert list(found) == ["a", "c", "3", "checksum"] and found["3"] == [1, 2]
    # SHA-256 of {"3":[1,2],"a":{"b":[null,true],"\u00e9":1.5},"c":0.0}
    assert found["checksum"] == "sha256:e4e5767e3a4a1a23189ceb2359b9d6579744fa729e4f1a67c4342056fba6b557"
    check_checksum(path, found)
    check_checksum(path, dict(reversed(found.items())))
    check_checksum(path, {"a": 1})  # of an earlier version
    for changed in ({"c": 1.0}, {"c": 0}, {"d": None}, {"checksum": None}, {"checksum": 3}):
        with pytest.raises(
            CheckpointError, match=rf"^{path}: expected the checksum sha256:.*: its content was changed$"
        ):
            check_checksum(path, found | changed)
    with pytest.raises(CheckpointError, match="^scores: expected JSON types, found "):
        write_json(path, {"path": path}, "scores", with_checksum=True)
    assert json.loads(path.read_text(encoding="utf-8")) == found


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="names of files are Unicode")
def test_the_name_of_a_file_that_is_not_utf8_is_kept_in_json(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9.txt")
    write_json(tmp_path / "meta.json", {"input": name})
    assert (tmp_path / "meta.json").read_bytes().decode() and read_json(tmp_path / "meta.json") == {"input": name}


def test_a_key_twice_among_a_million(tmp_path: Path) -> None:
    """Found in linear time: comparing each key with each other would take hours."""
    path = tmp_path / "meta.json"
    path.write_text("{" + ", ".join(f'"{number}": 0' for number in range(100_000)) + ', "99999": 0}')
    with pytest.raises(CheckpointError, match="found the key '99999' twice$"):
        read_json(path)
