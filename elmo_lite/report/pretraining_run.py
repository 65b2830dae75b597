"""A pretraining run: how far it is, its held-out perplexity and its loss over the steps."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from elmo_lite.errors import CheckpointError, ConfigError
from elmo_lite.fields import from_settings
from elmo_lite.locks import is_held
from elmo_lite.nn.config import dotted
from elmo_lite.pretraining.config import PretrainConfig
from elmo_lite.repeat import repeat_command
from elmo_lite.report.content import Chart, Line, Run
from elmo_lite.report.run_files import expecting, read_object
from elmo_lite.report.step_log import StepLog
from elmo_lite.saved_model.settings import CONFIG, ModelSettings

RUN_FILE, RESULT, MODEL, LOGS = "run.json", "result.json", "model", "logs"
KIND = "Pretraining"
LOSS = "train/sampled_loss"
LOSS_AXES = ("Loss on train", "step", "nats per word, sampled softmax")
"""Title and axes of its chart."""
PERPLEXITIES = {
    "val/forward_perplexity": "forward",
    "val/backward_perplexity": "backward",
    "val/perplexity_without_unknown": "both, without unknown words",
}
"""Columns of the log, and the names of their curves."""


@dataclass(frozen=True)
class _RunFile:
    """The values of ``run.json`` that are shown."""

    config: dict[str, Any]
    corpus: str
    max_steps: int
    limit: str | None = None
    init: str | None = None
    validation_words: int = 0
    moves: tuple[tuple[int, int], ...] = ()
    corpus_directory: str | None = None

    @property
    def end(self) -> int:
        """Number of steps, as planned last."""
        return self.moves[-1][1] if self.moves else self.max_steps

    @property
    def corpus_name(self) -> str:
        """Where the corpus was, or its fingerprint."""
        return self.corpus_directory or f"fingerprint {self.corpus[:12]}"

    @property
    def settings(self) -> dict[str, Any]:
        """All settings by dotted key."""
        run = {"corpus": self.corpus_name, "init": self.init, "max_steps": self.max_steps}
        return {**run, **dotted(self.config)}


def is_pretraining_run(path: Path) -> bool:
    """Whether a directory is that of a pretraining run."""
    return (path / RUN_FILE).is_file()


def read_pretraining_run(path: Path, name: str) -> Run:
    """Read the files of a pretraining run, which may be in progress.

    Raises:
        CheckpointError: A file is damaged.
    """
    file = _run_file(path)
    log = StepLog(path / LOGS, [LOSS, *PERPLEXITIES])
    result = read_object(path / RESULT)
    with expecting(path / RESULT, "the result of a run"):
        if result is not None and int(result["steps"]) < log.num_steps:
            result = None  # the run was resumed since
        training = dict(result) if result is not None else _training(path)
        best = {key: float(value) for key, value in dict(training.get("best") or {}).items()}
        facts = _facts(file, log, training, best)
        status = _status(path, file, log, result)
    last = {title: line[-1][1] for title, line in _perplexities(log).items()}
    scores = {"forward perplexity": best.get("forward_perplexity", last.get("forward"))}
    scores["backward perplexity"] = best.get("backward_perplexity", last.get("backward"))
    return Run(
        name,
        KIND,
        status,
        facts,
        {title: f"{value:,.2f}" for title, value in scores.items() if value is not None},
        file.settings,
        _command(path, file),
        _charts(log, best),
        _compared(log, file.corpus),
    )


def _run_file(path: Path) -> _RunFile:
    where = path / RUN_FILE
    content = read_object(where) or {}
    known = {field.name for field in dataclasses.fields(_RunFile)}
    try:
        return from_settings(_RunFile, {key: value for key, value in content.items() if key in known})
    except ConfigError as error:
        raise CheckpointError(f"{where}: {error}") from None


def _training(path: Path) -> Mapping[str, Any]:
    """What the best model so far knows of its training; empty without one."""
    return ModelSettings.read(path / MODEL, forward_alone=True).training if (path / MODEL / CONFIG).is_file() else {}


def _status(path: Path, file: _RunFile, log: StepLog, result: Mapping[str, Any] | None) -> str:
    done = log.num_steps if result is None else int(result["steps"])
    if done >= file.end:
        return f"complete, {done:,} steps"
    where = f"step {done:,} of {file.end:,}"
    if result is not None:
        return f"stopped early at {where}"
    return f"in progress, {where}" if is_held(path) else f"unfinished, {where}"


def _facts(file: _RunFile, log: StepLog, training: Mapping[str, Any], best: Mapping[str, float]) -> dict[str, str]:
    facts = {"corpus": file.corpus_name}
    if file.init is not None:
        facts["started from"] = file.init
    if "forward_perplexity" in best:
        keys = {way: f"{way}_perplexity" for way in ("forward", "backward")}
        values = ", ".join(f"{best[key]:,.2f} {way}" for way, key in keys.items() if key in best)
        facts["best held-out perplexity"] = f"{values}, at step {best['step']:,.0f}"
    if "perplexity_without_unknown" in best:
        facts["without unknown words"] = f"{best['perplexity_without_unknown']:,.2f}"
    if "words_seen" in training:
        passes = f" ({float(training['epochs']):.2f} passes)" if "epochs" in training else ""
        facts["words read"] = f"{int(training['words_seen']):,}{passes}"
    if "seconds" in training:
        start = " in its last start" if log.num_starts > 1 else ""
        facts["time"] = f"{float(training['seconds']) / 60:,.1f} minutes{start}"
    if file.validation_words:
        facts["held-out sample"] = f"{file.validation_words:,} words, full softmax"
    return facts


def _command(path: Path, file: _RunFile) -> str | None:
    """The command line that repeats the run; None if its settings are of another version or kind."""
    try:
        config = from_settings(PretrainConfig, file.config)
    except ConfigError:
        return None
    flag, _, limit = (file.limit or "").removeprefix("--").partition(" ")
    arguments = {"corpus": file.corpus_directory or "CORPUS", "out": str(path), "init": file.init}
    arguments |= {flag: limit} if limit else {}
    return repeat_command("pretrain", config, arguments, with_preset=file.init is not None)


def _perplexities(log: StepLog) -> dict[str, list[tuple[float, float]]]:
    curves = {title: log.points(column) for column, title in PERPLEXITIES.items()}
    return {title: points for title, points in curves.items() if points}


def _charts(log: StepLog, best: Mapping[str, float]) -> list[Chart]:
    lines = [Line(title, points) for title, points in _perplexities(log).items()]
    note = f"the vertical line is the best model, step {best['step']:,.0f}" if "step" in best else ""
    perplexity = Chart(
        "Held-out perplexity", "step", "perplexity per word", lines, note, is_log=True, mark=best.get("step")
    )
    loss = Chart(*LOSS_AXES, [Line("loss", log.points(LOSS))], log.note(LOSS))
    return [chart for chart in (perplexity, loss) if any(line.points for line in chart.lines)]


def _compared(log: StepLog, corpus: str) -> list[Chart]:
    axes, lines = ("step", "perplexity per word"), _perplexities(log)
    held_out = [
        Chart(f"Held-out perplexity, {title}", *axes, [Line("", lines[title])], is_log=True, measured_on=corpus)
        for title in ("forward", "backward")
        if title in lines
    ]
    loss = Chart(*LOSS_AXES, [Line("", log.points(LOSS))], measured_on=corpus)
    return [*held_out, *([loss] if loss.lines[0].points else [])]
