"""The training of a task model, whatever the task: epochs, layer weights, scores and errors on dev.

A training leaves ``training.json`` from its start, and ``metrics.json`` and ``predictions.jsonl`` at its end; one of an
older version left ``metrics.json`` and the settings in ``config.json`` alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from elmo_lite.locks import is_held
from elmo_lite.nn.config import dotted
from elmo_lite.report.confusion import confusion
from elmo_lite.report.content import Block, Cell, Chart, Line, Matrix, Run, Score, Table
from elmo_lite.report.groups import group_tables
from elmo_lite.report.mistakes import worst_mistakes
from elmo_lite.report.numbers import number_blocks
from elmo_lite.report.predictions import read_predictions
from elmo_lite.report.run_files import expecting, read_object
from elmo_lite.report.several_runs import ERRORS, PARTS, TITLES, search_tables

JOURNAL, METRICS, CONFIG = "training.json", "metrics.json", "config.json"


def is_task_run(path: Path) -> bool:
    """Whether a directory is that of the training of a task model."""
    return (path / JOURNAL).is_file() or (path / METRICS).is_file()


def read_task_run(path: Path, name: str) -> Run:
    """Read the files of the training of a task model, which may be in progress.

    Raises:
        CheckpointError: A file is damaged.
    """
    journal, metrics = read_object(path / JOURNAL), read_object(path / METRICS)
    if journal is not None and not journal.get("complete"):
        metrics = None  # of an earlier training, or not scored yet
    started = journal if journal is not None else _of_older_version(path)
    source = path / (JOURNAL if metrics is None else METRICS)
    with expecting(path / JOURNAL, "the journal of a training"):
        task, measure = str(started.get("task") or "task"), str(started.get("measure") or "score")
        facts = _data_facts(started)
        settings = {**facts, **dotted(dict(started.get("settings") or {}))}
        command = started.get("command")
    with expecting(source, "epochs with their scores"):
        epochs = [_Epoch(values) for values in (started if metrics is None else metrics)["epochs"]]
        of_lstm = not str(settings.get("representation.encoder")).startswith("hf:")
        loss_unit = str(started.get("loss_unit") or "nats per sentence")
        charts = list(_charts(epochs, measure, loss_unit, "LSTM layer" if of_lstm else "layer"))
    with expecting(path / METRICS, "the scores of a training"):
        tables: list[Block] = [] if metrics is None else list(_score_blocks(metrics))
        trained = _training_facts(epochs, metrics)
        status = _status(path, epochs, metrics)
        scores = _headline(epochs, measure, metrics)
    return Run(
        name,
        f"Task: {task}",
        status,
        {**facts, **trained},
        scores,
        settings,
        command if isinstance(command, str) else None,
        [*search_tables(path), *charts, *tables, *_prediction_blocks(path, complete=metrics is not None)],
        _compared(epochs, measure, loss_unit, facts),
    )


class _Epoch:
    """An epoch of ``metrics.json`` or of the journal."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.number, self.loss = int(values["epoch"]), float(values["loss"])
        self.score = float(values["dev"]["main"])
        self.seconds = float(values["seconds"]) + float(values["dev_seconds"])
        self.mix = {
            str(place): ([float(weight) for weight in weights], float(gamma))
            for place, (weights, gamma) in values["mix"].items()
        }


def _of_older_version(path: Path) -> dict[str, Any]:
    """What the journal of a training would say, from the settings of its model."""
    config, metrics = read_object(path / CONFIG) or {}, read_object(path / METRICS) or {}
    with expecting(path / CONFIG, "the settings of a task model"):
        scored = metrics.get("dev")
        measure = next((title for key, title in TITLES.items() if isinstance(scored, Mapping) and key in scored), None)
        settings = dict(config.get("settings") or {}).get("config")
        return {"task": config.get("task"), "settings": settings, "measure": measure}


def _best(epochs: Sequence[_Epoch]) -> _Epoch | None:
    """The first epoch with the best score; None before the first."""
    return max(epochs, key=lambda epoch: epoch.score, default=None)


def _status(path: Path, epochs: Sequence[_Epoch], metrics: Mapping[str, Any] | None) -> str:
    done = f"{len(epochs)} epochs" if len(epochs) != 1 else "1 epoch"
    if metrics is None:
        return f"in progress, {done}" if is_held(path) or is_held(path.parent) else f"unfinished, {done}"
    return f"interrupted after {done}" if metrics.get("interrupted") else f"complete, {done}"


def _data_facts(started: Mapping[str, Any]) -> dict[str, str]:
    return {
        part: f"{values['name'] or 'in memory'}: {int(values['sentences']):,} sentences, {int(values['words']):,} words"
        for part, values in dict(started.get("data") or {}).items()
    }


def _training_facts(epochs: Sequence[_Epoch], metrics: Mapping[str, Any] | None) -> dict[str, str]:
    best = _best(epochs)
    if best is None:
        return {}
    facts = {"best epoch": f"{best.number} of {len(epochs)}", "time": f"{sum(e.seconds for e in epochs):,.0f} seconds"}
    if metrics is not None and metrics.get("words_per_second"):
        facts["speed"] = f"{float(metrics['words_per_second']):,.0f} words/s in training"
    return facts


def _headline(epochs: Sequence[_Epoch], measure: str, metrics: Mapping[str, Any] | None) -> dict[str, str]:
    """The best score on dev, and that of the same name on test, with their intervals."""
    best = _best(epochs)
    scores = {} if best is None else {f"dev {measure}": f"{best.score:.2f}"}
    key = next((key for key, title in TITLES.items() if title == measure), "main")
    if metrics is not None and key in dict(metrics.get("test") or {}):
        scores[f"test {measure}"] = f"{float(metrics['test'][key]):.2f}"
    for part in PARTS:
        found = dict((metrics or {}).get(part) or {}).get("interval")
        if found and f"{part} {measure}" in scores:
            scores[f"{part} {measure}"] += f" ({float(found['low']):.1f} to {float(found['high']):.1f})"
    return scores


def _charts(epochs: Sequence[_Epoch], measure: str, loss_unit: str, layer_name: str) -> Iterator[Chart]:
    best = _best(epochs)
    if best is None:
        return
    note = f"the vertical line is the best epoch, {best.number}: {best.score:.2f}"
    score = Line(measure, [(epoch.number, epoch.score) for epoch in epochs])
    loss = Line("loss", [(epoch.number, epoch.loss) for epoch in epochs])
    yield Chart("Score on dev", "epoch", f"{measure}, %", [score], note, mark=best.number)
    yield Chart("Loss on train", "epoch", loss_unit, [loss], mark=best.number)
    for place, (weights, gamma) in epochs[0].mix.items():
        if max(weights) == 1:
            continue  # one layer
        names = ["token layer", *(f"{layer_name} {layer}" for layer in range(1, len(weights)))]
        lines = [
            Line(layer, [(epoch.number, epoch.mix[place][0][row]) for epoch in epochs])
            for row, layer in enumerate(names)
            if any(epoch.mix[place][0][row] for epoch in epochs)  # 0 for a layer that is not used
        ]
        scale = f"their sum is scaled by gamma, {gamma:.2f} at first and {epochs[-1].mix[place][1]:.2f} at last"
        yield Chart(f"Layer weights, {place}", "epoch", "weight, of a sum of 1", lines, scale, from_zero=True)


def _compared(epochs: Sequence[_Epoch], measure: str, loss_unit: str, data: Mapping[str, str]) -> list[Chart]:
    score = Line("", [(epoch.number, epoch.score) for epoch in epochs])
    loss = Line("", [(epoch.number, epoch.loss) for epoch in epochs])
    return [
        Chart(f"{measure} on dev", "epoch", f"{measure}, %", [score], measured_on=data.get("dev", "")),
        Chart("Loss on train", "epoch", loss_unit, [loss], measured_on=data.get("train", "")),
    ]


def _score_blocks(metrics: Mapping[str, Any]) -> Iterator[Block]:
    """Scores, scores of each type or label, predicted numbers, and confusions, as far as they are there."""
    parts = [part for part in PARTS if isinstance(metrics.get(part), Mapping)]
    keys = [key for key in TITLES if any(key in metrics[part] for part in parts)]
    if keys:
        rows: list[list[Cell]] = [[TITLES[key], *(_score(metrics[part].get(key)) for part in parts)] for key in keys]
        errors = [key for key in ERRORS if any(key in metrics[part] for part in parts)]
        rows += [[ERRORS[key], *(_error(metrics[part].get(key)) for part in parts)] for key in errors]
        yield Table("Scores", ["score", *parts], rows)
    for part in parts:
        kinds = metrics[part].get("types") or metrics[part].get("per_label") or {}
        if kinds:
            yield _per_type(part, kinds, "type" if "types" in metrics[part] else "label")
    for part in parts[:1]:
        yield from number_blocks(part, metrics[part])
        yield from _confusions(part, metrics[part])


def _per_type(part: str, kinds: Mapping[str, Mapping[str, Any]], title: str) -> Table:
    rows: list[list[Cell]] = [
        [
            str(kind),
            int(values["support"] if "support" in values else values["sentences"]),
            *(_score(values[key]) for key in ("precision", "recall", "f1")),
        ]
        for kind, values in kinds.items()
    ]
    return Table(f"By {title}, {part}", [title, "gold", "precision", "recall", "F1"], rows)


def _confusions(part: str, scores: Mapping[str, Any]) -> Iterator[Matrix]:
    found = scores.get("confusion")
    if not found:
        return
    is_of_words = isinstance(found, Mapping)
    labels, counts = (found["labels"], found["matrix"]) if is_of_words else (scores["labels"], found)
    outside = "O" if "types" in scores else None
    by = "entity type" if "types" in scores else "label"
    unit = f"words, by {by}" if is_of_words else "texts"
    rows = [[int(count) for count in row] for row in counts]
    yield confusion(f"Confusions on {part}", [str(label) for label in labels], rows, f"number of {unit}", outside)


def _score(value: Any) -> Score | None:
    return None if value is None else Score(float(value))


def _error(value: Any) -> str | None:
    return None if value is None else f"{float(value):.4g}"


def _prediction_blocks(path: Path, complete: bool) -> list[Block]:
    found = read_predictions(path) if complete else None
    if found is None:
        return []
    return [*group_tables(found), *worst_mistakes(found)]
