"""The command line that repeats a run gives the same settings."""

import dataclasses
import shlex
from pathlib import Path
from typing import Any

import pytest

from elmo_lite.cli.arguments import parse
from elmo_lite.cli.main import COMMANDS, command_positionals
from elmo_lite.cli.signatures import function_parser
from elmo_lite.nn.config import BiLMConfig
from elmo_lite.pretraining.config import OptimizerConfig, PretrainConfig
from elmo_lite.repeat import repeat_command
from tasks.ner.config import NerConfig
from tasks.ner.training import train_command as train_ner
from tasks.sentiment.config import SentimentConfig
from tasks.sentiment.training import train_command as train_sentiment
from tasks.training.task_config import SHORT_FLAGS


def parsed(command: str, function: Any, make: type[Any], words: int) -> tuple[Any, dict[str, Any]]:
    """The settings of a command line, and its other arguments."""
    argv = shlex.split(command)[1 + words :]
    values = parse(function_parser(function, "command", ()), argv, shlex.split(command)[1])
    names = [field.name for field in dataclasses.fields(make)]
    return make(**{name: values[name] for name in names}), values


@pytest.mark.parametrize(
    "config",
    [
        PretrainConfig(),
        PretrainConfig(seed=3, optimizer=OptimizerConfig(betas=(0.8, 0.95), weight_decay=1e-5)),
        PretrainConfig(model=BiLMConfig(dim=16, lstm_dim=32, lstm_projection=True, cell_clip=3.0)),
    ],
)
def test_pretraining(config: PretrainConfig) -> None:
    command = repeat_command("pretrain", config, {"corpus": "my corpus", "out": "it's", "init": None, "max_time": "3h"})
    function = COMMANDS["pretrain"].load()
    assert command_positionals(COMMANDS["pretrain"]) == ()
    found, values = parsed(command, function, PretrainConfig, 1)
    assert found == config and (values["corpus"], values["out"], values["max_time"]) == ("my corpus", "it's", "3h")


def test_the_nearest_preset_is_named() -> None:
    text = (Path(__file__).parents[2] / "configs" / "pretrain" / "tiny.yaml").read_text()
    assert "dropout: 0.4" in text
    argv = ["--config", "tiny", "--corpus", "c", "--out", "o", "--model.dropout", "0.3"]
    config, _ = parsed(shlex.join(["elmo-lite", "pretrain", *argv]), COMMANDS["pretrain"].load(), PretrainConfig, 1)
    command = repeat_command("pretrain", config, {"corpus": "c", "out": "o"})
    assert command == "elmo-lite pretrain --config tiny --model.dropout 0.3 --corpus c --out o"
    assert "--config" not in repeat_command("pretrain", PretrainConfig(), {})
    assert "--config" in repeat_command("pretrain", PretrainConfig(), {}, with_preset=True)


@pytest.mark.parametrize(
    ("command", "function", "config"),
    [
        ("ner train", train_ner, NerConfig(encoder="my models/en", chars=False, max_epochs=3, word_column=-1)),
        ("ner train", train_ner, NerConfig(words="wiki.vec", freeze=False, encoder="en")),
        ("sentiment train", train_sentiment, SentimentConfig()),
        ("sentiment train", train_sentiment, SentimentConfig(tokenizer="whitespace", head="bcn")),
    ],
)
def test_tasks(command: str, function: Any, config: Any) -> None:
    line = repeat_command(command, config, {"train": "a", "dev": "b", "out": "c"}, short=SHORT_FLAGS)
    assert parsed(line, function, type(config), 2)[0] == config
    assert "--representation.encoder" not in line
