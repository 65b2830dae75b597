"""Names on the hub are told from paths."""

from pathlib import Path

import pytest

from elmo_lite.text.hub_names import is_data_set_name, is_model_name, split_data_set_name


@pytest.mark.parametrize("name", ["owner/name", "owner/name:test", "owner/name.v1:config-2:test"])
def test_data_sets(name: str) -> None:
    assert is_data_set_name(name)


@pytest.mark.parametrize(
    "name",
    ["name", "name:test", "a/b/c", "owner/name:a:b:c", "owner/train.conll", "a/x.TXT", "./name", "/name", ""],
)
def test_what_names_no_data_set(name: str) -> None:
    assert not is_data_set_name(name)


def test_a_path_goes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert is_data_set_name("data/set")
    Path("data").mkdir()
    assert not is_data_set_name("data/set"), "a mistyped path"


def test_parts() -> None:
    assert split_data_set_name("owner/name") == ("owner/name", [], "train")
    assert split_data_set_name("owner/name:dev") == ("owner/name", [], "dev")
    assert split_data_set_name("owner/name:config:dev") == ("owner/name", ["config"], "dev")


@pytest.mark.parametrize(
    ("name", "expected"), [("en", True), ("owner/model-1.0", True), ("../x", False), ("a/b/c", False), (".x", False)]
)
def test_models(name: str, expected: bool) -> None:
    assert is_model_name(name) is expected
