"""Training of a head, with its encoder frozen or trained along.

Learning rates decay linearly to zero at the end of the last epoch, and the weights of the best epoch on dev are kept.
Training stops early when the score on dev has not improved for some epochs.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from torch import nn

from elmo_lite import CorpusError, Elmo
from elmo_lite.files import write_json
from tasks.training.config import FinetuneConfig
from tasks.training.head import Example, FinetuneResult

METRICS = "metrics.json"

ExampleT = TypeVar("ExampleT", bound=Example)


def finetune(
    model: nn.Module,
    train: Sequence[ExampleT],
    dev: Sequence[ExampleT],
    *,
    targets: Callable[[ExampleT], Sequence[int] | int],
    score: Callable[[Sequence[ExampleT], list[Any]], dict[str, float]],
    config: FinetuneConfig,
    out: Path,
    elmo: Elmo | None = None,
    model_hash: str = "",
    progress: bool = True,
) -> FinetuneResult:
    """Train a model on ``train`` until ``dev`` says stop, and leave it with its best weights, in eval mode.

    Args:
        model: a ``Head``.
        train: sentences to learn from.
        dev: sentences to choose the epoch by.
        targets: what shall be predicted of a training sentence: a number for each word, or one.
        score: of sentences and predictions, in percent; "main" decides, higher is better.
        config: settings.
        out: directory for ``metrics.json`` and pictures; made if need be.
        elmo: the frozen encoder, whose layers are computed once. Where the model trains its encoder, which is then a
            part of it, the model computes the layers itself.
        model_hash: ``encoder_hash(elmo)`` where the caller has it.
        progress: show a bar and a line an epoch on standard error.

    Raises:
        CorpusError: no sentences, or one without words.
        ConfigError: a device that is not there.
        ElmoLiteError: the loss is no number any more.
        KeyboardInterrupt: before the first epoch was scored; later ones end the training, see ``interrupted``.
    """
    from tasks.training.loop import fit  # Lightning is loaded by those who train, not by those who predict

    for name, examples in (("train", train), ("dev", dev)):
        if not examples:
            raise CorpusError(f"{name}: expected at least one sentence, found none")
        for number, example in enumerate(examples):
            if not example.words:
                raise CorpusError(f"{name}: sentence {number}: expected at least one word, found none")
    result = fit(model, train, dev, targets, score, config, elmo, model_hash, progress)
    facts = dataclasses.asdict(result)
    write_json(
        out / METRICS,
        {"complete": not result.interrupted, "config": dataclasses.asdict(config), **facts},
        allow_nan=True,
    )
    if config.pictures:
        from tasks.training.pictures import draw_training

        draw_training(result.epochs, result.best_epoch, out)
    return result
