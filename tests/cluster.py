"""Tasks of processes that tests start: importable, as they are pickled."""

from __future__ import annotations

import dataclasses
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch

from elmo_lite.corpus.corpus import Corpus
from elmo_lite.distributed import group
from elmo_lite.distributed.group import from_first, largest, place, share, total, wait_for_all
from elmo_lite.nn.config import BiLMConfig, CharCNNConfig
from elmo_lite.pretraining import speed
from elmo_lite.pretraining.config import DataConfig, HeadConfig, OptimizerConfig, PretrainConfig
from elmo_lite.pretraining.pretrain import _pretrain

STEPS = 200
WINDOWS = DataConfig(batching="windows", batch_words=40, max_length=8)  # five rows
SENTENCES = DataConfig(batch_words=60, max_length=12)
EACH_STEP = {"save_every_minutes": 1e-6}
"""A setting with which a state is saved after every step."""


def settings(data: DataConfig = SENTENCES, optimizer: str = "muon", **changes: Any) -> PretrainConfig:
    model = BiLMConfig(
        char_cnn=CharCNNConfig(max_characters=12, filters=((1, 4), (3, 8)), num_highway=1),
        dim=8,
        lstm_dim=8,
        dropout=0.0,
    )
    common: dict[str, Any] = {
        "head": HeadConfig(num_samples=12),
        "optimizer": OptimizerConfig(name=optimizer, warmup_steps=10),  # type: ignore[arg-type]
        "validations": 4,
        "patience": 100,
        "precision": "float32",
        "device": "cpu",
    }
    return PretrainConfig(model=model, data=data, **{**common, **changes})


def on_cpu(devices: int) -> dict[str, Any]:
    """Arguments of ``run_processes``."""
    return {"devices": devices, "num_nodes": 1, "on_gpu": False}


KINDS = {
    f"{name}-{optimizer}": settings(data, optimizer)
    for name, data in (("windows", WINDOWS), ("sentences", SENTENCES))
    for optimizer in ("adamw", "muon")
}


def train(config: PretrainConfig, corpus: Path, out: Path, steps: int, *callbacks: pl.Callback) -> dict[str, Any]:
    """Train within the processes that there are."""
    limits = {"max_steps": steps, "max_time": None}
    return _pretrain(config, corpus, out, time.monotonic(), limits, False, None, False, callbacks, 100)


def train_kind(name: str, corpus: Path, out: Path) -> None:
    """A run of one kind; all processes end with the same weights."""
    train(KINDS[name], corpus, out, STEPS, SameEverywhere())


def with_dropout(config: PretrainConfig) -> PretrainConfig:
    return dataclasses.replace(config, model=dataclasses.replace(config.model, dropout=0.3))


class Signal(pl.Callback):
    """Send a signal to the process of one rank before a step."""

    def __init__(self, step: int, rank: int, number: int = signal.SIGINT) -> None:
        self.step, self.rank, self.number = step, rank, number

    def on_train_batch_start(self, trainer: Any, module: Any, batch: Any, batch_idx: int) -> None:
        if (trainer.global_step, trainer.global_rank) == (self.step, self.rank):
            os.kill(os.getpid(), self.number)


class SameEverywhere(pl.Callback):
    """All processes end with the same weights, bit by bit."""

    def on_train_end(self, trainer: Any, module: Any) -> None:
        sums = [
            float(p.detach().double().sum()) + float(p.detach().double().square().sum()) for p in module.parameters()
        ]
        most = largest(*sums, *(-value for value in sums))
        assert most == sums + [-value for value in sums]


class StepSeconds(float):
    """An argument that sets how long processes wait within a step, before they join: where it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _set_step_seconds, (float(self),)


def _set_step_seconds(seconds: float) -> None:
    group.STEP_SECONDS = seconds


def train_until_stopped(seconds: StepSeconds, rank: int, corpus: Path, out: Path) -> None:
    """A run in which one process is stopped, and neither ends nor answers, as if its machine were lost."""
    train(settings(WINDOWS, **EACH_STEP), corpus, out, 20, Signal(12, rank, signal.SIGSTOP))


def exchange() -> tuple[Any, ...]:
    """What the processes tell one another, as the first one hears it."""
    rank = place().rank
    wait_for_all()
    summed = total(torch.tensor([1.0, rank]))
    return place(), share(), from_first(f"of {rank}"), largest(rank, -rank), summed.tolist(), torch.get_num_threads()


def fail(rank: int) -> str:
    """An error in one process while the others wait for it."""
    if place().rank == rank:
        raise ValueError("a mistake")
    wait_for_all()
    return "never"


def refuse(rank: int) -> str:
    from elmo_lite.errors import ConfigError

    if place().rank == rank:
        raise ConfigError("setting: expected this, found that")
    wait_for_all()
    return "never"


def dry_run_briefly(corpus: Path) -> tuple[speed.Speed, str]:
    """The speed of seven steps, and what is printed of it."""
    config = settings(WINDOWS)
    measured = speed.measure(config, Corpus.open(corpus), 0.0)
    speed.measure = lambda *_: measured  # in this process alone
    return measured, speed.dry_run(config, corpus, 100, None)
