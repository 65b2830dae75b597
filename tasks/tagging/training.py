"""Training of a tagger, with one seed or several (``elmo-lite tag train``)."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from elmo_lite import Tokenization
from tasks.inputs.encoders import Encoder
from tasks.inputs.in_memory import is_path
from tasks.tagging.config import TaggerConfig
from tasks.tagging.data import LabelKind, TaggedData, TaggedSource, are_spans, read_tagged, sentences_of, spans_form
from tasks.tagging.tagger import Tagger, new_tagger
from tasks.tagging.tasks import SpanTask, TaggingTask, WordTask
from tasks.training.command import TrainingFlags, train_and_print
from tasks.training.task import Task
from tasks.training.train_task import train_task

log = logging.getLogger("elmo_lite")


class _AnyLabels(TaggingTask[TaggerConfig, Tagger]):
    """Reading and building of the tagger, for labels of any kind."""

    kind = "tag"

    def read(self, source: Any, part: str, config: TaggerConfig, tokenization: Tokenization) -> TaggedData:
        """Read labelled sentences, or texts with spans of characters, which the tokenisation splits."""
        kind: LabelKind = "spans" if self.has_spans else "tokens"
        columns = config.column, config.word_column, config.predicate_column
        more: dict[str, Any] = {"entity_type": config.entity_type, "tokenization": tokenization}
        return read_tagged(source, *columns, labels=kind, name=part, **more)

    def new_model(
        self,
        config: TaggerConfig,
        classes: Sequence[str],
        elmo: Encoder | None,
        train: Iterable[Sequence[str]],
        others: Iterable[Sequence[str]],
    ) -> Tagger:
        """An untrained tagger."""
        return new_tagger(config, classes, elmo, train, others)

    def load(self, directory: Path, device: str) -> Tagger:
        """A saved tagger."""
        return Tagger.from_pretrained(directory, device)


class TagSpans(_AnyLabels, SpanTask[TaggerConfig, Tagger]):
    """Spans, such as chunks."""


class TagWords(_AnyLabels, WordTask[TaggerConfig, Tagger]):
    """One label for each word, such as parts of speech."""


def task_for(config: TaggerConfig, train: TaggedSource) -> tuple[Task[Any, Any, Any, Any], TaggerConfig, TaggedSource]:
    """The task that the training data are for.

    Args:
        config: Settings.
        train: The training data. Those in memory are read, since they may be read but once.

    Returns:
        The task, the settings with the kind of labels, and the training data.
    """
    has_spans = config.labels == "spans"
    columns = config.column, config.word_column, config.predicate_column
    if not is_path(train):
        train = read_tagged(train, *columns, labels=config.labels, name="train", entity_type=config.entity_type)
        has_spans = train.has_spans
    elif config.labels == "auto":
        has_spans = spans_form(str(train), *columns) is not None or are_spans(sentences_of(str(train), *columns)[0])
    config = dataclasses.replace(config, labels="spans" if has_spans else "tokens")
    return TagSpans() if has_spans else TagWords(), config, train


def train(
    config: TaggerConfig,
    train: TaggedSource,
    dev: TaggedSource | None,
    out: str | Path,
    *,
    test: TaggedSource | None = None,
    seeds: int = 1,
    folds: int = 1,
    search: Sequence[str] | None = None,
    overwrite: bool = False,
    progress: bool = True,
) -> dict[str, Any]:
    """Train a tagger, and save that of the epoch with the best score on dev: entity F1 of spans, otherwise accuracy.

    Its scores, its predictions on dev and pictures are written to ``out`` too.

    ``train``, ``dev`` and ``test`` are anything that ``read_tagged`` accepts: files, hub data sets or data in memory.
    The other arguments, the result and the errors are those of ``tasks.training.train_task.train_task``.
    """
    task, config, train = task_for(config, train)
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


def train_command(config: TaggerConfig, *, train: str, flags: TrainingFlags, quiet: bool = False) -> None:
    """Train a tagger of any labels: parts of speech, chunks, supertags, languages.

    Args:
        config: Settings of the tagger.
        train: Labelled sentences to learn from: CoNLL-U, a column file, JSON, Parquet or a hub data set; or texts with
            spans of characters from doccano, Label Studio, Prodigy, brat (a directory) or spaCy.
        flags: What is trained and scored.
        quiet: Show no progress.
    """
    task, config, _ = task_for(config, train)
    train_and_print(task, config, train, flags, quiet)
