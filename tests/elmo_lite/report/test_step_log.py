"""Curves of logs of any length and of several starts."""

import tracemalloc
from pathlib import Path

import pytest

from elmo_lite.pretraining import fit, run
from elmo_lite.pretraining.curve import TABLE
from elmo_lite.report import pretraining_run, step_log
from elmo_lite.report.series import Series
from elmo_lite.report.step_log import StepLog
from tests.elmo_lite.report.made_runs import table

LOSS, FORWARD = "train/sampled_loss", "val/forward_perplexity"


def test_the_names_are_those_of_the_training() -> None:
    assert pretraining_run.RUN_FILE == run.RUN_FILE and pretraining_run.RESULT == fit.RESULT
    assert pretraining_run.MODEL == fit.MODEL and step_log.TABLE == TABLE
    assert {pretraining_run.LOSS, *pretraining_run.PERPLEXITIES} <= set(fit.CURVES)


def test_a_short_log_is_kept_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "metrics.csv").write_text(table("0,19,6.5,,,", "0,29,,200.5,,", "0,39,6.25,,,"))
    log = StepLog(tmp_path, [LOSS, FORWARD])
    assert log.points(LOSS) == [(20, 6.5), (40, 6.25)] and log.points(FORWARD) == [(30, 200.5)]
    assert log.num_steps == 40 and log.note(LOSS) == ""


def test_steps_that_a_resumed_run_repeats_count_as_measured_last(tmp_path: Path) -> None:
    (tmp_path / "metrics-1.csv").write_text(table("0,19,6.0,,,", "0,39,5.0,,,", "0,59,4.0,,,"))
    (tmp_path / "metrics-2.csv").write_text(table("0,39,5.5,,,"))
    (tmp_path / "metrics-10.csv").write_text(table("0,39,5.25,,,", "0,49,5.125,,,"))
    (tmp_path / "metrics-x.csv").write_text("not of the run")
    log = StepLog(tmp_path, [LOSS])
    assert log.points(LOSS) == [(20, 6.0), (40, 5.25), (50, 5.125)]
    assert log.num_steps == 50 and log.num_starts == 3


def test_no_log(tmp_path: Path) -> None:
    log = StepLog(tmp_path / "absent", [LOSS])
    assert log.points(LOSS) == [] and log.num_steps == log.num_starts == 0
    (tmp_path / "metrics.csv").write_text("")
    assert StepLog(tmp_path, [LOSS]).points(LOSS) == []


def test_a_long_log_takes_little_memory(tmp_path: Path) -> None:
    with (tmp_path / "metrics.csv").open("w") as file:
        file.write(f"epoch,step,{LOSS}\n")
        file.writelines(f"0,{20 * row + 19},{row % 10}\n" for row in range(50_000))
    tracemalloc.start()
    log = StepLog(tmp_path, [LOSS])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    points = log.points(LOSS)
    assert peak < 2_000_000 and 100 < len(points) <= 800 and log.num_steps == 1_000_000
    assert sum(value for _, value in points) / len(points) == pytest.approx(4.5, abs=0.05)
    assert "a point is the mean of up to" in log.note(LOSS)


def test_values_that_are_not_finite_are_counted(tmp_path: Path) -> None:
    (tmp_path / "metrics.csv").write_text(table("0,19,nan,,,", "0,39,inf,,,", "0,59,2.0,,,"))
    log = StepLog(tmp_path, [LOSS])
    assert log.points(LOSS) == [(60, 2.0)] and log.note(LOSS) == "2 values that are not finite are left out"


def test_points_become_means() -> None:
    series = Series(max_points=2)
    for step in range(10):
        series.add(step, float(step))
    assert series.points == [(1.5, 1.5), (5.5, 5.5), (8.5, 8.5)] and series.merged == 4
    series.forget_from(8)
    assert series.points == [(1.5, 1.5), (5.5, 5.5)]
