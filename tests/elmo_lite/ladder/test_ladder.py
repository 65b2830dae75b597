"""A ladder end to end on a toy corpus: results, pictures, resuming after a kill, and what bad input gets."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytorch_lightning as pl

from elmo_lite.cli.main import main
from elmo_lite.corpus.corpus import Corpus
from elmo_lite.embedding.elmo import Elmo
from elmo_lite.errors import CheckpointError, ConfigError, CorpusError, TrainingError
from elmo_lite.ladder import climb as one_rung
from elmo_lite.ladder.clock import Clock
from elmo_lite.ladder.config import LadderConfig, RungName
from elmo_lite.ladder.kneser_ney import KneserNey, perplexity
from elmo_lite.ladder.ladder import climb
from elmo_lite.ladder.rungs import parameters_of, training_config
from elmo_lite.nn.config import CharCNNConfig
from elmo_lite.nn.forward_config import ForwardLMConfig
from elmo_lite.pretraining.config import DataConfig
from elmo_lite.pretraining.initial_model import build_model
from elmo_lite.pretraining.optimizers import num_parameters
from elmo_lite.stopping import Stopped
from tests.elmo_lite.ladder.toy import build, toy_corpus, toy_ladder

ALL: tuple[RungName, ...] = LadderConfig().rungs


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return toy_corpus(tmp_path_factory.mktemp("toy"))


def content(out: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((out / "ladder.json").read_text())
    return found


@pytest.fixture(scope="module")
def whole(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ladder of all rungs, with a test text."""
    folder = tmp_path_factory.mktemp("whole")
    (folder / "test.txt").write_text("the cat sees a zebra today .\n\nmy friend likes the cat .\n")
    climb(toy_ladder(), corpus, folder / "out", test=str(folder / "test.txt"), progress=False)
    return folder / "out"


def test_all_rungs_are_measured(whole: Path, corpus: Path) -> None:
    assert {path.name for path in whole.iterdir()} == {
        "settings.json", "ladder.json", "rungs", "perplexity.png", "gradients.png"
    }  # fmt: skip
    found, opened = content(whole), Corpus.open(corpus)
    assert found["predictions"] == len(opened.held_out) - 1 and found["test_predictions"] == 7 + 1 + 6 + 1
    by_name = {rung["name"]: rung for rung in found["rungs"]}
    assert tuple(by_name) == ALL
    classes = opened.class_of_word.astype(np.int64)
    model = KneserNey.fit(classes[opened.train], len(opened.vocabulary), 3)
    assert by_name["ngram"]["perplexity"] == pytest.approx(
        perplexity(model.stream_probabilities(classes[opened.held_out]))
    )
    for name, rung in by_name.items():
        assert 1 < rung["perplexity"] < 24 and rung["test_perplexity"] > 1, name
        assert (rung["backward_perplexity"] is not None) == (name == "bilm")
        assert rung["sentence"] and "<unk>" not in rung["sentence"]
        assert bool(rung["points"]) == (name not in ("unigram", "bigram", "ngram"))
    assert by_name["unigram"]["perplexity"] > by_name["bigram"]["perplexity"] > by_name["ngram"]["perplexity"]
    assert [name for name, rung in by_name.items() if rung["gradients"]] == ["rnn_tanh", "rnn_relu", "gru", "lstm"]
    assert set(by_name["lstm"]["gradients"]["after"]) == {"hidden", "cell"}


def test_equal_parameters(whole: Path) -> None:
    rungs = [rung for rung in content(whole)["rungs"] if rung["dim"] is not None]
    assert len({rung["words"] for rung in rungs}) == 1
    (wanted,) = [rung["parameters"] for rung in rungs if rung["name"] == "lstm"]
    simple = [rung for rung in rungs if rung["name"] in ("window", "rnn_tanh", "gru", "lstm", "lstm2")]
    assert all(abs(rung["parameters"] - wanted) < 0.2 * wanted for rung in simple)
    width = {rung["name"]: rung["dim"] for rung in simple}
    assert width["lstm2"] < width["lstm"] == 12 < min(width["rnn_tanh"], width["window"])


def test_a_saved_rung_is_no_elmo(whole: Path) -> None:
    with pytest.raises(CheckpointError, match="expected a model of both directions, found one that reads forward"):
        Elmo.from_pretrained(whole / "rungs" / "lstm" / "model")
    assert "A rung of `elmo-lite ladder`" in (whole / "rungs" / "lstm" / "model" / "README.md").read_text()
    assert Elmo.from_pretrained(whole / "rungs" / "bilm" / "model").embed(["the cat"])[0].shape[1] == 2


@pytest.mark.parametrize("name", ["window", "rnn_relu", "lstm2", "char_lstm", "bilm"])
def test_parameters_are_counted(name: RungName, corpus: Path) -> None:
    opened = Corpus.open(corpus)
    settings = training_config(name, toy_ladder(equal="time"), opened)
    module = build_model(settings, opened, 1, None)
    assert parameters_of(settings.model, len(opened.vocabulary)) == num_parameters(module)
    assert isinstance(settings.model, ForwardLMConfig) == (name != "bilm")
    assert settings.model.dim == 12


def test_states_are_carried_over_sentence_ends(corpus: Path, tmp_path: Path) -> None:
    data = DataConfig(batching="windows", batch_words=64, max_length=8)
    results = climb(toy_ladder(data=data, rungs=("ngram", "window", "gru"), epochs=1), corpus, tmp_path / "out")
    opened = Corpus.open(corpus)
    classes = opened.class_of_word.astype(np.int64)
    model = KneserNey.fit(classes[opened.train], len(opened.vocabulary), 3, across_sentences=True)
    assert results[0].perplexity == pytest.approx(
        perplexity(model.stream_probabilities(classes[opened.held_out], across_sentences=True))
    )
    assert all(result.perplexity is not None for result in results)


def test_equal_time_counts_seconds(corpus: Path, tmp_path: Path) -> None:
    config = toy_ladder(equal="time", max_time="2s", rungs=("rnn_tanh",))
    (result,) = climb(config, corpus, tmp_path / "out", progress=False)
    assert 0.5 < result.seconds < 8 and result.words_per_second == pytest.approx(result.words / result.seconds)


def stop_at(step: int) -> Any:
    """The method of a callback that sends SIGINT in a step."""

    def on_train_batch_end(self: Clock, trainer: pl.Trainer, *_: Any) -> None:
        if trainer.global_step == step:
            os.kill(os.getpid(), signal.SIGINT)

    return on_train_batch_end


@pytest.mark.parametrize(
    ("batching", "rungs"), [("sentences", ("bigram", "gru", "lstm")), ("windows", ("bigram", "window"))]
)
def test_a_stopped_ladder_goes_on_where_it_was(
    batching: Any, rungs: Any, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = toy_ladder(rungs=rungs, data=DataConfig(batching=batching, batch_words=128, max_length=16))
    expected = climb(config, corpus, tmp_path / "whole", progress=False)
    out = tmp_path / "stopped"
    with monkeypatch.context() as patch:
        patch.setattr(Clock, "on_train_batch_end", stop_at(15))
        with pytest.raises(
            Stopped, match=rf"^{rungs[1]}: stopped at step 15 of \d+; --resume continues the ladder in {out}$"
        ):
            climb(config, corpus, out, progress=False)
    assert {path.name for path in out.iterdir()} == {"settings.json", "rungs"}, "no results of a part"
    report = ["report", str(out / "rungs" / rungs[1]), "--out", str(tmp_path / "report.html")]
    assert main(report) == 0, "a rung that is not complete can be looked at"
    bigram = (out / "rungs" / "bigram.json").stat().st_mtime_ns
    resumed = climb(config, corpus, out, resume=True, progress=False)
    assert (out / "rungs" / "bigram.json").stat().st_mtime_ns == bigram
    for result, wanted in zip(resumed, expected, strict=True):
        assert (result.perplexity, result.sentence, result.gradients) == (
            wanted.perplexity,
            wanted.sentence,
            wanted.gradients,
        )
        assert [p for _, p in result.points] == [p for _, p in wanted.points]
    assert climb(config, corpus, out, resume=True, progress=False) == resumed


def test_a_rung_that_was_trained_but_not_measured(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, out = toy_ladder(rungs=("window",)), tmp_path / "out"
    with monkeypatch.context() as patch:
        patch.setattr(one_rung, "perplexities", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(Stopped, match=rf"^window: interrupted; --resume continues the ladder in {out}$"):
            climb(config, corpus, out, progress=False)
    (result,) = climb(config, corpus, out, resume=True, progress=False)
    assert result.perplexity is not None and len(result.points) == 2


def test_a_training_that_fails_is_a_row(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise TrainingError("step 7: expected finite gradients")

    monkeypatch.setattr(one_rung, "pretrain", fail)
    (result,) = climb(toy_ladder(rungs=("rnn_relu",)), corpus, tmp_path / "out", progress=False)
    assert result.perplexity is None and result.failed == "step 7: expected finite gradients"
    assert not (tmp_path / "out" / "perplexity.png").exists()


def test_resume_needs_the_same_ladder(corpus: Path, tmp_path: Path) -> None:
    out, config = tmp_path / "out", toy_ladder(rungs=("unigram",))
    with pytest.raises(CheckpointError, match="expected a ladder to resume, found no settings.json"):
        climb(config, corpus, out, resume=True)
    climb(config, corpus, out)
    with pytest.raises(ConfigError, match="expected no such directory or an empty one, found it in use; --resume"):
        climb(config, corpus, out)
    with pytest.raises(
        ConfigError, match=r"expected the settings that the ladder began with, found others in \['dim'\]"
    ):
        climb(toy_ladder(rungs=("unigram",), dim=16), corpus, out, resume=True)
    with pytest.raises(ConfigError, match="expected --test None, as the ladder began with, found .*other.txt"):
        (tmp_path / "other.txt").write_text("the cat .\n")
        climb(config, corpus, out, resume=True, test=str(tmp_path / "other.txt"))
    other = build(tmp_path / "other", ["a dog sees the cat ."] * 90, ["the cat ."])
    with pytest.raises(CheckpointError, match="expected the corpus that the ladder began with, found another one"):
        climb(config, other, out, resume=True)
    (out / "rungs" / "unigram.json").write_text("{}")
    with pytest.raises(CheckpointError, match="unigram.json: name: expected a string, found nothing"):
        climb(config, corpus, out, resume=True)


def test_bad_texts_get_one_line(tmp_path: Path) -> None:
    one_word = build(tmp_path / "one", ["cat"], ["cat"])
    with pytest.raises(CorpusError, match="training text: expected at least one batch of 128 words .*, found 2$"):
        climb(toy_ladder(), one_word, tmp_path / "out")
    nothing = build(tmp_path / "nothing", ["a dog sees the cat . " * 90], [])
    with pytest.raises(CorpusError, match="expected a held-out part to measure perplexity on, found none"):
        climb(toy_ladder(), nothing, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_corpus_of_other_widths(corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="char_cnn.max_characters: expected 12, as the corpus .* has, found 50"):
        climb(toy_ladder(char_cnn=CharCNNConfig()), corpus, tmp_path / "out")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rungs": ()}, "rungs: expected at least one model"),
        ({"rungs": ("lstm", "lstm")}, "rungs: expected each model once"),
        ({"equal": "words"}, "equal: expected time or parameters, found 'words'"),
        ({"max_time": "soon"}, "--max_time: expected a duration"),
        ({"order": 11}, "order: expected an integer in 1..10, found 11"),
        ({"dim": 70_000}, "dim: expected an integer in 1..65536"),
    ],
)
def test_wrong_settings(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        toy_ladder(**changes)


def test_the_command(corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = tmp_path / "settings.yaml"
    settings.write_text(
        "equal: parameters\nepochs: 1\ndim: 8\nchar_cnn: {max_characters: 12}\ndata: {batch_words: 128}\n"
        "rungs: [ngram, rnn_tanh, lstm]\nvalidations: 1\n"
    )
    out = str(tmp_path / "out")
    assert main(["ladder", str(corpus), "--out", out, "--config", str(settings), "--quiet"]) == 0
    printed = capsys.readouterr()
    lines = printed.out.splitlines()
    assert lines[0].split() == ["model", "perplexity", "parameters", "words/s", "seconds", "width"]
    assert [line.split("  ")[0] for line in lines[1:4]] == ["5-gram, Kneser-Ney", "RNN, tanh", "LSTM"]
    assert "from worst to best: " in printed.out and "generated, seed 0:" in printed.out
    assert lines[-1] == f"report    elmo-lite report {out}"
    assert json.loads((Path(out) / "settings.json").read_text())["corpus_name"] == str(corpus)
    assert printed.err == ""
    assert main(["ladder", str(corpus), "--out", out, "--resume", "--quiet"]) == 0
    assert capsys.readouterr().out == printed.out
    assert main(["ladder", str(tmp_path / "absent"), "--out", out]) == 2
    assert "expected a corpus directory, found no meta.json" in capsys.readouterr().err


def test_a_resumed_ladder_may_use_another_device(corpus: Path, tmp_path: Path) -> None:
    climb(toy_ladder(rungs=("unigram",), device="cpu"), corpus, tmp_path / "out")
    assert "device" not in json.loads((tmp_path / "out" / "settings.json").read_text())["config"]
    climb(toy_ladder(rungs=("unigram",), device="cuda:1"), corpus, tmp_path / "out", resume=True)
    with pytest.raises(ConfigError, match="device: expected auto, cpu, cuda, cuda:N or mps, found 'gpu'"):
        toy_ladder(device="gpu")


@pytest.mark.gpu
def test_on_a_gpu(corpus: Path, tmp_path: Path) -> None:
    results = climb(toy_ladder(device="cuda"), corpus, tmp_path / "out", progress=False)
    assert all(result.perplexity is not None and result.perplexity < 24 for result in results)
