"""Training of a sentiment classifier, with one seed or several (``elmo-lite sentiment train``)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tasks.classification.data import LabelledSource
from tasks.classification.training import Classification
from tasks.sentiment.classifier import SentimentClassifier
from tasks.sentiment.config import SentimentConfig
from tasks.training.summary import print_scores
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


def train_command(
    config: SentimentConfig,
    *,
    train: str,
    out: str,
    dev: str | None = None,
    test: str | None = None,
    seeds: int = 1,
    folds: int = 1,
    search: list[str] | None = None,
    overwrite: bool = False,
    quiet: bool = False,
) -> None:
    """Train a sentiment classifier.

    Args:
        config: Settings of the classifier.
        train: Labelled texts to learn from: trees, TSV, CSV, JSON, Parquet or a hub data set.
        dev: Labelled texts to choose the best epoch by. Defaults to a tenth of --train, of whole
            documents where they are known.
        out: Directory to write the classifier, its scores, its predictions on dev and pictures to.
        test: Labelled texts to score once at the end.
        seeds: Number of classifiers to train, 1 or more, with the random seeds 0, 1, ...; mean and standard deviation
            of their scores are printed.
        folds: Number of folds of a cross-validation over --train: so many models, each scored on a part that it has
            not seen; their mean and deviation are printed. 1 for none.
        search: Settings to try, such as learning_rate=1e-3,3e-3 dropout=0.3,0.5: every combination, each with --seeds
            classifiers; the best on dev is kept in --out. Defaults to none.
        overwrite: Replace a classifier that is in --out.
        quiet: Show no progress.
    """
    task = Sentiment(config)
    facts = train_task(
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
        progress=not quiet,
    )
    print_scores(task, facts, out, seeds)
