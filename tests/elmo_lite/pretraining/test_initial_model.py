"""Models to go on from: settings, what must agree, and the commands that take a packaged model by its name."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from elmo_lite.cli.main import main
from elmo_lite.corpus.corpus import Corpus
from elmo_lite.embedding.elmo import Elmo
from elmo_lite.errors import CheckpointError, ConfigError
from elmo_lite.nn.bilm import BiLM
from elmo_lite.nn.config import BiLMConfig, CharCNNConfig, to_dict
from elmo_lite.nn.lm_head import LMHead
from elmo_lite.pretraining import initial_model, speed
from elmo_lite.pretraining.config import DataConfig, PretrainConfig
from elmo_lite.pretraining.initial_model import InitialModel, with_encoder_of
from elmo_lite.pretraining.pretrain import pretrain
from elmo_lite.saved_model import names as model_names
from elmo_lite.saved_model.checkpoint import load_model, save_model
from elmo_lite.text.tokenization import Tokenization
from elmo_lite.text.vocabulary import Vocabulary
from tests.segmenter_fakes import Segmenters

CNN = CharCNNConfig(embedding_dim=4, filters=((1, 4), (2, 4)))
SMALL = BiLMConfig(char_cnn=CNN, dim=8, lstm_dim=8, num_layers=1, dropout=0.25)
WORDS = ["the", "cat", "sees", "a", "dog", "."]
TEXT = "The cat sees a dog .\nA dog hears the cat .\n"


@pytest.fixture
def packaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tiny model that the package seems to carry as en, stored as ``compress`` stores it."""
    torch.manual_seed(0)
    vocabulary = Vocabulary(WORDS)
    head = LMHead(len(vocabulary), SMALL.dim)
    save_model(
        tmp_path / "models" / "en",
        BiLM(SMALL),
        Tokenization(),
        vocabulary,
        head,
        dtype="float16",
        head_dtype="int8",
    )
    monkeypatch.setattr(model_names, "models_directory", lambda: tmp_path / "models")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "models" / "en"


@pytest.fixture
def corpus(packaged: Path) -> str:
    """A corpus with default settings; what they are is what packaged models read."""
    Path("text.txt").write_text(TEXT * 200)
    Path("held_out.txt").write_text(TEXT)
    assert main(["corpus", "text.txt", "--held_out", "held_out.txt", "--out", "corpus"]) == 0
    return "corpus"


def error(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    capsys.readouterr()
    assert main(list(argv)) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1
    return lines[0].removeprefix("elmo-lite: error: ")


def run(*argv: str) -> dict[str, Any]:
    """Pretrain for two steps; the settings that were taken."""
    assert main(["pretrain", "--out", "out", "--max_steps", "2", *argv]) == 0
    settings: dict[str, Any] = json.loads(Path("out/run.json").read_text())["config"]
    return settings


# Commands that take a name


def test_vectors_of_a_packaged_model(packaged: Path) -> None:
    by_name, by_path = (Elmo.from_pretrained(name).embed([WORDS])[0] for name in ("en", packaged))
    assert by_name.shape == (2, len(WORDS), 16) and np.array_equal(by_name, by_path)
    Path("text.txt").write_text(TEXT)
    pytest.importorskip("h5py")
    assert main(["embed", "en", "text.txt", "vectors.h5"]) == 0


def test_perplexity_of_a_packaged_model(packaged: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("text.txt").write_text(TEXT)
    assert main(["evaluate", "en", "text.txt", "--quiet"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["model"] == "en" and found["classes"] == 8 and found["mean_perplexity"] > 1


def test_a_packaged_model_is_exported_and_compressed(packaged: Path) -> None:
    assert main(["compress", "en", "small", "--head", "none"]) == 0
    assert load_model("small").bilm.config == SMALL
    pytest.importorskip("h5py")
    assert main(["export", "en", "options.json", "weights.hdf5"]) == 0


def test_going_on_from_a_packaged_model(corpus: str) -> None:
    settings = run("--init", "en", "--corpus", corpus, "--data.batch_words", "64")
    expected = InitialModel.find("en").default_settings()
    assert settings["model"] == to_dict(SMALL)
    assert settings["optimizer"].items() >= expected["optimizer"].items()
    assert settings["data"] == {**expected["data"], "batching": "sentences", "batch_words": 64}
    found, first = load_model("out/model", with_head=True), load_model("en", with_head=True)
    assert found.bilm.config == SMALL and found.lm_head is not None and first.lm_head is not None
    assert found.vocabulary is not None and first.vocabulary is not None
    # two steps move the weights a little: the model began where the other ended
    row, before = found.vocabulary.class_of("dog"), first.vocabulary.class_of("dog")
    torch.testing.assert_close(found.lm_head.weight[row], first.lm_head.weight[before], atol=0.01, rtol=0)


def test_a_model_says_what_it_began_with(corpus: str, packaged: Path) -> None:
    run("--init", "en", "--corpus", corpus, "--data.batch_words", "64")
    first = load_model("out/model").training
    weights = json.loads((packaged / "config.json").read_text())["files"]["model.safetensors"]["sha256"]
    assert first["init"] == {"model": "en", "sha256": weights}  # it does not say how much it has seen
    assert "`init.sha256`" in Path("out/model/README.md").read_text()
    Path("out").rename("first")
    for n, name in enumerate(["first/model", str(Path("second/model").absolute())]):
        run("--init", name, "--corpus", corpus, "--data.batch_words", "64")
        training = load_model("out/model").training
        assert training["init"]["model"] == ("first/model", "model")[n]
        assert training["init"]["words_seen"] == (n + 1) * first["words_seen"] > 0
        Path("out").rename(["second", "third"][n])
    assert str(Path.cwd()) not in Path("third/model/config.json").read_text()


# Settings


def test_settings_that_are_given_win(corpus: str) -> None:
    Path("mine.yaml").write_text("data: {batch_words: 64}\noptimizer: {learning_rate: 0.5}\n")
    flags = ["--optimizer.table_learning_rate", "0.25", "--model.variational_dropout", "true"]
    settings = run("--init", "en", "--corpus", corpus, "--config", "mine.yaml", *flags)
    assert settings["optimizer"]["learning_rate"] == 0.5 and settings["optimizer"]["table_learning_rate"] == 0.25
    assert settings["model"] == {**to_dict(SMALL), "variational_dropout": True}
    # with --config, what it does not say is as it is without --init
    assert settings["optimizer"]["name"] == PretrainConfig().optimizer.name


def test_a_run_goes_on_with_its_own_settings(corpus: str, capsys: pytest.CaptureFixture[str]) -> None:
    before = run("--init", "en", "--corpus", corpus, "--data.batch_words", "64", "--seed", "7")
    assert main(["pretrain", "--out", "out", "--corpus", corpus, "--resume"]) == 0
    assert json.loads(Path("out/run.json").read_text())["config"] == before
    message = error(capsys, "pretrain", "--out", "out", "--corpus", corpus, "--resume", "--seed", "8")
    assert message == "out: expected the settings that the run began with, found others in ['seed']"
    run_file = json.loads(Path("out/run.json").read_text())
    run_file["config"]["sed"] = 1
    del run_file["checksum"]  # as in files of older versions
    Path("out/run.json").write_text(json.dumps(run_file))
    message = error(capsys, "pretrain", "--out", "out", "--corpus", corpus, "--resume")
    assert message.startswith("out/run.json: sed: expected one of model, ")
    assert "found no run.json" in error(capsys, "pretrain", "--out", "other", "--corpus", corpus, "--resume")


@pytest.mark.parametrize("flags", [["--model.dim", "16", "--model.lstm_dim", "16"], ["--config", "tiny"]])
def test_another_encoder_is_refused(corpus: str, capsys: pytest.CaptureFixture[str], flags: list[str]) -> None:
    message = error(capsys, "pretrain", "--init", "en", "--corpus", corpus, "--out", "out", *flags)
    assert message.startswith("model.") and "as the model en has, found" in message
    assert "omit model settings" in message and not Path("out").exists()


def test_the_same_encoder_may_be_given(corpus: str) -> None:
    flags = ["--model.dim", "8", "--model.lstm_dim", "8", "--data.batch_words", "64"]
    assert run("--init", "en", "--corpus", corpus, *flags)["model"] == to_dict(SMALL)


def test_no_such_model(corpus: str, capsys: pytest.CaptureFixture[str]) -> None:
    message = error(capsys, "pretrain", "--init", "enn", "--corpus", corpus, "--out", "out")
    assert "a packaged model (en)" in message and "did you mean en?" in message


def test_dropout_is_no_part_of_an_encoder(packaged: Path) -> None:
    config = PretrainConfig(model=dataclasses.replace(SMALL, dropout=0.5, variational_dropout=True))
    InitialModel.find("en").check_encoder(config)
    assert with_encoder_of(config, SMALL) == config
    saved = dataclasses.replace(SMALL, dropout=0.5)
    assert with_encoder_of(PretrainConfig(), saved).model == dataclasses.replace(SMALL, dropout=None)
    other = dataclasses.replace(SMALL, char_cnn=dataclasses.replace(CNN, num_highway=3))
    with pytest.raises(ConfigError, match=r"^model\.char_cnn\.num_highway: expected 1, as the model en has, found 3; "):
        InitialModel.find("en").check_encoder(PretrainConfig(model=other))


# The corpus


def test_a_corpus_by_default_fits_packaged_models(corpus: str, packaged: Path) -> None:
    initial = InitialModel.find("en")
    initial.check_corpus(Corpus.open(corpus))
    assert initial.directory == packaged


@pytest.mark.parametrize("flags", [["--tokenizer", "whitespace"], ["--max_characters", "20"]])
def test_a_corpus_of_other_words(packaged: Path, capsys: pytest.CaptureFixture[str], flags: list[str]) -> None:
    Path("text.txt").write_text(TEXT * 50)
    assert main(["corpus", "text.txt", "--out", "other", *flags]) == 0
    with pytest.raises(CheckpointError, match="^other: expected "):
        InitialModel.find("en").check_corpus(Corpus.open("other"))
    remedy = {"--tokenizer": "--tokenizer words", "--max_characters": "--max_characters 50"}[flags[0]]
    for more in ([], ["--dry_run"]):
        message = error(capsys, "pretrain", "--init", "en", "--corpus", "other", "--out", "out", *more)
        assert "the model en" in message and message.endswith(f"; build the corpus with {remedy}")
    assert not Path("out").exists()


def test_a_corpus_of_another_segmenter(packaged: Path, segmenters: Segmenters) -> None:
    segmenters.install("jieba")
    Path("text.txt").write_text("我们今天学习。\n" * 50, encoding="utf-8")
    assert main(["corpus", "text.txt", "--out", "other"]) == 0
    with pytest.raises(CheckpointError, match="build the corpus with --tokenizer words --segmenter none$"):
        InitialModel.find("en").check_corpus(Corpus.open("other"))


# A name is resolved once


@pytest.fixture
def downloads(corpus: str, packaged: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Hub names that are looked up; each one leads to the packaged model."""
    asked: list[str] = []

    def fetch(name: str, revision: str | None = None) -> Path:
        asked.append(name)
        return packaged

    monkeypatch.setattr(model_names, "_fetch", fetch)
    return asked


@pytest.mark.parametrize("more", [[], ["--dry_run"], ["--config", "mine.yaml"]])
def test_a_command_resolves_a_name_once(
    corpus: str, downloads: list[str], more: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(speed, "measure", lambda *_: speed.Speed(5, 1.0, 1.0, 0))
    calls: list[str] = []

    def find(name: str) -> Path:
        calls.append(name)
        return model_names.find_model(name)

    monkeypatch.setattr(initial_model, "find_model", find)
    Path("mine.yaml").write_text("data: {batch_words: 64}\n")
    flags = ["--init", "someone/elmo", "--corpus", corpus, "--data.batch_words", "64", "--max_steps", "2"]
    for out in ("out", "again"):  # nothing is kept from one command to the next
        calls.clear()
        downloads.clear()
        assert main(["pretrain", "--out", out, *flags, *more]) == 0
        assert calls == downloads == ["someone/elmo"]


def test_a_call_resolves_a_name_once(corpus: str, downloads: list[str]) -> None:
    config = PretrainConfig(model=SMALL, data=DataConfig(batch_words=64))
    pretrain(config, corpus, "out", max_steps=2, init="someone/elmo")
    assert downloads == ["someone/elmo"]
    pretrain(config, corpus, "out", max_steps=3, resume=True)
    assert downloads == ["someone/elmo"], "the state has all weights"
    Path("out/checkpoints/last.ckpt").unlink()
    pretrain(config, corpus, "out", resume=True)
    assert downloads == ["someone/elmo", "someone/elmo"], "without a state it is needed again"
    assert load_model("out/model").training["init"]["model"] == "someone/elmo"
