"""Presets by name, and errors that list them."""

import os
from pathlib import Path

import pytest

from elmo_lite import presets
from elmo_lite.errors import ConfigError
from elmo_lite.presets import preset_names, preset_path


def test_wrong_name_lists_what_there_is() -> None:
    expected = ", ".join(preset_names())
    with pytest.raises(ConfigError, match=f"one of {expected}, found 'labtop'; did you mean laptop"):
        preset_path("labtop")


@pytest.mark.parametrize("made", [False, True])
def test_group_without_presets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, made: bool) -> None:
    monkeypatch.setattr(presets, "configs_directory", lambda: tmp_path)
    if made:
        (tmp_path / "ner").mkdir()
    assert preset_names("ner") == []
    with pytest.raises(ConfigError, match="^ner preset: expected a YAML file, as ner has no presets, found 'paper'$"):
        preset_path("paper", "ner")


def test_other_groups_list_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presets, "configs_directory", lambda: tmp_path)
    (tmp_path / "ner").mkdir()
    for name in ("few", "paper"):
        (tmp_path / "ner" / f"{name}.yaml").touch()
    assert preset_path("few", "ner") == tmp_path / "ner" / "few.yaml"
    with pytest.raises(ConfigError, match="or one of few, paper, found 'papre'; did you mean paper"):
        preset_path("papre", "ner")


def test_a_path_that_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "zeros.yaml").symlink_to("/dev/zero")
    (tmp_path / "folder.yaml").mkdir()
    found = {"pipe": "a pipe or device", "zeros": "a pipe or device", "folder": "a folder", "none": "nothing there"}
    for name, kind in found.items():
        with pytest.raises(ConfigError, match=f"{name}.yaml: expected a YAML file, found {kind}$"):
            preset_path(str(tmp_path / f"{name}.yaml"))
