"""Training of a sentiment classifier, with one seed or several (``elmo-lite sentiment train``)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tasks.classification.data import LabelledSource
from tasks.classification.training import Classification
from tasks.sentiment.classifier import SentimentClassifier
from tasks.sentiment.config import SentimentConfig
from tasks.training.command import TrainingFlags, train_and_print
from tasks.training.train_task import train_task


class Sentiment(Classification):
    """Sentiment classification, with one label for each text."""

    kind = "sentiment"
    model_class = SentimentClassifier


def train(
    config: SentimentConfig,
    train: LabelledSource,
    dev: LabelledSource | None,
    out: str | Path,
    *,
    test: LabelledSource | None = None,
    seeds: int = 1,
    folds: int = 1,
    search: Sequence[str] | None = None,
    overwrite: bool = False,
    progress: bool = True,
) -> dict[str, Any]:
    """Train a classifier, and save that of the epoch with the best accuracy on dev.

    Its scores, its predictions on dev and pictures are written to ``out`` too.

    ``train``, ``dev`` and ``test`` are anything that ``read_labelled`` accepts: files, hub data sets or data in memory.
    The other arguments, the result and the errors are those of ``tasks.training.train_task.train_task``.
    """
    task = Sentiment(config)
    return train_task(
        task,
        config,
        train,
        dev,
        out,
        test=test,
        seeds=seeds,
        folds=folds,
        search=search,
        overwrite=overwrite,
        progress=progress,
    )


def train_command(config: SentimentConfig, *, train: str, flags: TrainingFlags, quiet: bool = False) -> None:
    """Train a sentiment classifier.

    Args:
        config: Settings of the classifier.
        train: Labelled texts to learn from: trees, TSV, CSV, JSON, Parquet or a hub data set.
        flags: What is trained and scored.
        quiet: Show no progress.
    """
    train_and_print(Sentiment(config), config, train, flags, quiet)
