"""Runs of several processes on one machine: they are the run of one, resume on any number, and end when one dies."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from elmo_lite.corpus.builder import CorpusSettings, build_corpus
from elmo_lite.corpus.corpus import Corpus
from elmo_lite.corpus.share import Share
from elmo_lite.distributed.launch import run_processes
from elmo_lite.distributed.place import Place
from elmo_lite.errors import ConfigError, TrainingError
from elmo_lite.hardware import cpu_count
from elmo_lite.locks import is_held
from elmo_lite.nn.bilm import BiLM
from elmo_lite.nn.config import to_dict
from elmo_lite.pretraining.optimizers import num_parameters
from elmo_lite.pretraining.pretrain import pretrain
from elmo_lite.saved_model.checkpoint import load_model
from elmo_lite.stopping import Stopped
from elmo_lite.text.tokenization import Tokenization
from tests.cluster import (
    EACH_STEP,
    KINDS,
    STEPS,
    WINDOWS,
    Signal,
    StepSeconds,
    dry_run_briefly,
    exchange,
    fail,
    on_cpu,
    refuse,
    settings,
    train,
    train_kind,
    train_until_stopped,
    with_dropout,
)

ROOT = Path(__file__).parents[3]
pytestmark = pytest.mark.cluster

NAMES = ("the cat", "a dog", "my friend", "one mouse", "the very old bird", "nobody")
VERBS = ("sees", "hears", "follows", "likes", "does not know")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    lines = [f"{NAMES[i % 6]} {VERBS[i * i % 5]} {NAMES[i * 7 // 3 % 6]} ." for i in range(300)]
    (folder / "text.txt").write_text("\n".join(lines), encoding="utf-8")
    made = CorpusSettings(
        tokenization=Tokenization(kind="whitespace"), held_out_share=0.1, vocabulary_size=18, max_characters=12
    )
    build_corpus([str(folder / "text.txt")], folder / "corpus", made, num_processes=1)
    return folder / "corpus"


def curve(out: Path) -> list[list[float]]:
    """Steps, sampled losses and held-out nats of a run."""
    names = ("step", "train/sampled_loss", "val/nats", "val/perplexity_without_unknown")
    with (out / "logs" / "metrics.csv").open(encoding="utf-8", newline="") as file:
        return [[float(row[name] or "nan") for name in names] for row in csv.DictReader(file)]


def weights(out: Path) -> list[Any]:
    """Weights at the end of a run, and what the optimizers and the carried states hold."""
    state = torch.load(out / "checkpoints" / "last.ckpt", weights_only=True)
    moments = [optimizer["state"] for optimizer in state["optimizer_states"][0]["optimizers"]]
    return [state["state_dict"], moments, state["carried_states"]]


@pytest.mark.parametrize(("name", "devices"), [*((name, 2) for name in KINDS), ("sentences-muon", 4)])
def test_several_processes_follow_one(corpus: Path, tmp_path: Path, name: str, devices: int) -> None:
    """Over 200 steps loss, held-out nats and perplexity differ by 1e-3 of their values at most."""
    one, several = tmp_path / "one", tmp_path / "several"
    run_processes(train_kind, name, corpus, several, **on_cpu(devices))
    train(KINDS[name], corpus, one, STEPS)
    found, expected = torch.tensor(curve(several)), torch.tensor(curve(one))
    assert len(expected) >= 14 and expected[-1, 0] == 199
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=0, equal_nan=True)
    losses = expected[:, 1][~expected[:, 1].isnan()]
    assert losses[-3:].mean() < losses[:3].mean() - 0.1  # it learns
    written = [sorted(path.name for path in out.rglob("*") if "events" not in path.name) for out in (one, several)]
    assert written[0] == written[1] and len(list((several / "logs").glob("events*"))) <= 1  # nothing is written twice
    assert load_model(several / "model").bilm.config == KINDS[name].model


def stopped(config: Any, corpus: Path, out: Path, step: int, rank: int, **arguments: Any) -> None:
    with pytest.raises(Stopped, match=rf"^stopped at step {step} of 24; --resume continues the run in ") as stop:
        pretrain(config, corpus, out, callbacks=[Signal(step - 1, rank)], progress=False, **arguments)
    assert stop.value.exit_status == 130


@pytest.mark.parametrize("data", ["windows", "sentences"])
def test_resume_on_another_number_of_processes(corpus: Path, tmp_path: Path, data: str) -> None:
    """One process, then two, three, and one again, stopped by a signal to any of them; the run is that of one."""
    options = {"data": WINDOWS} if data == "windows" else {}
    train(settings(**options), corpus, tmp_path / "whole", 24)
    out = tmp_path / "run"
    stopped(settings(**options), corpus, out, 6, 0, max_steps=24)
    stopped(settings(**options, devices=2), corpus, out, 12, 1, resume=True)
    stopped(settings(**options, devices=3), corpus, out, 18, 0, resume=True)
    done = pretrain(settings(**options), corpus, out, resume=True, progress=False)
    assert done["steps"] == 24
    torch.testing.assert_close(weights(out), weights(tmp_path / "whole"), rtol=1e-3, atol=1e-4)


def test_a_process_that_dies_ends_the_run(corpus: Path, tmp_path: Path) -> None:
    """It is noticed well within a minute, and the run goes on bit by bit as if nothing had been, with dropout too."""
    config, out = with_dropout(settings(WINDOWS, devices=2, **EACH_STEP)), tmp_path / "run"
    began = time.monotonic()
    message = r"process 2 of 2: expected it to go on to the end, found it ended by SIGKILL; .* --resume goes on from"
    with pytest.raises(TrainingError, match=message):
        kill = [Signal(12, 1, signal.SIGKILL)]
        pretrain(config, corpus, out, max_steps=20, callbacks=kill, progress=False, validated_words=100)
    assert time.monotonic() - began < 60
    pretrain(config, corpus, out, resume=True, progress=False)
    pretrain(config, corpus, tmp_path / "whole", max_steps=20, progress=False, validated_words=100)
    torch.testing.assert_close(weights(out), weights(tmp_path / "whole"), rtol=0, atol=0)


def test_a_process_that_does_not_answer_ends_the_run(corpus: Path, tmp_path: Path) -> None:
    """It has not ended, so that no connection closes: others wait for it in vain within a step, here for 5 seconds."""
    message = r"^process 1 of 2: expected an answer within 60 seconds, found none; .*, and --resume goes on from there$"
    with pytest.raises(TrainingError, match=message):
        run_processes(train_until_stopped, StepSeconds(5.0), 0, corpus, tmp_path / "run", **on_cpu(2))
    assert not is_held(tmp_path / "run")
    done = pretrain(settings(WINDOWS, **EACH_STEP), corpus, tmp_path / "run", resume=True, progress=False)
    assert done["steps"] == 20


def started(corpus: Path, folder: Path) -> subprocess.Popen[str]:
    """A command of two processes, which has begun to train in ``folder / "run"``."""
    out, config = folder / "run", folder / "small.yaml"
    config.write_text(json.dumps(to_dict(settings(WINDOWS))), encoding="utf-8")
    command = [sys.executable, "-m", "elmo_lite", "pretrain", "--config", str(config), "--corpus", str(corpus)]
    command += ["--out", str(out), "--max_steps", "100000", "--devices", "2", "--quiet"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not (out / "logs" / "metrics.csv").exists():
        assert process.poll() is None
        time.sleep(0.2)
    return process


def test_ctrl_c_reaches_all_processes(corpus: Path, tmp_path: Path) -> None:
    """A signal to the command: everything is saved, one line says so, and the status is that of one process."""
    process = started(corpus, tmp_path)
    process.send_signal(signal.SIGINT)
    printed, said = process.communicate(timeout=120)
    assert process.returncode == 130 and printed == ""
    lines = said.strip().splitlines()
    assert lines[0].startswith("stopping as soon as") and lines[-1].startswith("elmo-lite: stopped at step ")
    assert len(lines) == 2 and (tmp_path / "run" / "checkpoints" / "last.ckpt").exists()


def test_processes_end_with_their_command(corpus: Path, tmp_path: Path) -> None:
    """They save, even if it is killed, and leave nothing behind that uses the output directory."""
    process = started(corpus, tmp_path)
    process.kill()
    process.communicate(timeout=120)  # until the last process that may write there has ended
    assert not is_held(tmp_path / "run") and (tmp_path / "run" / "checkpoints" / "last.ckpt").exists()


def test_what_processes_tell_one_another() -> None:
    own, share, told, most, summed, threads = run_processes(exchange, **on_cpu(3))
    assert (own, share) == (Place(0, 3, 0, 3), Share(0, 3))
    assert (told, most, summed) == ("of 0", [2, 0], [3, 3])
    assert threads == (torch.get_num_threads() if "OMP_NUM_THREADS" in os.environ else max(1, cpu_count() // 3))


def test_a_dry_run_measures_all_processes(corpus: Path) -> None:
    measured, text = run_processes(dry_run_briefly, corpus, **on_cpu(2))
    assert measured.words_per_second * measured.seconds_per_step == pytest.approx(40)  # the whole batch
    config, classes = settings(WINDOWS), len(Corpus.open(corpus).vocabulary)
    encoder = 4 * num_parameters(BiLM(config.model))
    rows = 4 * (config.model.dim + 1)
    assert encoder + rows * config.head.num_samples <= measured.bytes_per_step <= encoder + rows * classes
    lines = {line.split()[0]: line for line in text.splitlines()}
    assert lines["memory"].endswith("GiB at the peak of a process")
    assert "1 in each of 2 processes" in lines["threads"] and "MB of gradients a step" in lines["exchange"]


def test_errors_of_a_process() -> None:
    """A mistake comes with its traceback; an error in the input is raised as it is, whoever finds it."""
    with pytest.raises(Exception, match="a mistake"):
        run_processes(fail, 1, **on_cpu(2))
    with pytest.raises(ConfigError, match="^setting: expected this, found that$"):
        run_processes(refuse, 1, **on_cpu(2))
