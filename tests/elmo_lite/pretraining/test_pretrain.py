"""Pretraining end to end on a toy corpus, and exact resumption after a kill."""

from __future__ import annotations

import csv
import dataclasses
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pytorch_lightning.core.optimizer import LightningOptimizer

from elmo_lite import hardware as precision
from elmo_lite.atomic import _beside
from elmo_lite.cli.main import main
from elmo_lite.corpus.batch import Batch
from elmo_lite.corpus.builder import CorpusSettings, build_corpus
from elmo_lite.corpus.corpus import Corpus
from elmo_lite.errors import CheckpointError, ConfigError, CorpusError, TrainingError
from elmo_lite.files import describe_file
from elmo_lite.hardware import choose_precision
from elmo_lite.lm.perplexity import stream_perplexity
from elmo_lite.locks import hold
from elmo_lite.nn.config import BiLMConfig, CharCNNConfig
from elmo_lite.pretraining import length, speed
from elmo_lite.pretraining.command import pretrain_command
from elmo_lite.pretraining.config import DataConfig, HeadConfig, OptimizerConfig, PretrainConfig
from elmo_lite.pretraining.data_module import make_batches, validation_sample
from elmo_lite.pretraining.duration import parse_duration
from elmo_lite.pretraining.fit import CURVES
from elmo_lite.pretraining.initial_model import InitialModel, build_model, class_counts
from elmo_lite.pretraining.pretrain import pretrain
from elmo_lite.pretraining.run import Run, plain_settings
from elmo_lite.pretraining.speed import Speed, dry_run, steps_in, training_device, validation_words
from elmo_lite.pretraining.training_module import LanguageModel
from elmo_lite.saved_model.checkpoint import load_model, save_model
from elmo_lite.stopping import Stopped
from elmo_lite.text.tokenization import Tokenization
from elmo_lite.text.vocabulary import UNKNOWN_CLASS

WHITESPACE = CorpusSettings(
    tokenization=Tokenization(kind="whitespace"), held_out_share=0.05, vocabulary_size=30, max_characters=12
)
SUBJECTS = ["the cat", "a dog", "the bird", "my friend", "one mouse"]
VERBS = ["sees", "hears", "follows", "likes"]
PLACES = ["in the house", "on the mat", "near a tree", "today", "again and again"]


def sentences(seed: int, number: int) -> list[str]:
    rng = np.random.default_rng(seed)
    return [
        f"{rng.choice(SUBJECTS)} {rng.choice(VERBS)} {rng.choice(SUBJECTS)} {rng.choice(PLACES)} ."
        for _ in range(number)
    ]


def build(directory: Path, train: list[str], held_out: list[str] | None, settings: CorpusSettings = WHITESPACE) -> Path:
    directory.mkdir()
    files = []
    for name, lines in (("train", train), ("held_out", held_out or [])):
        files.append(directory / f"{name}.txt")
        files[-1].write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    held_out_files = [str(files[1])] if held_out else None
    build_corpus([str(files[0])], directory / "corpus", settings, held_out=held_out_files, num_processes=1)
    return directory / "corpus"


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("toy") / "it", sentences(0, 200), sentences(1, 30))


def settings(**changes: Any) -> PretrainConfig:
    cnn = CharCNNConfig(embedding_dim=4, filters=((1, 8), (3, 8)), max_characters=12)
    return PretrainConfig(
        **{
            "model": BiLMConfig(char_cnn=cnn, dim=16, lstm_dim=16, dropout=0.1),
            "head": HeadConfig(num_samples=12),
            "data": DataConfig(batching="sentences", batch_words=64, max_length=16),
            "optimizer": OptimizerConfig(learning_rate=0.01, table_learning_rate=0.01, warmup_steps=2),
            "validations": 3,
            "precision": "float32",
            **changes,
        }
    )


def older_run(out: Path) -> dict[str, Any]:
    """The file of a run as older versions have written it, without a checksum."""
    content: dict[str, Any] = json.loads((out / "run.json").read_text())
    del content["checksum"]
    return content


WINDOWS = DataConfig(batching="windows", batch_words=64, max_length=8)


# A run


@pytest.mark.parametrize("batching", ["sentences", "windows"])
def test_a_run_leaves_model_state_and_curves(batching: str, corpus: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    config = settings(**({"data": WINDOWS} if batching == "windows" else {}))
    facts = pretrain(config, corpus, out, max_steps=40)
    assert {path.name for path in out.iterdir()} == {
        "run.json",
        "result.json",
        "model",
        "checkpoints",
        "logs",
        "curve.png",
    }
    assert facts["steps"] == 40 and facts["model"] == str(out / "model")
    assert (out / "checkpoints" / "last.ckpt").stat().st_size > 0
    assert not list(out.rglob("*.tmp"))
    with open(out / "logs" / "metrics.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == CURVES, "a later column would make the logger write the whole file again"
    losses = [float(row["train/sampled_loss"]) for row in rows if row["train/sampled_loss"]]
    nats = [float(row["val/nats"]) for row in rows if row["val/nats"]]
    assert losses[-1] < losses[0] and len(nats) == 3 and nats[-1] < nats[0]
    saved = load_model(out / "model", with_head=True)
    opened = Corpus.open(corpus)
    assert saved.bilm.config == config.model and saved.tokenization == opened.tokenization
    assert saved.vocabulary is not None and list(saved.vocabulary) == list(opened.vocabulary)
    assert facts["best"]["nats"] == pytest.approx(min(nats), abs=1e-6)
    with pytest.raises(ConfigError, match="expected no such directory or an empty one, found it in use; --resume"):
        pretrain(config, corpus, out, max_steps=40)
    if batching == "sentences":  # every held-out sentence is in the sample, so that both count the same
        assert saved.lm_head is not None
        score = stream_perplexity(
            saved.bilm, saved.lm_head, opened.held_out, opened.char_ids, opened.class_of_word, stateful=False
        )
        assert facts["best"]["forward_perplexity"] == pytest.approx(score.forward_perplexity, rel=1e-4)
        assert facts["best"]["backward_perplexity"] == pytest.approx(score.backward_perplexity, rel=1e-4)
    refused(out, config, corpus, tmp_path)


@pytest.mark.gpu
@pytest.mark.parametrize("batching", ["sentences", "windows"])
def test_a_run_on_a_gpu_in_bfloat16_learns_and_goes_on(batching: str, corpus: Path, tmp_path: Path) -> None:
    changes: dict[str, Any] = {"data": WINDOWS} if batching == "windows" else {}
    config = settings(precision="bfloat16", device="cuda", **changes)
    begun = pretrain(config, corpus, tmp_path / "out", max_steps=30)
    done = pretrain(config, corpus, tmp_path / "out", max_steps=60, resume=True)
    assert done["best"]["nats"] < begun["best"]["nats"] < np.log(30)


def refused(out: Path, config: PretrainConfig, corpus: Path, tmp_path: Path) -> None:
    """What a used directory is not resumed with."""
    other = dataclasses.replace(config, seed=7, head=HeadConfig(num_samples=5))
    with pytest.raises(ConfigError, match=r"expected the settings that the run began with.*'head', 'seed'"):
        pretrain(other, corpus, out, resume=True)
    elsewhere = build(tmp_path / "elsewhere", sentences(5, 200), None)
    with pytest.raises(CheckpointError, match="expected the corpus that the run began with"):
        pretrain(config, elsewhere, out, resume=True)
    with pytest.raises(CheckpointError, match=r"expected a run to resume, found no run\.json"):
        pretrain(config, corpus, tmp_path / "nothing", resume=True)
    (out / "run.json").write_text('{"config": 3')
    with pytest.raises(CheckpointError, match=r"run\.json: expected JSON"):
        pretrain(config, corpus, out, resume=True)


@pytest.mark.parametrize(("older", "name"), [("32-true", "float32"), ("bf16-mixed", "bfloat16")])
def test_a_run_that_names_its_precision_as_before_goes_on(older: str, name: str, corpus: Path, tmp_path: Path) -> None:
    out, config = tmp_path / "out", settings(precision=name)
    pretrain(config, corpus, out, max_steps=4)
    stored = older_run(out)
    assert stored["config"]["precision"] == name
    (out / "run.json").write_text(json.dumps({**stored, "config": {**stored["config"], "precision": older}}))
    assert pretrain(config, corpus, out, resume=True)["steps"] == 4
    (out / "run.json").write_text(json.dumps({**stored, "config": {**stored["config"], "precision": "half"}}))
    with pytest.raises(CheckpointError, match=r"run\.json: precision: expected one of auto, "):
        pretrain(config, corpus, out, resume=True)


def test_a_toy_corpus_is_learnt_by_heart(tmp_path: Path) -> None:
    """Two sentences that differ from the first word on: whatever follows it is certain, in both directions."""
    lines = ["a b c d e f g h .", "k l m n o p q r !"] * 40
    toy = build(tmp_path / "toy", lines, lines[:20])
    config = settings(model=dataclasses.replace(settings().model, dropout=0.0))
    facts = pretrain(config, toy, tmp_path / "out", max_steps=350)
    # one of two in the first place, then nothing to guess: exp(log(2) / 10) = 1.07
    assert facts["best"]["forward_perplexity"] < 1.2 and facts["best"]["backward_perplexity"] < 1.2


def test_known_words_are_measured_by_themselves(corpus: Path) -> None:
    opened, config = Corpus.open(corpus), settings()
    module = build_model(config, opened, 1, None).eval()
    batch = make_batches(opened, opened.train, config.data, 0).batch(0)
    batch.forward_targets[:, 0] = UNKNOWN_CLASS
    with torch.no_grad():
        module.head.bias[UNKNOWN_CLASS] -= 3  # so that the unknown word is worse than others
        module.on_validation_epoch_start()
        module.validation_step(batch, 0)
        of_direction, known = module.validation_nats()
        expected = []
        for states, classes in zip(module.top_states(batch, {}), module.targets(batch), strict=True):
            nats = -module.head.log_probabilities(states, classes).double()
            expected.append((float(nats.mean()), float(nats[classes != UNKNOWN_CLASS].mean())))
    assert list(of_direction.values()) == pytest.approx([mean for mean, _ in expected])
    assert known == pytest.approx(np.mean([mean for _, mean in expected])) and known < np.mean([m for m, _ in expected])


def test_nothing_held_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    toy = build(tmp_path / "toy", [" ".join(sentences(0, 40))], None)
    facts = pretrain(settings(), toy, tmp_path / "out", max_steps=3)
    assert facts["best"] == {} and "no held-out part" in caplog.text
    assert load_model(tmp_path / "out" / "model", with_head=True).lm_head is not None


def test_early_stopping_counts_as_finished(corpus: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "elmo_lite")
    still = OptimizerConfig(learning_rate=1e-12, table_learning_rate=1e-12)
    facts = pretrain(settings(optimizer=still, validations=20, patience=2), corpus, tmp_path / "out", max_steps=60)
    assert facts["steps"] < 60 and (tmp_path / "out" / "model" / "config.json").exists()
    (reason,) = (message for message in caplog.messages if message.startswith("stopped early at step "))
    assert " of 60: no better held-out perplexity in " in reason and "% of its peak" in reason
    again = {"optimizer": still, "validations": 20, "patience": 2}
    resumed = pretrain(settings(**again), corpus, tmp_path / "out", resume=True)
    assert resumed["steps"] == facts["steps"]
    longer = pretrain(settings(**again), corpus, tmp_path / "out", resume=True, max_steps=600)
    assert longer["steps"] > facts["steps"]


# What cannot be run


def test_bad_requests(corpus: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    for options, match in [
        ({"max_steps": 0}, "--max_steps: expected 1 or more, found 0"),
        ({"max_steps": 3, "max_time": "1h"}, "expected one of them, found both"),
        ({"max_time": "soon"}, "--max_time: expected a duration"),
    ]:
        with pytest.raises(ConfigError, match=match):
            pretrain(settings(), corpus, out, **options)  # type: ignore[arg-type]
    wide = dataclasses.replace(settings().model, char_cnn=CharCNNConfig(max_characters=50))
    with pytest.raises(ConfigError, match="max_characters: expected 12, as the corpus .* has, found 50"):
        pretrain(settings(model=wide), corpus, out, max_steps=3)
    with pytest.raises(CorpusError, match="expected at least one batch of 10 x 10000 = 100000 words"):
        pretrain(
            settings(data=DataConfig(batching="windows", batch_words=100_000, max_length=10_000)),
            corpus,
            out,
            max_steps=3,
        )
    with pytest.raises(CorpusError, match="expected a corpus directory"):
        pretrain(settings(), tmp_path, out, max_steps=3)
    assert not out.exists()  # nothing half written


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("20m", 1200), ("3h", 10800), ("1h30m", 5400), (" 1H ", 3600), ("0.5m", 30), ("1h1m1s", 3661)],
)
def test_parse_duration(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", " ", "90", "h", "3 hours", "-1h", "1m1h", "0s", "1d"])
def test_no_duration(text: str) -> None:
    with pytest.raises(ConfigError, match="--max_time: expected") as error:
        parse_duration(text)
    assert repr(text) in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_loss_that_is_not_finite_stops_the_run(
    value: float, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The step is named; model and state are those of the last good step."""
    plain = LanguageModel.training_step

    def poisoned(self: LanguageModel, batch: Any, batch_idx: int) -> Any:
        loss = plain(self, batch, batch_idx)
        return loss * value if self.global_step == 6 else loss

    monkeypatch.setattr(LanguageModel, "training_step", poisoned)
    out = tmp_path / "out"
    with pytest.raises(TrainingError, match="^step 6: expected finite gradients, found .*the last saved state is kept"):
        pretrain(settings(validations=10, save_every_minutes=1e-6), corpus, out, max_steps=20)
    state = torch.load(out / "checkpoints" / "last.ckpt", weights_only=True)
    assert state["global_step"] == 6
    assert all(tensor.isfinite().all() for tensor in state["state_dict"].values())
    saved = load_model(out / "model")
    assert all(parameter.isfinite().all() for parameter in saved.bilm.parameters())
    monkeypatch.undo()
    assert pretrain(settings(validations=10, save_every_minutes=1e-6), corpus, out, resume=True)["steps"] == 20


# From a saved model


def test_init_keeps_rows_by_spelling(corpus: Path, tmp_path: Path) -> None:
    opened = Corpus.open(corpus)
    first = build_model(settings(), opened, 10, None)
    with torch.no_grad():
        first.head.bias.normal_()
    save_model(tmp_path / "model", first.bilm, opened.tokenization, opened.vocabulary, first.head)
    other = Corpus.open(build(tmp_path / "new", [f"{line} zebra quagga" for line in sentences(2, 60)], None))
    second = build_model(settings(), other, 10, InitialModel.find(str(tmp_path / "model")).load(other))
    for found, kept in zip(second.bilm.parameters(), first.bilm.parameters(), strict=True):
        assert torch.equal(found, kept)
    new, counts = [], class_counts(other).clamp(min=0.5)
    for row, word in enumerate(other.vocabulary):
        before = 0 if row == 0 else opened.vocabulary.class_of(word)
        assert torch.equal(second.head.weight[row], first.head.weight[before]), word
        if before == UNKNOWN_CLASS:
            new.append(row)
        else:
            assert torch.equal(second.head.bias[row], first.head.bias[before]), word
    assert {"zebra", "quagga"} <= {list(other.vocabulary)[row] for row in new} and new[0] == UNKNOWN_CLASS
    # together they are as probable as the unknown word was, each by its count
    biases = second.head.bias[new].detach()
    torch.testing.assert_close(biases.logsumexp(dim=0), first.head.bias[UNKNOWN_CLASS].detach())
    torch.testing.assert_close((biases - biases[0]).exp(), (counts[new] / counts[new[0]]).float())


def test_init_runs_with_the_encoder_of_the_model(corpus: Path, tmp_path: Path) -> None:
    opened = Corpus.open(corpus)
    narrow = dataclasses.replace(settings().model, dim=8, lstm_dim=8)
    first = build_model(settings(model=narrow), opened, 10, None)
    save_model(tmp_path / "model", first.bilm, opened.tokenization, opened.vocabulary, first.head)
    out = tmp_path / "out"
    pretrain(settings(), corpus, out, max_steps=2, init=str(tmp_path / "model"))
    assert load_model(out / "model").bilm.config == narrow
    (out / "checkpoints" / "last.ckpt").unlink()  # killed before a state was saved: the model to start from is known
    pretrain(settings(), corpus, out, resume=True)
    assert load_model(out / "model").bilm.config == narrow
    save_model(tmp_path / "bare", first.bilm, opened.tokenization)
    assert InitialModel.find(str(tmp_path / "bare")).load(opened).lm_head is None
    save_model(tmp_path / "foreign", first.bilm, Tokenization(kind="words"), opened.vocabulary, first.head)
    with pytest.raises(
        CheckpointError, match="corpus: expected the tokenization .* build the corpus with --tokenizer words"
    ):
        InitialModel.find(str(tmp_path / "foreign")).load(opened)


# Counts, time, reports


def test_class_counts(corpus: Path) -> None:
    opened = Corpus.open(corpus)
    counts = class_counts(opened)
    assert counts.shape == (len(opened.vocabulary),)
    expected = np.bincount(opened.class_of_word[opened.train[1:]], minlength=len(counts))
    assert counts.tolist() == expected.tolist()


def test_steps_in() -> None:
    assert 800 < steps_in(1000, Speed(5, 1.0, 100.0, 0)) < 1000
    assert steps_in(0.001, Speed(5, 1.0, 100.0, 0)) == 1


def test_validation_costs_little() -> None:
    config = settings()
    assert validation_words(config, 30, 1) == 500
    assert validation_words(config, 30, 10_000) < validation_words(config, 30, 20_000)
    assert validation_words(config, 30_000, 10_000) < validation_words(config, 30, 10_000)


def test_choose_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    cpu = torch.device("cpu")
    assert choose_precision("float32", cpu) == "float32"
    for has, expected in ((True, "bfloat16"), (False, "float32")):
        monkeypatch.setattr(precision, "has_bfloat16", lambda _, has=has: has)
        assert choose_precision("auto", cpu) == expected


def test_max_time_becomes_steps_once(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(length, "measure", lambda *_: Speed(5, 0.5, 1000.0, 0))
    endless = settings(patience=10**9)
    facts = pretrain(endless, corpus, tmp_path / "out", max_time="3s")
    run = json.loads((tmp_path / "out" / "run.json").read_text())
    assert run["max_steps"] == steps_in(3, Speed(5, 0.5, 1000.0, 0))
    assert facts["steps"] == Run.read(tmp_path / "out").end  # which moves with the speed, see test_keep_time.py
    assert pretrain(endless, corpus, tmp_path / "out", max_time="3s", resume=True)["steps"] == facts["steps"]
    assert pretrain(endless, corpus, tmp_path / "out", resume=True)["steps"] == facts["steps"]
    expected = "expected --max_time 3s, as the run began with, found --max_time 2m; --max_steps moves its end"
    with pytest.raises(ConfigError, match=expected):
        pretrain(endless, corpus, tmp_path / "out", max_time="2m", resume=True)


def test_the_end_of_a_run_can_be_moved(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rates: dict[int, float] = {}
    read: dict[int, Batch] = {}
    plain_step = LanguageModel.training_step

    def step(self: LanguageModel, batch: Any, batch_idx: int) -> Any:
        optimizer = self.optimizers()
        assert isinstance(optimizer, LightningOptimizer)
        rates[self.global_step], read[self.global_step] = optimizer.param_groups[0]["lr"], batch
        return plain_step(self, batch, batch_idx)

    sizes: list[int] = []

    def sample(*arguments: Any) -> Any:
        sizes.append(arguments[3])
        return validation_sample(*arguments)

    monkeypatch.setattr(LanguageModel, "training_step", step)
    monkeypatch.setattr("elmo_lite.pretraining.fit.validation_sample", sample)
    out = tmp_path / "out"
    pretrain(settings(), corpus, out, max_steps=12)
    began = {**older_run(out), "validation_words": 321}  # what none of the lengths gives
    (out / "run.json").write_text(json.dumps(began))
    assert pretrain(settings(), corpus, out, max_steps=30, resume=True)["steps"] == 30
    assert older_run(out) == {**began, "max_steps": 30, "limit": "--max_steps 30"}
    assert sizes[1] == 321, "the sample stays"
    assert sorted(rates) == list(range(30))
    fall = [rates[n] / settings().optimizer.learning_rate for n in range(12, 30)]
    assert fall == pytest.approx([(30 - n) / (30 - 2) for n in range(12, 30)])  # after 2 steps of warm-up
    opened = Corpus.open(corpus)
    batches = make_batches(opened, opened.train, settings().data, settings().seed)
    assert all(torch.equal(read[n].forward_targets, batches.batch(n).forward_targets) for n in range(30))
    assert pretrain(settings(), corpus, out, resume=True)["steps"] == 30  # it stays there
    for steps in (29, 30 - 12):
        with pytest.raises(ConfigError, match=f"--max_steps: expected more than the 30 steps done, found {steps}"):
            pretrain(settings(), corpus, out, max_steps=steps, resume=True)
    assert json.loads((out / "run.json").read_text())["max_steps"] == 30


def test_dry_run_reports(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    measure = speed.measure
    monkeypatch.setattr(speed, "measure", lambda config, corpus, seconds=0.0: measure(config, corpus, 0.0))
    report = dry_run(settings(), Corpus.open(corpus), 100, None)
    names = [line.split()[0] for line in report.splitlines()]
    assert names[:8] == ["encoder", "head", "memory", "precision", "speed", "threads", "run", "time"]
    assert names[8:] in ([], ["hint"])
    assert "100 steps" in report and "words/s" in report and "425 parameters, 25 classes" in report
    assert "float32 on" in report
    pretrain_command(settings(), str(corpus), str(tmp_path / "out"), max_steps=100, dry_run=True)
    assert capsys.readouterr().out.splitlines()[0] == report.splitlines()[0]
    assert not (tmp_path / "out").exists()


def test_a_dry_run_on_a_gpu_does_not_try_one_thread(corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speed, "measure", lambda config, corpus, seconds=0.0: speed.Speed(7, 0.1, 1e6, 2**30))
    monkeypatch.setattr(torch, "get_num_threads", lambda: 4)
    rows = []
    for name in ("cuda:0", "cpu"):
        monkeypatch.setattr(speed, "training_device", lambda wanted, name=name: torch.device(name))
        report = dry_run(settings(), Corpus.open(corpus), 10, None)
        rows.append(next(line for line in report.splitlines() if line.startswith("threads")))
    assert rows == ["threads   4", "threads   4; one thread alone: 1,000,000 words/s"]


def test_command_prints_the_result(corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pretrain_command(settings(), str(corpus), str(tmp_path / "out"), max_steps=3)
    output = capsys.readouterr().out
    assert str(tmp_path / "out" / "model") in output and "perplexity" in output and "full softmax" in output
    assert re.search(r"^trained   3 steps, [\d,]+ words, \d+\.\d minutes$", output, re.MULTILINE)
    pretrain_command(settings(), str(corpus), str(tmp_path / "out"), max_steps=5, resume=True)
    assert " minutes since step 3\n" in capsys.readouterr().out


# Exact resumption


DRIVER = '''
import os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import test_pretrain as tests
import torch
from elmo_lite.pretraining.training_module import LanguageModel

STEPS = 30
corpus, work = Path(sys.argv[2]), Path(sys.argv[3])
plain_step = LanguageModel.training_step


def child(name, kill_at, minutes, resume, **changes):
    """A process of its own that trains, and is killed in the middle of a step where asked; whether it was."""
    pid = os.fork()
    if pid == 0:
        try:
            torch.manual_seed(os.getpid())  # nothing may hang on what the process did before

            def step(self, batch, batch_idx):
                loss = plain_step(self, batch, batch_idx)
                if self.global_step == kill_at:
                    loss.backward(retain_graph=True)
                    os.kill(os.getpid(), signal.SIGKILL)
                return loss

            LanguageModel.training_step = step
            config = tests.settings(save_every_minutes=minutes, **changes)
            tests.pretrain(config, corpus, work / name, max_steps=None if resume else STEPS, resume=resume)
            os._exit(0)
        except BaseException:
            import traceback

            traceback.print_exc()
            os._exit(1)
    status = os.waitpid(pid, 0)[1]
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, name
    return os.WIFSIGNALED(status)


CASES = tests.CASES
for name, (changes, kills, minutes) in CASES.items():
    assert not child(f"{name}-whole", None, 60.0, False, **changes)
    resume = False
    for kill_at in kills:
        assert child(f"{name}-killed", kill_at, minutes, resume, **changes)
        saved = (work / f"{name}-killed" / "checkpoints" / "last.ckpt").exists()
        assert saved == (minutes < 1), name
        resume = True
    assert not child(f"{name}-killed", None, minutes, True, **changes)
'''

MUON = OptimizerConfig(name="muon", learning_rate=0.01, table_learning_rate=0.01, weight_decay=0.01)
CASES: dict[str, tuple[dict[str, Any], list[int], float]] = {
    # settings, steps in which the run is killed, minutes between two saved states
    "windows": ({"data": WINDOWS, "epochs": 2}, [7, 22], 0.0002),
    "sentences": ({"optimizer": MUON}, [13], 0.0002),
    # saved in every step, also where a validation follows that the kill comes before or after
    "every": ({"validations": 6, "precision": "bfloat16"}, [5, 10, 11, 19], 1e-9),
    "unsaved": ({"data": WINDOWS}, [5], 59.0),
}


@pytest.fixture(scope="module")
def killed_and_resumed(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    work = tmp_path_factory.mktemp("resumed")
    arguments = [sys.executable, "-c", DRIVER, str(Path(__file__).parent), str(corpus), str(work)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parents[3])}
    done = subprocess.run(arguments, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    return work


@pytest.mark.skipif(not hasattr(os, "fork") or torch.cuda.is_available(), reason="forks, and is exact on CPUs")
@pytest.mark.parametrize("case", CASES)
def test_resumed_after_a_kill_bit_for_bit(case: str, killed_and_resumed: Path) -> None:
    """Killed inside a step, any number of steps after the last saved state (or before the first one)."""
    whole, resumed = (killed_and_resumed / f"{case}-{kind}" for kind in ("whole", "killed"))
    for name in ("model.safetensors", "lm_head.safetensors"):  # the best model
        assert (whole / "model" / name).read_bytes() == (resumed / "model" / name).read_bytes()
    expected, found = (torch.load(out / "checkpoints" / "last.ckpt", weights_only=True) for out in (whole, resumed))
    assert expected["global_step"] == found["global_step"] == 30
    assert expected["state_dict"].keys() == found["state_dict"].keys()
    for name, tensor in expected["state_dict"].items():
        assert torch.equal(tensor, found["state_dict"][name]), name
    for direction, states in expected["carried_states"].items():
        for layer, other in zip(states, found["carried_states"][direction], strict=True):
            assert all(torch.equal(a, b) for a, b in zip(layer, other, strict=True))
    assert bool(expected["carried_states"]) == (case in ("windows", "unsaved"))
    assert str(expected["callbacks"]) == str(found["callbacks"])  # the best model's figures, patience


@pytest.mark.skipif(not hasattr(os, "fork") or torch.cuda.is_available(), reason="forks, and is exact on CPUs")
def test_curves_survive_a_kill(killed_and_resumed: Path) -> None:
    """What was logged before a kill is not lost when the run goes on."""
    for case in ("windows", "sentences"):
        files = [(killed_and_resumed / f"{case}-{kind}" / "logs") for kind in ("whole", "killed")]
        steps = []
        for logs in files:
            rows = [row for path in logs.glob("metrics*.csv") for row in csv.DictReader(path.open(encoding="utf-8"))]
            steps.append({row["step"] for row in rows if row["val/nats"]})
        assert steps[0] == steps[1], case


# Stopping


def stop_at(step: int, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Send this process a signal in the middle of a step, counted from 0."""
    plain_step = LanguageModel.training_step

    def training_step(self: LanguageModel, batch: Any, batch_idx: int) -> Any:
        if self.global_step == step:
            os.kill(os.getpid(), number)
        return plain_step(self, batch, batch_idx)

    monkeypatch.setattr(LanguageModel, "training_step", training_step)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("step", [6, 9], ids=["between validations", "before a validation"])
def test_a_signal_saves_and_a_resumed_run_is_the_whole_one(
    number: int, step: int, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    config = settings(save_every_minutes=59.0)
    try:
        pretrain(config, corpus, tmp_path / "whole", max_steps=30)
        with monkeypatch.context() as patch, pytest.raises(Stopped) as stopped:
            stop_at(step, number, patch)
            pretrain(config, corpus, tmp_path / "cut", max_steps=30)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
    expected = f"stopped at step {step + 1} of 30; --resume continues the run in {tmp_path / 'cut'}"
    assert str(stopped.value) == expected and stopped.value.exit_status == 128 + number
    pretrain(config, corpus, tmp_path / "cut", resume=True)
    for name in ("model.safetensors", "lm_head.safetensors"):
        whole, cut = (tmp_path / run / "model" / name for run in ("whole", "cut"))
        assert whole.read_bytes() == cut.read_bytes()


def test_a_signal_before_the_first_step_saves_a_state(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    plain = LanguageModel.configure_optimizers

    def configure_optimizers(self: LanguageModel) -> Any:
        os.kill(os.getpid(), signal.SIGINT)
        return plain(self)

    monkeypatch.setattr(LanguageModel, "configure_optimizers", configure_optimizers)
    try:
        with pytest.raises(Stopped, match="^stopped at step 1 of 30; --resume continues the run in "):
            pretrain(settings(), corpus, tmp_path / "out", max_steps=30)
    finally:
        signal.signal(signal.SIGINT, before)
    assert (tmp_path / "out" / "checkpoints" / "last.ckpt").exists()


def test_a_run_without_a_state_says_that_it_starts_anew(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with monkeypatch.context() as patch, pytest.raises(RuntimeError, match="killed"):
        patch.setattr(LanguageModel, "training_step", lambda *_: (_ for _ in ()).throw(RuntimeError("killed")))
        pretrain(settings(), corpus, tmp_path / "out", max_steps=6)
    assert not (tmp_path / "out" / "checkpoints").exists()
    pretrain(settings(), corpus, tmp_path / "out", resume=True)
    assert f"{tmp_path / 'out'}: no state was saved, so the run starts at its first step" in caplog.messages


def test_a_directory_without_run_json_is_a_fresh_one(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever ends the process before ``run.json`` is written, the same command starts again."""

    def fail(*_: Any) -> None:
        raise OSError("killed")

    with monkeypatch.context() as patch, pytest.raises(OSError, match="killed"):
        patch.setattr("elmo_lite.atomic.os.replace", fail)
        pretrain(settings(), corpus, tmp_path / "out", max_steps=6)
    ended = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    monkeypatch.setattr("elmo_lite.atomic.os.getpid", lambda: int(ended.stdout))
    _beside(tmp_path / "out" / "run.json", ".tmp").write_text("{")  # left by a killed process
    monkeypatch.undo()
    assert pretrain(settings(), corpus, tmp_path / "out", max_steps=6)["steps"] == 6


# What a run reads is checked


@pytest.fixture(scope="module")
def unfinished(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a corpus, a model to start from, and a run from it that was killed after a state at step 6."""
    work = tmp_path_factory.mktemp("unfinished")
    shutil.copytree(corpus, work / "corpus")
    opened = Corpus.open(work / "corpus")
    first = build_model(settings(), opened, 10, None)
    save_model(work / "init", first.bilm, opened.tokenization, opened.vocabulary, first.head)
    pretrain(settings(), work / "corpus", work / "out", max_steps=6, init=str(work / "init"))
    return work


@pytest.fixture
def work(unfinished: Path, tmp_path: Path) -> Path:
    """A copy of it, with a run whose end lies at step 8."""
    shutil.copytree(unfinished, tmp_path / "work")
    content = older_run(tmp_path / "work" / "out")
    content |= {"max_steps": 8, "init": str(tmp_path / "work" / "init")}
    (tmp_path / "work" / "out" / "run.json").write_text(json.dumps(content))
    return tmp_path / "work"


def resume(work: Path) -> str:
    """The line that refuses to resume a run; empty if it goes on to its end."""
    try:
        assert pretrain(settings(), work / "corpus", work / "out", resume=True)["steps"] == 8
    except (CheckpointError, CorpusError) as error:
        assert "\n" not in str(error)
        return str(error)
    return ""


def flip(path: Path, place: int) -> None:
    content = bytearray(path.read_bytes())
    content[place % len(content)] ^= 16
    path.write_bytes(content)


@pytest.mark.parametrize(
    "name",
    [
        "out/checkpoints/last.ckpt",
        "out/model/model.safetensors",
        "out/model/vocabulary.txt",
        *(f"corpus/{name}" for name in ("counts.npy", "vocabulary.txt", "train.npy", "words.txt", "char_ids.npy")),
    ],
)
def test_a_flipped_byte_is_found(name: str, work: Path) -> None:
    for place in range(5, 2000, 97):
        flip(work / name, place)
        assert resume(work).startswith(f"{work / name}: expected SHA-256 ")
        flip(work / name, place)
    if name.startswith("corpus"):
        flip(work / name, 5)
        with pytest.raises(CorpusError, match="expected SHA-256"):
            pretrain(settings(), work / "corpus", work / "new", max_steps=3)
        assert not (work / "new").exists()
    else:
        assert resume(work) == ""


def test_the_same_words_in_another_order_are_another_corpus(work: Path) -> None:
    path = work / "corpus" / "train.npy"
    np.save(path, np.load(path)[::-1])
    assert resume(work).startswith(f"{path}: expected SHA-256 ")
    meta = json.loads((work / "corpus" / "meta.json").read_text())
    meta["files"]["train.npy"] = describe_file(path)
    (work / "corpus" / "meta.json").write_text(json.dumps(meta))
    assert resume(work) == f"{work / 'out'}: expected the corpus that the run began with, found {work / 'corpus'}"


def test_the_file_of_a_run_that_was_edited(work: Path) -> None:
    assert resume(work) == ""
    pretrain(settings(), work / "corpus", work / "out", max_steps=9, resume=True)  # written with a checksum
    path = work / "out" / "run.json"
    path.write_text(path.read_text().replace('"validation_words"', '"validation_words_"'))
    assert resume(work).startswith(f"{path}: expected the checksum sha256:")


def test_another_initial_model_before_the_first_state(work: Path) -> None:
    opened = Corpus.open(work / "corpus")
    other = build_model(settings(seed=5), opened, 10, None)
    save_model(work / "init", other.bilm, opened.tokenization, opened.vocabulary, other.head, overwrite=True)
    shutil.copytree(work / "out", work / "without" / "out")
    shutil.copytree(work / "corpus", work / "without" / "corpus")
    (work / "without" / "out" / "checkpoints" / "last.ckpt").unlink()
    assert resume(work / "without") == f"{work / 'init'}: expected the model that the run began with, found another one"
    assert resume(work) == "", "with a state, the initial model is not needed any more"


def test_the_best_model_of_a_run(work: Path, caplog: pytest.LogCaptureFixture) -> None:
    model, kept = work / "out" / "model", work / "kept"
    shutil.copytree(model, kept)
    shutil.rmtree(model)
    shutil.copytree(work / "init", model)
    expected = (
        f"{model}: expected the run's model of step 6, found another one; move {model} away to continue without it"
    )
    assert resume(work) == expected
    shutil.rmtree(model)
    assert (
        resume(work) == "" and f"{model}: expected the model of step 6, found none; the next one is kept" in caplog.text
    )
    assert load_model(model).training["steps"] == 8


def test_a_crafted_state_is_not_run(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever Lightning's version does with states: at the command line it is one line and exit status 2."""

    class Code:
        def __reduce__(self) -> Any:
            return os.mkdir, (str(work / "ran"),)

    path = work / "out" / "checkpoints" / "last.ckpt"
    state = torch.load(path, weights_only=True)
    torch.save({**state, "hyper_parameters": Code()}, path)
    arguments = ["pretrain", "--corpus", str(work / "corpus"), "--out", str(work / "out"), "--resume"]
    capsys.readouterr()
    assert main(arguments) == 2
    assert (
        capsys.readouterr().err.splitlines()[-1].endswith("found objects that only code could load, which is not run")
    )
    assert not (work / "ran").exists()


def test_a_state_that_cannot_be_restored(work: Path) -> None:
    """What the checks of values let through, Lightning may still refuse."""
    path = work / "out" / "checkpoints" / "last.ckpt"
    state = torch.load(path, weights_only=True)
    torch.save({**state, "pytorch-lightning_version": "2.none"}, path)
    assert resume(work).startswith(
        f"{path}: expected a training state of elmo_lite, found one that cannot be restored ("
    )


def test_two_runs_exclude_each_other(work: Path) -> None:
    with hold(work / "out"):
        for out, again in ((work / "out", True), (work / "out", False)):
            with pytest.raises(ConfigError, match="out: expected an output directory for itself, another process is"):
                pretrain(settings(), work / "corpus", out, max_steps=8, resume=again)
    assert resume(work) == "" and {path.name for path in work.iterdir()} == {"corpus", "init", "out"}


def test_the_device_of_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Apple's GPUs have no float64, which sampling needs: they are refused, and auto is the CPU."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert training_device("auto") == training_device("cpu") == torch.device("cpu")
    with pytest.raises(ConfigError, match="cpu, cuda or cuda:N, as pretraining .*, found 'mps'$"):
        training_device("mps")


def test_a_run_that_keeps_a_number_of_devices(corpus: Path, tmp_path: Path) -> None:
    """As those of older versions do; it resumes on any."""
    Run(plain_settings(settings()), "0", 10, None, 500, None, {}).write(tmp_path)
    kept = older_run(tmp_path)
    kept["config"]["devices"] = 2
    (tmp_path / "run.json").write_text(json.dumps(kept), encoding="utf-8")
    assert Run.read(tmp_path).config == plain_settings(settings())


def test_the_device_is_no_part_of_a_run() -> None:
    assert plain_settings(settings()) == plain_settings(dataclasses.replace(settings(), device="cpu"))
    other = dataclasses.replace(settings(), devices=3, num_nodes=2, accelerator="cpu")
    assert plain_settings(settings()) == plain_settings(other)
    assert not {"device", "devices", "num_nodes", "accelerator"} & plain_settings(settings()).keys()
