"""What the training commands of all tasks share: their flags, and a training with the scores that it prints."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tasks.training.summary import print_scores
from tasks.training.task import ConfigT, DataT, ExampleT, ModelT, Task
from tasks.training.train_task import train_task


@dataclass(frozen=True)
class TrainingFlags:
    """Flags of every training command."""

    out: str
    """Directory to write the model, its scores, its predictions on dev and pictures to."""
    dev: str | None = None
    """Labelled data to choose the best epoch by. Defaults to a tenth of --train, of whole documents where they are
    known."""
    test: str | None = None
    """Labelled data to score once at the end."""
    seeds: int = 1
    """Number of models to train, 1 or more, with the random seeds 0, 1, ...; mean and standard deviation of their
    scores are printed."""
    folds: int = 1
    """Number of folds of a cross-validation over --train: so many models, each scored on a part that it has not seen;
    their mean and deviation are printed. 1 for none."""
    search: list[str] | None = None
    """Settings to try, such as learning_rate=1e-3,3e-3 dropout=0.3,0.5: every combination, each with --seeds models;
    the best on dev is kept in --out. Defaults to none."""
    overwrite: bool = False
    """Replace a model that is in --out."""


def train_and_print(
    task: Task[ConfigT, DataT, ExampleT, ModelT], config: ConfigT, train: Any, flags: TrainingFlags, quiet: bool
) -> None:
    """Train a model, and print its scores; errors are those of ``train_task``.

    Args:
        task: The kind of task.
        config: Settings.
        train: Labelled data to learn from, as ``task.read`` accepts them.
        flags: The flags.
        quiet: Show no progress.
    """
    facts = train_task(
        task,
        config,
        train,
        flags.dev,
        flags.out,
        test=flags.test,
        seeds=flags.seeds,
        folds=flags.folds,
        search=flags.search,
        overwrite=flags.overwrite,
        progress=not quiet,
    )
    print_scores(task, facts, flags.out, flags.seeds)
