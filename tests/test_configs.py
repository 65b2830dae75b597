"""Every YAML file under configs/ is accepted by the parser of its command."""

from pathlib import Path

import pytest

from elmo_lite.cli.arguments import parse
from elmo_lite.cli.main import all_commands
from elmo_lite.cli.signatures import function_parser
from elmo_lite.errors import ConfigError
from elmo_lite.presets import configs_directory, preset_names, preset_path

CONFIGS = Path(__file__).parents[1] / "configs"
FILES = sorted(CONFIGS.rglob("*.yaml"))
TASK = ["--train", "t", "--dev", "d", "--out", "o"]
COMMAND_OF = {"pretrain": "pretrain", "ladder": "ladder"} | {
    task: f"{task} train" for task in ("ner", "tag", "classify", "sentiment")
}
CORPUS = ["--corpus", "c", "--out", "o"]
REQUIRED = {"pretrain": CORPUS, "ladder": CORPUS, "ner": TASK, "tag": TASK, "classify": TASK, "sentiment": TASK}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(CONFIGS)))
def test_parser_accepts(path: Path) -> None:
    name = path.parent.name
    parser = function_parser(all_commands()[COMMAND_OF[name]].load(), COMMAND_OF[name], ())
    by_path = parse(parser, ["--config", str(path), *REQUIRED[name]], name)
    by_name = parse(parser, ["--config", path.stem, *REQUIRED[name]], name)
    by_path.pop("config")
    by_name.pop("config")
    assert by_path == by_name


def test_presets_of_the_design_are_there() -> None:
    assert {"tiny", "laptop", "workstation", "original"} <= set(preset_names())
    assert preset_names("ladder") == ["class", "wikitext-2"]
    assert all(preset_names(task) == ["few", "paper"] for task in ("ner", "tag", "classify", "sentiment"))
    assert configs_directory() == CONFIGS


def test_laptop_has_the_defaults() -> None:
    parser = function_parser(all_commands()["pretrain"].load(), "pretrain", ())
    presets = [parse(parser, [*flags, *REQUIRED["pretrain"]], "pretrain") for flags in ([], ["--config", "laptop"])]
    assert all(presets[0][name] == presets[1][name] for name in ("model", "head", "data", "optimizer", "epochs"))


def test_preset_by_name_or_path(tmp_path: Path) -> None:
    assert preset_path("laptop") == CONFIGS / "pretrain" / "laptop.yaml"
    own = tmp_path / "own.yaml"
    own.write_text("")
    assert preset_path(str(own)) == own


def test_wrong_preset_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="did you mean laptop"):
        preset_path("labtop")
    with pytest.raises(ConfigError, match="expected a YAML file or one of few, paper, found 'fwe'; did you mean few"):
        preset_path("fwe", "ner")
    with pytest.raises(ConfigError, match="found nothing there"):
        preset_path("absent.yaml")
    with pytest.raises(ConfigError, match="found a folder"):
        preset_path(str(tmp_path))


@pytest.mark.parametrize("task", ["ner", "tag", "classify", "sentiment"])
def test_flags_win_over_a_preset_of_a_task(task: str) -> None:
    """Presets give settings by their groups, which the short flags override as well as the long ones."""
    parser = function_parser(all_commands()[f"{task} train"].load(), f"{task} train", ())
    for flag in ("--max_epochs", "--finetune.max_epochs"):
        arguments = parse(parser, ["--config", "few", flag, "3", *REQUIRED[task]], task)
        assert (arguments["max_epochs"] or arguments["finetune"].max_epochs) == 3
