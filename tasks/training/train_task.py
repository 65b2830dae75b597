"""The training of every task: settings and labelled data in, a saved model with its scores out."""

from __future__ import annotations

import json
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import repeat
from pathlib import Path
from typing import Any

import torch

from elmo_lite.errors import require
from elmo_lite.extras import import_extras
from elmo_lite.locks import hold
from elmo_lite.metadata import write_json
from elmo_lite.stopping import Stopped
from tasks.saved_task.directory import save_scores
from tasks.saved_task.settings import check_out
from tasks.training.calibration import Fitted, draw_reliability, fit_scales
from tasks.training.confusion import draw_confusion
from tasks.training.finetune import METRICS, finetune, record
from tasks.training.folds import run_folds
from tasks.training.grid import Point, grid_points
from tasks.training.head import FinetuneResult
from tasks.training.journal import Journal, opening
from tasks.training.judgement import ERRORS_LINES, ERRORS_PAGE, judge, write_errors
from tasks.training.material import Material, Materials, RunEncoder
from tasks.training.parts import Parts, contents_of
from tasks.training.predictions import PREDICTIONS, write_predictions
from tasks.training.scatter import draw_scatter
from tasks.training.search import SEARCH, run_search
from tasks.training.seeds import identity_of, run_seeds
from tasks.training.seen import Seen
from tasks.training.task import ConfigT, DataT, ExampleT, ModelT, Task, device_of


def train_task(
    task: Task[ConfigT, DataT, ExampleT, ModelT],
    config: ConfigT,
    train: Any,
    dev: Any,
    out: str | Path,
    *,
    test: Any = None,
    seeds: int = 1,
    folds: int = 1,
    search: Sequence[str] | None = None,
    overwrite: bool = False,
    progress: bool = True,
) -> dict[str, Any]:
    """Train a model; write that of the best epoch on dev, its scores, predictions on dev and pictures to ``out``.

    Args:
        task: The kind of task.
        config: Settings.
        train: Labelled sentences to learn from, as ``task.read`` accepts them.
        dev: Labelled sentences to choose the epoch by; None for a tenth of ``train``, see ``parts.hold_out_dev``.
        out: Directory to write. With several seeds, each has its own, ``out/seed-0`` and so on, and complete
            seeds are not repeated; with folds, ``out/fold-1`` and so on.
        test: Labelled sentences to score once at the end.
        seeds: Number of models, 1 or more, with the random seeds 0, 1, ...; a single one uses that of
            ``config.finetune``.
        folds: Number of folds of a cross-validation over ``train``; 1 for none.
        search: Grid of settings to search, see ``grid.grid_points``; the best model on dev is written to ``out``.
            Defaults to none.
        overwrite: Replace an existing model in ``out``.
        progress: Show a progress bar and one line per epoch on standard error.

    Returns:
        For one model: "dev" and "test", the scores of the task, "best_epoch", "num_epochs", "seconds_per_epoch",
        "training_words_per_second" and "interrupted". For several: "seeds" or "folds", "mean" and "deviation" of each
        number by its dotted key, and "runs". For a search, see ``search.run_search``.

    Raises:
        CorpusError: Data cannot be used.
        ConfigError: A setting is invalid, ``out`` has a model that may not be replaced, or another process uses it.
        CheckpointError: The encoder cannot be loaded.
        ModuleNotFoundError: A package that the scores need is not installed.
        KeyboardInterrupt: Training is interrupted before anything is saved, or with several models.
    """
    require(seeds >= 1, "seeds", "1 or more", seeds)
    require(folds >= 1, "folds", "1 or more", folds)
    require(folds == 1 or seeds == 1, "folds", "1 with several seeds", folds)
    require(folds == 1 or not search, "folds", "1 with --search", folds)
    require(folds == 1 or test is None, "folds", "no --test, since each fold is the test part of its model", folds)
    import_extras(task.packages, f"{task.kind} train")  # a missing one is an error before training
    points = grid_points(config, search) if search else []
    out = Path(out)
    given = {"train": train, "dev": dev, "test": test}
    sources = {part: source for part, source in given.items() if source is not None}
    with hold(out):
        check_out(out, task.kind, overwrite)
        return _train(task, config, sources, out, seeds, folds, points, progress)


def _train(
    task: Task[ConfigT, DataT, ExampleT, ModelT],
    config: ConfigT,
    sources: Mapping[str, Any],
    out: Path,
    seeds: int,
    folds: int,
    points: Sequence[Point[ConfigT]],
    progress: bool,
) -> dict[str, Any]:
    """Read everything, and train one model or several."""
    materials = Materials(task, sources, needs_dev=folds == 1)

    def train_one(config: ConfigT, material: Material[DataT], directory: Path) -> dict[str, Any]:
        return _train_one(task, config, material.data, material.encoder, directory, progress)

    if points:
        return run_search(task, points, materials, train_one, seeds, out)
    material = materials.of(config)
    if folds > 1:
        return run_folds(task, config, material, train_one, folds, out)
    if seeds == 1:
        return train_one(config, material, out)
    identity = identity_of(config, contents_of(task, material.data.all()), material.encoder.hash)
    return run_seeds(lambda seed, place: train_one(config.with_seed(seed), material, place), seeds, out, identity)


def _train_one(
    task: Task[ConfigT, DataT, ExampleT, ModelT],
    config: ConfigT,
    data: Parts[DataT],
    encoder: RunEncoder,
    out: Path,
    progress: bool,
) -> dict[str, Any]:
    """Train with the seed of ``config.finetune``, save, score; the scores are added to what is saved."""
    elmo = encoder.take()
    torch.manual_seed(config.finetune.seed)
    train, dev = task.examples(data.train), task.examples(data.scored["dev"])
    scored = [example.words for part in data.scored.values() for example in task.examples(part)]
    trained = task.new_model(config, data.classes, elmo, [example.words for example in train], scored)
    task.prepare(trained, config, train)
    number = {label: index for index, label in enumerate(trained.labels)}
    for name in (PREDICTIONS, ERRORS_PAGE, ERRORS_LINES, SEARCH):  # of an earlier model
        (out / name).unlink(missing_ok=True)
    parts = {part: task.examples(read) for part, read in data.all().items()}
    journal = Journal(out, opening(task, config, parts, data.names, {"out": str(out), **data.flags}))
    result = finetune(
        trained.model,
        train,
        dev,
        targets=lambda example: task.encoded(task.target(example), number),
        score=lambda examples, found: task.score([task.target(e) for e in examples], found, trained.labels),
        config=config.finetune,
        elmo=elmo,
        model_hash=encoder.hash,
        progress=progress,
        after_epoch=journal.write,
        pool=data.pool,
        batches=lambda examples: task.batches(examples, config),
    )
    trained.device = device_of(trained.model)
    trained.save(out, encoder_path=config.representation.encoder, overwrite=True)
    try:
        record(result, config.finetune, out, next(iter(task.headline)), task.loss_unit)
        fitted = _calibrate(task, config, trained, dev)
        trained.model.set_fitted(task.settle(trained, dev))
        seen = Seen((example.words for example in train), task.names(train))
        judged = {part: judge(task, trained, read, seen) for part, read in data.scored.items()}
        rows, predicted = judged["dev"][1:]
        scores = {part: found for part, (found, _, _) in judged.items()}
        facts = _record_scores(task, scores, result, fitted, trained.model.fitted, out)
        if config.finetune.pictures:
            _draw(task, {part: (found, answers) for part, (found, _, answers) in judged.items()}, out)
        seen.save(out)
        if config.finetune.keep_predictions and task.has_answers:
            answers = map(task.answer, dev, predicted, repeat(trained.labels))
            write_predictions(out, task.kind, dev, answers, seen)
            write_errors(rows, out, out.name, "dev")
        journal.write([], complete=True)
        return facts
    except KeyboardInterrupt as stop:
        message = f"stopped before all scores were written; the model of epoch {result.best_epoch} is in {out}"
        raise Stopped(message, stop.signal_number if isinstance(stop, Stopped) else signal.SIGINT) from None


def _calibrate(
    task: Task[ConfigT, DataT, ExampleT, ModelT], config: ConfigT, trained: ModelT, dev: Sequence[ExampleT]
) -> Fitted:
    """Give a model the temperature that suits dev, and what is fitted with it, if it has probabilities to calibrate."""
    if not (config.finetune.calibrate and task.is_calibrated):
        return Fitted(trained.model.scales)
    number = {label: index for index, label in enumerate(trained.labels)}

    def is_known(example: ExampleT) -> bool:
        with suppress(KeyError):
            task.encoded(task.target(example), number)
            return True
        return False

    def make_batch(examples: Sequence[ExampleT]) -> Any:
        targets = [task.encoded(task.target(example), number) for example in examples]
        return task.batches(examples, config).batch(list(range(len(examples))), targets, None)

    known = list(filter(is_known, dev))
    fitted = fit_scales(trained.model, known, make_batch, trained.device)
    trained.model.set_fitted(fitted.scales)
    return fitted


def _record_scores(
    task: Task[ConfigT, DataT, ExampleT, ModelT],
    scores: dict[str, dict[str, Any]],
    result: FinetuneResult,
    fitted: Fitted,
    values: Mapping[str, float],
    out: Path,
) -> dict[str, Any]:
    """Add the scores to the model card and to ``metrics.json``."""
    facts = {
        **scores,
        "best_epoch": result.best_epoch,
        "num_epochs": len(result.epochs),
        "seconds_per_epoch": result.seconds_per_epoch,
        "training_words_per_second": result.words_per_second,
        **values,
        "interrupted": result.interrupted,
        **({"stop_signal": result.stop_signal} if result.interrupted else {}),
    }
    shown = {part: {key: found[key] for key in task.card_scores} for part, found in scores.items()}
    save_scores(out, task.kind, shown, values)
    calibration = {**fitted.scales, "nll_before": fitted.nll_before, "nll_after": fitted.nll_after}
    metrics = json.loads((out / METRICS).read_text(encoding="utf-8"))
    write_json(out / METRICS, {**metrics, **facts, "calibration": calibration}, allow_nan=True)
    return facts


def _draw(
    task: Task[ConfigT, DataT, ExampleT, ModelT], parts: Mapping[str, tuple[dict[str, Any], Sequence[Any]]], out: Path
) -> None:
    """Draw the scores and predictions of each part."""
    for part, (scores, predictions) in parts.items():
        if (confusion := task.confusion(scores)) is not None:
            draw_confusion(confusion, part, out)
        draw_reliability(scores.get("calibration"), part, out, task.answers)
        if (agreement := task.agreement(scores, predictions)) is not None:
            draw_scatter(agreement, part, out)
