"""A ladder of language models: its table, perplexity over time, gradients by distance, generated sentences."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from elmo_lite.errors import CheckpointError, ConfigError
from elmo_lite.fields import from_settings
from elmo_lite.ladder.config import LadderConfig
from elmo_lite.ladder.results import SMALLEST_NORM, RungResult, order_found
from elmo_lite.locks import is_held
from elmo_lite.nn.config import dotted
from elmo_lite.repeat import repeat_command
from elmo_lite.report.content import Block, Cell, Chart, Line, Run, Table
from elmo_lite.report.pretraining_run import is_pretraining_run, read_pretraining_run
from elmo_lite.report.run_files import expecting, read_object

SETTINGS, RESULTS, RUNGS = "settings.json", "ladder.json", "rungs"
KIND = "Ladder"
AXIS = "perplexity per word, forward"
COUNTS = {
    "training_words": "words of the training text",
    "classes": "classes",
    "predictions": "held-out predictions",
    "test_predictions": "predictions on test",
}
"""Titles of the counts of ``ladder.json``."""


@dataclass(frozen=True)
class _Ladder:
    """The values of ``settings.json`` that are shown."""

    config: dict[str, Any]
    corpus: str
    test: str | None = None
    corpus_name: str | None = None


def is_ladder_run(path: Path) -> bool:
    """Whether a directory is that of a ladder."""
    return (path / SETTINGS).is_file() and not is_pretraining_run(path)


def read_ladder_run(path: Path, name: str) -> Run:
    """Read the files of a ladder, which may be in progress.

    Raises:
        CheckpointError: A file is damaged.
    """
    ladder, config = _settings(path)
    results = [result for rung in config.rungs if (result := RungResult.read(path / RUNGS / f"{rung}.json"))]
    training = _in_training(path, config, results)
    with expecting(path / RUNGS, "results of models"):
        blocks = [*_charts(results), *_blocks(config, results)]
        compared = list(_compared(results, ladder.corpus))
    corpus = ladder.corpus_name or f"fingerprint {ladder.corpus[:12]}"
    return Run(
        name,
        KIND,
        _status(path, config, results, training),
        {"corpus": corpus, **_facts(path, ladder, config, results)},
        _headline(results),
        {"corpus": corpus, "test": ladder.test, **dotted(ladder.config)},
        repeat_command(
            "ladder", config, {"out": str(path), "test": ladder.test}, positionals=[ladder.corpus_name or "CORPUS"]
        ),
        [*blocks, *(_unfinished(training) if training else ())],
        compared,
    )


def _settings(path: Path) -> tuple[_Ladder, LadderConfig]:
    where = path / SETTINGS
    content = read_object(where) or {}
    known = {field.name for field in dataclasses.fields(_Ladder)}
    try:
        ladder = from_settings(_Ladder, {key: value for key, value in content.items() if key in known})
        return ladder, from_settings(LadderConfig, ladder.config)
    except ConfigError as error:
        raise CheckpointError(f"{where}: {error}") from None


def _in_training(path: Path, config: LadderConfig, results: Sequence[RungResult]) -> Run | None:
    """The run of the first model without a result; None before its first file."""
    done = {result.name for result in results}
    rung = next((rung for rung in config.rungs if rung not in done), None)
    if rung is None or not is_pretraining_run(path / RUNGS / rung):
        return None
    return read_pretraining_run(path / RUNGS / rung, rung)


def _status(path: Path, config: LadderConfig, results: Sequence[RungResult], training: Run | None) -> str:
    if len(results) == len(config.rungs):
        return f"complete, {_models(len(results))}"
    done = f"{len(results)} of {_models(len(config.rungs))}"
    if training is not None:
        done += f"; {training.name}: {training.status}"
    return f"in progress, {done}" if is_held(path) else f"unfinished, {done}"


def _models(number: int) -> str:
    return f"{number} model{'s' * (number != 1)}"


def _facts(path: Path, ladder: _Ladder, config: LadderConfig, results: Sequence[RungResult]) -> dict[str, str]:
    content = read_object(path / RESULTS) or {}
    with expecting(path / RESULTS, "the results of a ladder"):
        facts = {title: f"{int(content[key]):,}" for key, title in COUNTS.items() if content.get(key) is not None}
    if ladder.test is not None:
        facts["test"] = ladder.test
    in_time = config.equal == "time"
    facts["equal for neural models"] = (
        f"time, {config.max_time} each, at width {config.dim}"
        if in_time
        else f"parameters, those of an LSTM of width {config.dim}; passes over the text, {config.epochs}"
    )
    facts["time of training"] = f"{sum(result.seconds for result in results) / 60:,.1f} minutes"
    return facts


def _headline(results: Sequence[RungResult]) -> dict[str, str]:
    """The best n-gram model and the best neural one."""
    scores = {}
    for kind, is_counted in (("best n-gram model", True), ("best neural model", False)):
        found = [
            (result.perplexity, result.title)
            for result in results
            if result.perplexity is not None and (result.dim is None) == is_counted
        ]
        if found:
            perplexity, title = min(found)
            scores[kind] = f"{perplexity:,.1f}, {title}"
    return scores


def _blocks(config: LadderConfig, results: Sequence[RungResult]) -> Iterator[Block]:
    if not results:
        return
    has_test = any(result.test_perplexity is not None for result in results)
    head = ["model", "perplexity", *(["test"] if has_test else []), "parameters", "words/s", "seconds", "width"]
    rows: list[list[Cell]] = []
    for result in results:
        scores = [result.perplexity, *([result.test_perplexity] if has_test else [])]
        numbers: list[Cell] = [result.parameters, round(result.words_per_second), round(result.seconds, 1), result.dim]
        rows.append([result.title, *map(_shown, scores), *numbers])
        if result.backward_perplexity is not None:
            scores = [result.backward_perplexity, *([result.backward_test_perplexity] if has_test else [])]
            rows.append(["its backward direction", *map(_shown, scores), None, None, None, None])
    yield Table("Models, held-out perplexity", head, rows, order_found(results))
    note = f"seed {config.seed}; all models draw by the same random numbers"
    said = [[result.title, result.failed or result.sentence] for result in results]
    yield Table("Generated sentences", ["model", "sentence"], said, note)


def _shown(perplexity: float | None) -> Cell:
    return None if perplexity is None else round(perplexity, 1)


def _charts(results: Sequence[RungResult]) -> Iterator[Chart]:
    if lines := _over_seconds(results):
        note = "neural models on a held-out sample in training; level lines: n-gram models on the whole held-out text"
        yield Chart("Perplexity over time", "seconds of training", AXIS, lines, note, is_log=True)
    for moment in ("before", "after"):
        norms = [Line(title, points) for result in results for title, points in _norms(result, moment)]
        if norms:
            note = "gradient of the loss at word i with respect to the state at word i - l"
            title = f"Gradients by distance, {moment} training"
            yield Chart(title, "distance l in words", "mean norm of the gradient", norms, note, is_log=True)


def _over_seconds(results: Sequence[RungResult]) -> list[Line]:
    """Curves of the neural models, and levels of the n-gram models; empty without a curve."""
    curves = [Line(result.title, _points(result)) for result in results if result.points]
    last = max((line.points[-1][0] for line in curves), default=0.0)
    levels = [
        Line(result.title, [(0.0, result.perplexity), (last, result.perplexity)])
        for result in results
        if result.dim is None and result.perplexity is not None
    ]
    return [*curves, *levels] if curves else []


def _points(result: RungResult) -> list[tuple[float, float]]:
    return [(float(seconds), float(perplexity)) for seconds, perplexity in result.points]


def _norms(result: RungResult, moment: str) -> Iterator[tuple[str, list[tuple[float, float]]]]:
    """Titles and norms by distance of the parts of a model's state."""
    parts: Mapping[str, Sequence[float]] = result.gradients.get(moment, {})
    for part, values in parts.items():
        title = result.title if part == "hidden" else f"{result.title}, its {part}"
        yield title, [(float(distance), float(v)) for distance, v in enumerate(values) if v > SMALLEST_NORM]


def _compared(results: Sequence[RungResult], corpus: str) -> Iterator[Chart]:
    for result in results:
        if result.points:
            lines = [Line("", _points(result))]
            title = f"Perplexity over time, {result.title}"
            yield Chart(title, "seconds of training", AXIS, lines, is_log=True, measured_on=corpus)


def _unfinished(training: Run) -> Iterator[Block]:
    """The curves of the model that is being trained."""
    for block in training.blocks:
        if isinstance(block, Chart):
            yield dataclasses.replace(block, title=f"{block.title}, {training.name} in training")
