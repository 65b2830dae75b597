"""Training of a head, with a frozen or a trained encoder.

Learning rates decay linearly to zero at the end of the last epoch, and the weights of the best epoch on dev are kept.
Training stops early when the score on dev has been below the best for some epochs.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from torch import nn

from elmo_lite import CorpusError
from elmo_lite.metadata import write_json
from tasks.inputs.encoders import Encoder
from tasks.training.config import FinetuneConfig
from tasks.training.head import Example, FinetuneResult

METRICS = "metrics.json"

ExampleT = TypeVar("ExampleT", bound=Example)


def finetune(
    model: nn.Module,
    train: Sequence[ExampleT],
    dev: Sequence[ExampleT],
    *,
    targets: Callable[[ExampleT], Any],
    score: Callable[[Sequence[ExampleT], list[Any]], dict[str, float]],
    config: FinetuneConfig,
    elmo: Encoder | None = None,
    model_hash: str = "",
    progress: bool = True,
    after_epoch: Callable[[Sequence[dict[str, Any]]], None] | None = None,
    pool: Sequence[Sequence[str]] = (),
    batches: Callable[[Sequence[Any]], Any] | None = None,
) -> FinetuneResult:
    """Train a model and leave it with the weights of the best epoch on ``dev``, in eval mode.

    Args:
        model: Model to train, a ``Head``.
        train: Sentences to learn from.
        dev: Sentences that choose the best epoch and stop training early.
        targets: Function from a training sentence to its class index, to one class index per word, or to what
            ``batches`` takes.
        score: Function from sentences and predictions to scores in percent; "main" chooses the best epoch.
        config: Settings.
        elmo: Frozen encoder, whose layers are computed once. A model that trains its encoder contains it and computes
            the layers itself.
        model_hash: ``hash_of(elmo)``; computed if empty.
        progress: Show a progress bar and one line per epoch on standard error.
        after_epoch: Function that is called after each epoch with ``FinetuneResult.epochs``. Defaults to none.
        pool: Words of sentences that contain those of ``train`` or ``dev``; the layers of a frozen encoder are computed
            for all of them, so that several trainings share them. Defaults to none.
        batches: Function from examples to their batches. Defaults to ``SentenceBatches``, one sentence per example.

    Raises:
        CorpusError: There are no sentences, or one has no words.
        ConfigError: The device is not available.
        ElmoLiteError: The loss is not finite.
        KeyboardInterrupt: Training is interrupted before the first epoch is scored. A later interrupt ends training,
            see ``FinetuneResult.interrupted``.
    """
    from tasks.training.loader import SentenceBatches
    from tasks.training.loop import fit  # Lightning is needed for training, but not for prediction

    for name, examples in (("train", train), ("dev", dev)):
        if not examples:
            raise CorpusError(f"{name}: expected at least one sentence, found none")
        for number, example in enumerate(examples):
            if not example.words:
                raise CorpusError(f"{name}: sentence {number}: expected at least one word, found none")
    make = batches or SentenceBatches
    return fit(model, train, dev, targets, score, config, elmo, model_hash, progress, after_epoch, pool, make)


def record(
    result: FinetuneResult,
    config: FinetuneConfig,
    out: Path,
    measure: str = "score",
    loss_unit: str = "nats per sentence",
) -> None:
    """Write the epochs of a training to ``metrics.json``, and draw them.

    Args:
        result: Result of ``finetune``.
        config: Its settings.
        out: Directory of ``metrics.json`` and pictures; it is created if needed.
        measure: Name of the score "main" in the pictures.
        loss_unit: Unit of the loss in the pictures. Defaults to "nats per sentence".
    """
    facts = dataclasses.asdict(result)
    write_json(
        out / METRICS,
        {"complete": not result.interrupted, "config": dataclasses.asdict(config), **facts},
        allow_nan=True,
    )
    if config.pictures:
        from tasks.training.pictures import draw_training

        draw_training(result.epochs, result.best_epoch, out, measure, loss_unit)
