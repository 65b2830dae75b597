"""Saved states, best models and the bar, with a trainer that only counts."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from elmo_lite.pretraining import callbacks as training_callbacks
from elmo_lite.pretraining.callbacks import Progress, SaveBest, SaveState
from elmo_lite.stopping import StopRequest, StopTraining


class Trainer:
    """What callbacks ask of Lightning's."""

    def __init__(self) -> None:
        self.global_step, self.max_steps, self.world_size = 0, 10, 1
        self.is_global_zero, self.sanity_checking = True, False
        self.strategy = SimpleNamespace(broadcast=lambda value: value)
        self.callback_metrics: dict[str, torch.Tensor] = {}
        self.saved: list[int] = []

    def save_checkpoint(self, path: Path) -> None:
        self.saved.append(self.global_step)
        if self.is_global_zero:  # the others only take part
            path.write_text(str(self.global_step))

    def validated(self, nats: float) -> None:
        values = {"val/nats": nats, "val/forward_perplexity": 10 * nats, "val/backward_perplexity": 20 * nats}
        values["val/perplexity_without_unknown"] = 5 * nats
        self.callback_metrics = {name: torch.tensor(value) for name, value in values.items()}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    fake = SimpleNamespace(monotonic=lambda: now[0], perf_counter=lambda: now[0])
    monkeypatch.setattr(training_callbacks, "time", fake)
    return now


def batch_end(callback: Any, trainer: Trainer, words: int = 50, loss: float = 2.0) -> None:
    trainer.global_step += 1
    batch = SimpleNamespace(step_words=words)
    callback.on_train_batch_end(trainer, None, {"loss": torch.tensor(loss)}, batch, 0)


def state(path: Path, minutes: float, interval: int | None = None) -> SaveState:
    return SaveState(path / "checkpoints" / "last.ckpt", minutes, StopRequest(), interval)


def test_state_is_saved_when_due_and_at_the_end(tmp_path: Path, clock: list[float]) -> None:
    callback, trainer = state(tmp_path, 2.0), Trainer()
    for _ in range(7):
        clock[0] += 50
        batch_end(callback, trainer)
    assert trainer.saved == [2, 5]  # the first after a minute at most, then every two minutes
    callback.on_train_end(trainer, None)  # type: ignore[arg-type]
    assert trainer.saved == [2, 5, 7]
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["last.ckpt"]
    assert (tmp_path / "checkpoints" / "last.ckpt").read_text() == "7"


def test_a_state_is_saved_after_the_validation_of_its_step(tmp_path: Path, clock: list[float]) -> None:
    callback, trainer = state(tmp_path, 60.0, interval=2), Trainer()
    batch_end(callback, trainer)
    batch_end(callback, trainer)
    assert trainer.saved == []
    callback.on_validation_end(trainer, None)  # type: ignore[arg-type]
    assert trainer.saved == [2]  # the first validation
    clock[0] += 3600
    batch_end(callback, trainer)
    clock[0] += 3600
    batch_end(callback, trainer)  # due, but a validation follows
    assert trainer.saved == [2, 3]
    callback.on_validation_end(trainer, None)  # type: ignore[arg-type]
    assert trainer.saved == [2, 3, 4]


@pytest.mark.parametrize(("steps", "saved"), [(3, 3), (4, 4)], ids=["between validations", "before a validation"])
def test_a_requested_stop_saves_first(tmp_path: Path, clock: list[float], steps: int, saved: int) -> None:
    callback, trainer = state(tmp_path, 60.0, interval=4), Trainer()
    for _ in range(steps - 1):
        batch_end(callback, trainer)
    callback.request.signal_number = 15
    with pytest.raises(StopTraining):
        batch_end(callback, trainer)
        callback.on_validation_end(trainer, None)  # type: ignore[arg-type]
    assert trainer.saved == [saved]


def test_a_crash_while_saving_keeps_the_last_state(tmp_path: Path, clock: list[float]) -> None:
    callback, trainer = state(tmp_path, 1e-6), Trainer()
    clock[0] += 1
    batch_end(callback, trainer)

    def crash(path: Path) -> None:
        path.write_text("half")
        raise OSError("no space left")

    trainer.save_checkpoint = crash  # type: ignore[method-assign]
    clock[0] += 1
    with pytest.raises(OSError, match="no space"):
        batch_end(callback, trainer)
    assert (tmp_path / "checkpoints" / "last.ckpt").read_text() == "1"


def test_only_the_first_process_renames(tmp_path: Path, clock: list[float]) -> None:
    callback, trainer = state(tmp_path, 1e-6), Trainer()
    trainer.is_global_zero = False
    clock[0] += 1
    batch_end(callback, trainer)
    assert trainer.saved == [1] and not (tmp_path / "checkpoints" / "last.ckpt").exists()


def test_best_is_the_lowest_so_far() -> None:
    saved: list[dict[str, Any]] = []
    callback, trainer = SaveBest(lambda best: saved.append(dict(best))), Trainer()
    for step, nats in enumerate([4.0, 3.0, 3.5, 3.0, 2.5], start=1):
        trainer.global_step = step
        trainer.validated(nats)
        callback.on_validation_end(trainer, None)  # type: ignore[arg-type]
    assert [(best["step"], best["nats"]) for best in saved] == [(1, 4.0), (2, 3.0), (5, 2.5)]
    assert callback.best["forward_perplexity"] == 25 and callback.best["backward_perplexity"] == 50


def test_best_survives_a_resume() -> None:
    saved: list[Any] = []
    first, trainer = SaveBest(saved.append), Trainer()
    trainer.validated(3.0)
    first.on_validation_end(trainer, None)  # type: ignore[arg-type]
    second = SaveBest(saved.append)
    second.load_state_dict(first.state_dict())
    trainer.validated(3.2)
    second.on_validation_end(trainer, None)  # type: ignore[arg-type]
    assert len(saved) == 1 and second.best == first.best
    trainer.validated(2.9)
    second.on_validation_end(trainer, None)  # type: ignore[arg-type]
    assert len(saved) == 2 and second.best["nats"] == pytest.approx(2.9)


@pytest.mark.parametrize("nats", [float("nan"), float("inf")])
def test_a_model_that_diverged_is_not_the_best(nats: float) -> None:
    saved: list[Any] = []
    callback, trainer = SaveBest(saved.append), Trainer()
    trainer.validated(nats)
    callback.on_validation_end(trainer, None)  # type: ignore[arg-type]
    assert saved == [] and callback.best == {}


def test_a_check_before_training_saves_nothing() -> None:
    saved: list[Any] = []
    callback, trainer = SaveBest(saved.append), Trainer()
    callback.on_validation_end(trainer, None)  # type: ignore[arg-type]
    trainer.validated(3.0)
    trainer.sanity_checking = True
    callback.on_validation_end(trainer, None)  # type: ignore[arg-type]
    assert saved == []


def test_bar_on_standard_error(clock: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    callback, trainer = Progress(), Trainer()
    trainer.global_step = 4  # resumed
    callback.on_train_start(trainer, None)  # type: ignore[arg-type]
    assert callback._bar is not None and (callback._bar.n, callback._bar.total) == (4, 10)
    for _ in range(3):
        clock[0] += 0.6
        batch_end(callback, trainer, words=300, loss=1.5)
    assert callback._bar.n == 7
    assert callback._shown["words/s"] == "500" and callback._shown["loss"] == "1.500"
    trainer.validated(2.0)
    callback.on_validation_end(trainer, None)  # type: ignore[arg-type]
    assert callback._shown["held-out ppl"] == "20.0/40.0"
    callback.on_train_end(trainer, None)  # type: ignore[arg-type]
    output = capsys.readouterr()
    assert output.out == "" and "pretrain" in output.err and output.err.endswith("\n")


def test_one_bar_for_all_processes(capsys: pytest.CaptureFixture[str]) -> None:
    callback, trainer = Progress(), Trainer()
    trainer.is_global_zero = False
    callback.on_train_start(trainer, None)  # type: ignore[arg-type]
    batch_end(callback, trainer)
    callback.on_exception(trainer, None, ValueError())  # type: ignore[arg-type]
    assert capsys.readouterr() == ("", "")
