"""The training of every task: settings and labelled data in, a saved model with its scores out."""

from __future__ import annotations

import json
import logging
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from typing import Any, Generic

import torch

from elmo_lite import Elmo
from elmo_lite.errors import require
from elmo_lite.extras import import_extras
from elmo_lite.locks import hold
from elmo_lite.metadata import write_json
from elmo_lite.saved_model import encoder_hash
from elmo_lite.stopping import Stopped
from tasks.files import warn_of_same_files
from tasks.inputs.in_memory import is_path
from tasks.saved_task.directory import save_scores
from tasks.saved_task.network import check_out, tokenization_of
from tasks.training.confusion import draw_confusion
from tasks.training.finetune import METRICS, finetune, record
from tasks.training.head import FinetuneResult
from tasks.training.journal import Journal, opening
from tasks.training.predictions import PREDICTIONS, Seen, write_predictions
from tasks.training.seeds import identity_of, run_seeds
from tasks.training.task import ConfigT, DataT, ExampleT, ModelT, Task, device_of
from tasks.training.task_config import TaskConfig

log = logging.getLogger("elmo_lite")


@dataclass(frozen=True)
class _Data(Generic[DataT]):
    """Data that all seeds share."""

    train: DataT
    scored: dict[str, DataT]
    """"dev", and "test" if given."""
    classes: list[str]
    names: dict[str, str | None]
    """Path or name of "train", "dev" and, if given, "test"; None for data in memory."""


class _Encoder:
    """The encoder of a run. A frozen one is loaded once for all seeds; one that is trained is loaded for each seed."""

    def __init__(self, config: TaskConfig) -> None:
        self._config = config.representation
        self._loaded = self._load()
        self.tokenization = tokenization_of(config, self._loaded)
        self.hash = "" if self._loaded is None else encoder_hash(self._loaded.bilm)

    def _load(self) -> Elmo | None:
        if not self._config.has_encoder:
            return None
        return Elmo.from_pretrained(self._config.encoder, requires_grad=not self._config.freeze)

    def take(self) -> Elmo | None:
        """Return the pretrained encoder for one seed."""
        if self._config.freeze:
            return self._loaded
        elmo, self._loaded = self._loaded or self._load(), None
        return elmo


def train_task(
    task: Task[ConfigT, DataT, ExampleT, ModelT],
    config: ConfigT,
    train: Any,
    dev: Any,
    out: str | Path,
    *,
    test: Any = None,
    seeds: int = 1,
    overwrite: bool = False,
    progress: bool = True,
) -> dict[str, Any]:
    """Train a model; write that of the best epoch on dev, its scores, predictions on dev and pictures to ``out``.

    Args:
        task: The kind of task.
        config: Settings.
        train: Labelled sentences to learn from, as ``task.read`` accepts them.
        dev: Labelled sentences to choose the epoch by.
        out: Directory to write. With several seeds, each has its own, ``out/seed-0`` and so on, and complete
            seeds are not repeated.
        test: Labelled sentences to score once at the end.
        seeds: Number of models, 1 or more, with the random seeds 0, 1, ...; a single one uses that of
            ``config.finetune``.
        overwrite: Replace an existing model in ``out``.
        progress: Show a progress bar and one line per epoch on standard error.

    Returns:
        For one seed: "dev" and "test", the scores of the task, "best_epoch", "num_epochs", "seconds_per_epoch",
        "training_words_per_second" and "interrupted". For several: "seeds", "mean" and "deviation" of each number by
        its dotted key, and "runs".

    Raises:
        CorpusError: Data cannot be used.
        ConfigError: A setting is invalid, ``out`` has a model that may not be replaced, or another process uses it.
        CheckpointError: The encoder cannot be loaded.
        ModuleNotFoundError: A package that the scores need is not installed.
        KeyboardInterrupt: Training is interrupted before anything is saved, or with several seeds.
    """
    require(seeds >= 1, "seeds", "1 or more", seeds)
    import_extras(task.packages, f"{task.kind} train")  # a missing one is an error before training
    out = Path(out)
    with hold(out):
        check_out(out, task.kind, overwrite)
        return _train(task, config, train, dev, test, out, seeds, progress)


def _train(
    task: Task[ConfigT, DataT, ExampleT, ModelT],
    config: ConfigT,
    train: Any,
    dev: Any,
    test: Any,
    out: Path,
    seeds: int,
    progress: bool,
) -> dict[str, Any]:
    """Read everything, and train with one seed or several."""
    encoder = _Encoder(config)
    sources: dict[str, Any] = {"train": train, "dev": dev}
    if test is not None:
        sources["test"] = test
    data = _read(task, config, sources, encoder)
    if seeds == 1:
        return _train_one(task, config, data, encoder, out, progress)

    def train_one(seed: int, directory: Path) -> dict[str, Any]:
        return _train_one(task, config.with_seed(seed), data, encoder, directory, progress)

    contents = {
        part: [(example.words, task.target(example)) for example in task.examples(read)]
        for part, read in {"train": data.train, **data.scored}.items()
    }
    return run_seeds(train_one, seeds, out, identity_of(config, contents, encoder.hash))


def _read(
    task: Task[ConfigT, DataT, ExampleT, ModelT], config: ConfigT, sources: Mapping[str, Any], encoder: _Encoder
) -> _Data[DataT]:
    """Read and check all data before anything is trained."""
    split_words = encoder.tokenization.words
    names = {part: str(source) if is_path(source) else part for part, source in sources.items()}
    parts = {part: task.read(source, part, config, split_words) for part, source in sources.items()}
    warn_of_same_files({part: source for part, source in sources.items() if is_path(source)})
    train = parts.pop("train")
    classes = task.classes(train, names["train"])
    for part, data in parts.items():
        task.check(data, names[part], classes)
    lengths = {"train": len(task.examples(train)), **{part: len(task.examples(data)) for part, data in parts.items()}}
    sizes = ", ".join(f"{length:,} {part}" for part, length in lengths.items())
    log.info("sentences: %s; classes: %s", sizes, ", ".join(classes[:20]))
    return _Data(train, parts, classes, {part: str(s) if is_path(s) else None for part, s in sources.items()})


def _train_one(
    task: Task[ConfigT, DataT, ExampleT, ModelT],
    config: ConfigT,
    data: _Data[DataT],
    encoder: _Encoder,
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
    (out / PREDICTIONS).unlink(missing_ok=True)  # of an earlier model
    parts = {part: task.examples(read) for part, read in {"train": data.train, **data.scored}.items()}
    journal = Journal(out, opening(task, config, parts, data.names, out))
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
        batches=lambda examples: task.batches(examples, config),
    )
    trained.device = device_of(trained.model)
    trained.save(out, encoder_path=config.representation.encoder, overwrite=True)
    try:
        record(result, config.finetune, out, next(iter(task.headline)), task.loss_unit)
        of_dev, predicted = task.evaluate(trained, data.scored["dev"])
        others = {part: task.evaluate(trained, read)[0] for part, read in data.scored.items() if part != "dev"}
        facts = _record_scores(task, config, {"dev": of_dev, **others}, result, out)
        if config.finetune.keep_predictions and task.has_answers:
            answers = map(task.answer, dev, predicted, repeat(trained.labels))
            write_predictions(out, task.kind, dev, answers, Seen((e.words for e in train), task.names(train)))
        journal.write([], complete=True)
        return facts
    except KeyboardInterrupt as stop:
        message = f"stopped before all scores were written; the model of epoch {result.best_epoch} is in {out}"
        raise Stopped(message, stop.signal_number if isinstance(stop, Stopped) else signal.SIGINT) from None


def _record_scores(
    task: Task[ConfigT, DataT, ExampleT, ModelT],
    config: ConfigT,
    scores: dict[str, dict[str, Any]],
    result: FinetuneResult,
    out: Path,
) -> dict[str, Any]:
    """Add the scores to the model card and to ``metrics.json``, and draw them."""
    facts = {
        **scores,
        "best_epoch": result.best_epoch,
        "num_epochs": len(result.epochs),
        "seconds_per_epoch": result.seconds_per_epoch,
        "training_words_per_second": result.words_per_second,
        "interrupted": result.interrupted,
        **({"stop_signal": result.stop_signal} if result.interrupted else {}),
    }
    save_scores(out, task.kind, {part: {key: found[key] for key in task.card_scores} for part, found in scores.items()})
    write_json(out / METRICS, {**json.loads((out / METRICS).read_text(encoding="utf-8")), **facts}, allow_nan=True)
    if config.finetune.pictures:
        for part, found in scores.items():
            confusion = task.confusion(found)
            if confusion is not None:
                draw_confusion(confusion, part, out)
    return facts
