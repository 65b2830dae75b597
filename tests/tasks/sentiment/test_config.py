"""Settings: short fields, groups, files, and impossible ones."""

import json
from pathlib import Path

import pytest

from elmo_lite import ConfigError
from elmo_lite.cli.arguments import parse
from elmo_lite.cli.signatures import function_parser
from tasks.classification.bcn import BCNConfig
from tasks.classification.pooled_head import PooledConfig
from tasks.classification.readers import DataConfig
from tasks.inputs.word_input_config import WordInputConfig
from tasks.sentiment.config import SentimentConfig
from tasks.sentiment.training import train_command


def test_short_fields_go_into_their_groups() -> None:
    config = SentimentConfig(
        encoder="m", freeze=False, words="none", chars=False, max_epochs=3, inputs=WordInputConfig(word_dim=7)
    )
    assert (config.representation.encoder, config.representation.freeze) == ("m", False)
    assert config.inputs == WordInputConfig(words="none", chars=False, word_dim=7)
    assert config.finetune.max_epochs == 3
    assert config == SentimentConfig(
        representation=config.representation, inputs=config.inputs, finetune=config.finetune
    )


def test_groups_are_kept_where_nothing_short_is_said() -> None:
    assert SentimentConfig(inputs=WordInputConfig(words="none")).inputs.words == "none"


def test_head_config() -> None:
    assert isinstance(SentimentConfig().head_config, PooledConfig)
    assert isinstance(SentimentConfig(head="bcn").head_config, BCNConfig)


def test_to_json_and_back(tmp_path: Path) -> None:
    config = SentimentConfig(
        head="bcn", encoder=str(tmp_path / "model"), words=str(tmp_path / "v.txt"), data=DataConfig(classes=2)
    )
    stored = json.loads(json.dumps(config.to_dict()))
    assert str(tmp_path) not in json.dumps(stored)
    again = SentimentConfig.from_dict(stored)
    assert (again.representation.encoder, again.inputs.words) == ("model", "v.txt")
    assert (again.head, again.data, again.bcn) == (config.head, config.data, config.bcn)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"head": "big"}, "head: expected one of pooled, bcn, found 'big'"),
        ({"tokenizer": "moses"}, "tokenizer: expected one of auto, words, whitespace, found 'moses'"),
    ],
)
def test_impossible_settings(settings: dict[str, str], expected: str) -> None:
    with pytest.raises(ConfigError) as error:
        SentimentConfig(**settings)  # type: ignore[arg-type]
    assert str(error.value) == expected


def test_stored_settings_that_do_not_fit() -> None:
    stored = SentimentConfig().to_dict()
    without = {name: stored[name] for name in stored if name != "bcn"}
    for broken, match in (({**stored, "size": 3}, "^size: expected one of"), (without, "^bcn: expected an object")):
        with pytest.raises(ConfigError, match=match):
            SentimentConfig.from_dict(broken)


def test_one_setting_of_training_leaves_the_others() -> None:
    flags = "--train a --dev b --out c --finetune.seed 3".split()
    training = parse(function_parser(train_command, "sentiment train", ()), flags, "sentiment")["finetune"]
    assert (training.seed, training.learning_rate) == (3, SentimentConfig().finetune.learning_rate)
