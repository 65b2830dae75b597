"""Runs with several seeds: means, deviations, and going on where a table of runs stopped."""

import json
from pathlib import Path
from typing import Any

import pytest

from elmo_lite import ConfigError, CorpusError
from tasks.training.seeds import SEED_FILE, SUMMARY, run_seeds

SCORES = [{"dev": {"main": main}, "matrix": [[1]], "ok": True} for main in (50.0, 53.0, 56.0)]


class Runs:
    """Trains by looking up the score; may stop before a seed."""

    def __init__(self, stop_before: int = 99) -> None:
        self.stop_before = stop_before
        self.trained: list[int] = []

    def __call__(self, seed: int, directory: Path) -> dict[str, Any]:
        assert directory.name == f"seed-{seed}"
        if seed >= self.stop_before:
            raise KeyboardInterrupt
        self.trained.append(seed)
        return SCORES[seed]


def test_mean_and_deviation(tmp_path: Path) -> None:
    summary = run_seeds(Runs(), 3, tmp_path)
    assert summary == {"seeds": 3, "mean": {"dev.main": 53.0}, "deviation": {"dev.main": 3.0}, "runs": SCORES}
    assert json.loads((tmp_path / SUMMARY).read_text()) == summary


def test_one_seed_has_no_deviation(tmp_path: Path) -> None:
    assert run_seeds(Runs(), 1, tmp_path)["deviation"] == {}


def test_numbers_that_not_all_runs_have(tmp_path: Path) -> None:
    summary = run_seeds(lambda seed, path: {"a": seed, **({"b": 1} if seed else {})}, 2, tmp_path)
    assert summary["mean"] == {"a": 0.5}


def test_complete_runs_are_not_repeated(tmp_path: Path) -> None:
    cut_off = Runs(stop_before=1)
    with pytest.raises(KeyboardInterrupt):
        run_seeds(cut_off, 3, tmp_path, {"lr": 1})
    assert cut_off.trained == [0] and not (tmp_path / SUMMARY).exists()
    rest = Runs()
    summary = run_seeds(rest, 3, tmp_path, {"lr": 1})
    assert rest.trained == [1, 2]
    assert summary == run_seeds(Runs(stop_before=0), 3, tmp_path, {"lr": 1})
    assert summary["mean"] == {"dev.main": 53.0}


def test_a_run_that_was_interrupted_is_repeated(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        run_seeds(lambda seed, path: {"interrupted": True}, 2, tmp_path)
    assert not (tmp_path / "seed-0" / SEED_FILE).exists() and not (tmp_path / "seed-1").exists()


def test_a_run_that_cannot_begin_leaves_nothing(tmp_path: Path) -> None:
    def fail(seed: int, directory: Path) -> dict[str, Any]:
        raise CorpusError("vectors.txt: expected word vectors, found none")

    with pytest.raises(CorpusError):
        run_seeds(fail, 2, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_damaged_result_is_repeated_and_it_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    run_seeds(Runs(), 2, tmp_path)
    (tmp_path / "seed-1" / SEED_FILE).write_text("{")
    runs = Runs()
    run_seeds(runs, 2, tmp_path)
    assert runs.trained == [1] and "the run is repeated" in caplog.text


def test_other_settings_do_not_mix(tmp_path: Path) -> None:
    settings = {"lr": 1, "sizes": (1, 2)}
    run_seeds(Runs(), 2, tmp_path, settings)
    run_seeds(Runs(stop_before=0), 2, tmp_path, settings)
    with pytest.raises(ConfigError, match=r"seed.json: expected .* found others in epochs, lr; use another --out"):
        run_seeds(Runs(), 2, tmp_path, {**settings, "lr": 2, "epochs": 3})


def test_no_seeds(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="seeds: expected 1 or more, found 0"):
        run_seeds(Runs(), 0, tmp_path)
