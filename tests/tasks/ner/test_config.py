"""Settings of a tagger."""

import json
from pathlib import Path

import pytest

from elmo_lite import ConfigError
from elmo_lite.cli.arguments import parse
from elmo_lite.cli.signatures import function_parser
from tasks.inputs.word_input_config import WordInputConfig
from tasks.ner.config import NerConfig
from tasks.ner.training import train_command


def test_short_fields_go_into_their_groups() -> None:
    config = NerConfig(encoder="m", freeze=False, words="none", spelling=False, chars=False, max_epochs=3)
    assert (config.representation.encoder, config.representation.freeze) == ("m", False)
    assert (config.inputs.words, config.inputs.spelling, config.inputs.chars) == ("none", False, False)
    assert config.finetune.max_epochs == 3
    assert config.encoder is config.freeze is config.words is config.spelling is config.chars is None
    assert config.max_epochs is None
    kept = NerConfig(words="none", inputs=WordInputConfig(word_dim=7))
    assert (kept.inputs.words, kept.inputs.word_dim) == ("none", 7)


def test_there_and_back_through_json(tmp_path: Path) -> None:
    config = NerConfig(words=str(tmp_path / "v.txt"), encoder=str(tmp_path / "m"), lstm_dim=9, tag_column=-1)
    settings = json.loads(json.dumps(config.to_dict()))
    assert str(tmp_path) not in json.dumps(settings)
    back = NerConfig.from_dict(settings)
    assert (back.lstm_dim, back.tag_column, back.inputs.words, back.representation.encoder) == (9, -1, "v.txt", "m")
    assert back.to_dict() == settings
    for broken, match in [
        ({**settings, "nothing": 1}, "^nothing: expected one of .*, found an unknown setting"),
        ({**settings, "inputs": {"nothing": 1}}, "^inputs.nothing: expected one of "),
        ({**settings, "lstm_dim": "9"}, "^lstm_dim: expected an integer, found '9'"),
        ({}, "^inputs: expected an object, found nothing"),
    ]:
        with pytest.raises(ConfigError, match=match):
            NerConfig.from_dict(broken)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"lstm_dim": 0}, "lstm_dim: expected an integer in 1..65536, found 0"),
        ({"lstm_layers": 0}, "lstm_layers: expected an integer in 1..100, found 0"),
        ({"dropout": 1.0}, "dropout: expected a probability"),
        ({"tokenizer": "letters"}, "tokenizer: expected one of auto, words, whitespace, found 'letters'"),
        ({"max_epochs": 0}, "max_epochs: expected 1 or more, found 0"),
    ],
)
def test_wrong_settings(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        NerConfig(**settings)  # type: ignore[arg-type]


def test_flags() -> None:
    parser = function_parser(train_command, "ner train", ())
    flags = "--encoder m --freeze false --words none --chars true --max_epochs 2 --lstm_dim 5 --tag_column -1"
    groups = "--inputs.char_filters 7 --representation.layers top --finetune.learning_rate 5e-4"
    data = "--train a --dev b --out c --seeds 3"
    values = parse(parser, f"{flags} {groups} {data}".split(), "ner")
    assert (values["encoder"], values["freeze"], values["words"], values["chars"]) == ("m", False, "none", True)
    assert (values["max_epochs"], values["lstm_dim"], values["tag_column"], values["seeds"]) == (2, 5, -1, 3)
    assert values["inputs"].char_filters == 7
    assert values["representation"].layers == "top"
    assert values["finetune"].learning_rate == 5e-4
