"""A planned time is kept on a machine that gets slower or faster, and what was planned is repeated on resume."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from elmo_lite.errors import CheckpointError
from elmo_lite.pretraining import keep_time, length
from elmo_lite.pretraining import pretrain as pretraining
from elmo_lite.pretraining.callbacks import SaveState
from elmo_lite.pretraining.keep_time import KeepTime
from elmo_lite.pretraining.pretrain import pretrain
from elmo_lite.pretraining.run import Run
from elmo_lite.pretraining.schedule import Schedule
from elmo_lite.pretraining.speed import Speed
from elmo_lite.pretraining.state import read_state
from elmo_lite.pretraining.training_module import LanguageModel
from elmo_lite.stopping import StopTraining
from tests.elmo_lite.pretraining.test_pretrain import build, sentences, settings

Pace = Callable[[int], float]
"""Seconds that a step takes, by its number."""


class Clock:
    """A clock that training moves on."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(keep_time, "time", clock)
    monkeypatch.setattr(pretraining, "time", clock)
    return clock


# The callback, with a trainer that only counts


def simulate(clock: Clock, seconds: float, schedule: Schedule, interval: int, pace: Pace) -> int:
    """Number of steps of a run that is planned for a time."""
    trainer: Any = SimpleNamespace(
        global_step=0,
        is_global_zero=True,
        strategy=SimpleNamespace(broadcast=lambda value: value),
        fit_loop=SimpleNamespace(epoch_loop=SimpleNamespace(max_steps=schedule.end)),
    )
    module: Any = None
    callback = KeepTime(seconds, schedule, interval, lambda moves: None, clock.now)
    callback.on_train_start(trainer, module)
    while trainer.global_step < trainer.fit_loop.epoch_loop.max_steps:
        clock.now += pace(trainer.global_step)
        trainer.global_step += 1
        callback.on_train_batch_end(trainer, module, None, None, 0)
    assert trainer.global_step == schedule.end
    return trainer.global_step


@pytest.mark.parametrize(
    "pace",
    [
        lambda step: 1.0,
        lambda step: 0.4,
        lambda step: 3.0,
        lambda step: 1.0 if step < 120 else 2.5,
        lambda step: 1.0 if step < 120 else 0.3,
        lambda step: 1.0 + (step // 10 % 2),
        lambda step: 0.5 if step % 10 else 5.0,
        lambda step: 30.0 if step == 0 else 1.0,
    ],
    ids=["as measured", "faster", "slower", "slower later", "faster later", "in turns", "validations", "slow start"],
)
@pytest.mark.parametrize("interval", [10, 1])
def test_the_time_is_kept(clock: Clock, pace: Pace, interval: int) -> None:
    """Within a tenth; the plan says 400 steps of a second."""
    began = clock.now
    simulate(clock, 400.0, Schedule(20, 400), interval, pace)
    assert 0.9 * 400 <= clock.now - began <= 1.1 * 400


@pytest.mark.parametrize("end", [390, 385, 400])
def test_a_good_plan_is_kept(end: int, clock: Clock) -> None:
    """Also one that is not the best by less than three percent."""
    schedule = Schedule(20, end)
    assert simulate(clock, 400.0, schedule, 10, lambda step: 1.0) == end and not schedule.moves


def test_moves_come_after_the_warm_up_and_end_with_a_validation(clock: Clock) -> None:
    schedule = Schedule(40, 400)
    simulate(clock, 403.0, schedule, 8, lambda step: 0.5)  # of which 790 steps would be the nearest number
    assert schedule.moves and schedule.moves[0][0] >= 40
    assert all(step % 8 == end % 8 == 0 for step, end in schedule.moves)


# Whole runs


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("time") / "it", sentences(0, 200), sentences(1, 30))


def run(
    corpus: Path, out: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch, pace: Pace, stop_at: int = 0, **options: Any
) -> dict[str, Any]:
    """A run of 40 s, planned as 36 steps of a second, that is stopped after a step if ``stop_at`` says so."""
    plain_step, plain_end = LanguageModel.training_step, SaveState.on_train_batch_end

    def step(self: LanguageModel, batch: Any, batch_idx: int) -> Any:
        clock.now += pace(self.global_step)
        return plain_step(self, batch, batch_idx)

    def end(self: SaveState, trainer: Any, module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        if stop_at and trainer.global_step == stop_at:
            raise StopTraining  # without a state of this step, as after a kill
        plain_end(self, trainer, module, outputs, batch, batch_idx)

    config = dataclasses.replace(settings(), validations=12, save_every_minutes=1e-9)
    with monkeypatch.context() as patch:
        patch.setattr(LanguageModel, "training_step", step)
        patch.setattr(SaveState, "on_train_batch_end", end)
        patch.setattr(length, "measure", lambda *_: Speed(5, 1.0, 64.0, 0))
        return pretrain(config, corpus, out, max_time="40s", progress=False, **options)


def moves(out: Path) -> list[list[int]]:
    found: list[list[int]] = json.loads((out / "run.json").read_text())["moves"]
    return found


def weights(out: Path) -> bytes:
    state = read_state(out / "checkpoints" / "last.ckpt")
    assert state is not None
    return b"".join(value.numpy().tobytes() for value in state["state_dict"].values())


def slower(step: int) -> float:
    return 1.0 if step < 12 else 2.0


def test_a_run_on_a_slower_machine_ends_in_time(
    corpus: Path, tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "elmo_lite")
    began, out = clock.now, tmp_path / "out"
    facts = run(corpus, out, clock, monkeypatch, slower)
    assert 36 <= clock.now - began <= 44 and facts["steps"] < 33
    assert moves(out) and facts["steps"] == moves(out)[-1][1] == Run.read(out).end
    assert any("to keep the planned time, the run ends at step" in message for message in caplog.messages)
    assert facts["best"]["step"] <= facts["steps"]
    state = read_state(out / "checkpoints" / "last.ckpt")
    assert state is not None and state["lr_schedulers"][0]["_last_lr"] == [0.0, 0.0, 0.0]


def test_a_resumed_run_repeats_recorded_moves(
    corpus: Path, tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed when a move was recorded and before its state was saved: the same moves, and in the end the same bits."""
    whole = tmp_path / "whole"
    run(corpus, whole, clock, monkeypatch, slower)
    expected = moves(whole)
    assert len(expected) > 1
    for number, (step, _) in enumerate(expected, 1):
        cut = tmp_path / str(step)
        with pytest.raises(BaseException, match="stopped at step"):
            run(corpus, cut, clock, monkeypatch, slower, stop_at=step)
        assert moves(cut) == expected[:number]
        clock.now += 500  # a pause does not count
        run(corpus, cut, clock, monkeypatch, slower, resume=True)
        assert moves(cut)[:number] == expected[:number]
    assert moves(cut) == expected and weights(cut) == weights(whole)


def test_recorded_moves_are_repeated_on_another_machine(
    corpus: Path, tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    with pytest.raises(BaseException, match="stopped at step"):
        run(corpus, out, clock, monkeypatch, slower, stop_at=17)
    recorded = moves(out)
    assert recorded
    facts = run(corpus, out, clock, monkeypatch, lambda step: 0.5, resume=True)
    assert moves(out)[: len(recorded)] == recorded and facts["steps"] > recorded[-1][1]


def test_nothing_moves_with_a_number_of_steps(corpus: Path, tmp_path: Path, clock: Clock) -> None:
    pretrain(settings(), corpus, tmp_path / "out", max_steps=20, progress=False)
    state = read_state(tmp_path / "out" / "checkpoints" / "last.ckpt")
    assert state is not None and "KeepTime" not in state["callbacks"] and not moves(tmp_path / "out")


@pytest.mark.parametrize("value", [[[5, 4]], [[5, 9], [5, 12]], [[0, 9]], [[5, 9], [3, 12]], [[5]], 7, [[5.5, 9]]])
def test_moves_that_lie_are_refused(corpus: Path, tmp_path: Path, value: Any) -> None:
    out = tmp_path / "out"
    pretrain(settings(), corpus, out, max_steps=3, progress=False)
    content = json.loads((out / "run.json").read_text())
    del content["checksum"]
    (out / "run.json").write_text(json.dumps({**content, "moves": value}))
    with pytest.raises(CheckpointError, match="run.json: moves"):
        Run.read(out)


def test_seconds_of_a_state(clock: Clock) -> None:
    """They count on from where they were."""
    one = KeepTime(100.0, Schedule(1, 10), 1, lambda moves: None, clock.now)
    clock.now += 30
    kept = one.state_dict()
    assert kept == {"seconds": 30.0}
    clock.now += 1000
    two = KeepTime(100.0, Schedule(1, 10), 1, lambda moves: None, clock.now)
    two.load_state_dict(kept)
    clock.now += 5
    assert two.state_dict() == {"seconds": 35.0}
