"""Every choice of layers from end to end: trained, drawn, reported, saved, loaded, and used again."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import torch

pytest.importorskip("seqeval")

from elmo_lite import BiLM, BiLMConfig, CharCNNConfig, Elmo, Tokenization
from elmo_lite.cli.main import main
from tasks.inputs.representation import EncoderConfig
from tasks.inputs.word_input_config import WordInputConfig
from tasks.ner import NerConfig, NerTagger, train
from tasks.training.config import FinetuneConfig

WORDS = ["Anna", "lives", "in", "Rome", "."]
DATA = ([WORDS, ["Rome", "sleeps"], WORDS[:3]] * 3, [["B-PER", "O", "O", "B-LOC", "O"], ["B-LOC", "O"], ["O"] * 3] * 3)
CHOICES: list[dict[str, Any]] = [
    {"layers": "top"},
    {"layers": "1", "layer_norm": True, "output_mix": True},
    {"layers": "mix"},
    {"layers": "1,2"},
    {"layers": "0,2", "mix_start": "top", "mix_dropout": 0.1},
    {"layers": "random"},
    {"layers": "concat"},
    {"layers": "concat:1,2", "projection": 5, "output_mix": True},
    {"layers": "function", "layer_norm": True},
]


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> str:
    torch.manual_seed(0)
    char_cnn = CharCNNConfig(embedding_dim=4, filters=((1, 4), (2, 4)), max_characters=12)
    directory = tmp_path_factory.mktemp("models") / "model"
    Elmo(BiLM(BiLMConfig(char_cnn=char_cnn, dim=4, lstm_dim=4)), Tokenization()).save_pretrained(directory)
    return str(directory)


def config(encoder: str, cache_dir: Path, representation: dict[str, Any], **finetune: Any) -> NerConfig:
    return NerConfig(
        lstm_dim=4,
        inputs=WordInputConfig(word_dim=4, chars=False),
        representation=EncoderConfig(encoder=encoder, **representation),
        finetune=FinetuneConfig(**{"max_epochs": 2, "cache_dir": str(cache_dir), **finetune}),
    )


@pytest.mark.parametrize("choice", CHOICES, ids=lambda choice: choice["layers"])
def test_trained_saved_and_loaded(encoder: str, choice: dict[str, Any], tmp_path: Path) -> None:
    out = tmp_path / "tagger"
    train(config(encoder, tmp_path / "cache", choice, mix_learning_rate=0.1), DATA, DATA, out, progress=False)
    mix = json.loads((out / "metrics.json").read_text())["epochs"][-1]["mix"]
    has_weights = choice["layers"] in ("mix", "1,2", "0,2", "random")
    assert list(mix) == (["input"] if has_weights else [])
    if has_weights:
        chosen = {"1,2": {1, 2}, "0,2": {0, 2}}.get(choice["layers"], {0, 1, 2})
        assert {layer for layer, weight in enumerate(mix["input"][0]) if weight} == chosen
    assert (out / "layer_weights.png").exists() == has_weights
    assert f"| `config.representation.layers` | {choice['layers']} |" in (out / "README.md").read_text()
    loaded = NerTagger.from_pretrained(out)
    assert loaded.config.representation.layers == choice["layers"]
    metrics = json.loads((out / "metrics.json").read_text())
    assert loaded.evaluate(DATA)["f1"] == pytest.approx(metrics["dev"]["f1"])
    assert main(["report", str(out), "--out", str(tmp_path / "page.html")]) == 0


def test_the_learning_rate_of_the_mix_moves_it(encoder: str, tmp_path: Path) -> None:
    moved = []
    for rate in (None, 0.3):
        out = tmp_path / str(rate)
        settings = config(encoder, tmp_path / "cache", {"layers": "mix"}, mix_learning_rate=rate, pictures=False)
        train(settings, DATA, DATA, out, progress=False)
        weights, _ = json.loads((out / "metrics.json").read_text())["epochs"][-1]["mix"]["input"]
        moved.append(max(weights) - min(weights))
    assert moved[1] > 10 * moved[0]


def test_at_the_command_line(encoder: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = tmp_path / "data.conll"
    data.write_text("Anna\tB-PER\nlives\tO\nin\tO\nRome\tB-LOC\n\n" * 3)
    command = ["ner", "train", "--encoder", encoder, "--train", str(data), "--dev", str(data)]
    command += ["--finetune.cache_dir", str(tmp_path / "cache"), "--out", str(tmp_path / "out"), "--max_epochs", "1"]
    for wrong, message in [
        (["--representation.layers", "1,1"], "layers: expected each layer once, found 1 twice"),
        (["--representation.layers", "1,5"], "layers: expected mix, top or a number in -3..2, found 5"),
        (["--representation.layers", "concat:"], "layers: expected auto, mix, top or a layer's number"),
        (["--representation.projection", "3"], "projection: expected none for layers top, found 3"),
    ]:
        assert main([*command, *wrong]) == 2
        assert message in (error := capsys.readouterr().err) and len(error.splitlines()) <= 2, error
    assert main([*command, "--representation.layers", "1,2", "--finetune.mix_learning_rate", "0.1"]) == 0
    assert re.search(r"input mix 0\.00 0\.\d\d 0\.\d\d x 1\.10$", capsys.readouterr().err.strip())


def test_settings_of_earlier_versions_are_read() -> None:
    settings = NerConfig(encoder="en").to_dict()
    for name in ("projection", "mix_start"):
        assert settings["representation"].pop(name) is None  # so that seeds of earlier versions are not trained again
    assert settings["finetune"].pop("mix_learning_rate") is None
    assert NerConfig.from_dict(settings).to_dict() == NerConfig(encoder="en").to_dict()
