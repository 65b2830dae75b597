"""Training of a tagger of named entities, with one seed or several (``elmo-lite ner train``)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from elmo_lite import Tokenization
from tasks.inputs.encoders import Encoder
from tasks.ner.config import NerConfig
from tasks.ner.data import TaggedData, TaggedSource, read_tagged
from tasks.ner.tagger import NerTagger, new_tagger
from tasks.tagging.tasks import SpanTask
from tasks.training.command import TrainingFlags, train_and_print
from tasks.training.train_task import train_task


class Ner(SpanTask[NerConfig, NerTagger]):
    """Named entity recognition."""

    kind = "ner"

    def read(self, source: Any, part: str, config: NerConfig, tokenization: Tokenization) -> TaggedData:
        """Read labelled sentences, or texts with spans of characters, which the tokenisation splits."""
        columns = config.word_column, config.tag_column
        return read_tagged(source, *columns, name=part, entity_type=config.entity_type, tokenization=tokenization)

    def new_model(
        self,
        config: NerConfig,
        classes: Sequence[str],
        elmo: Encoder | None,
        train: Iterable[Sequence[str]],
        others: Iterable[Sequence[str]],
    ) -> NerTagger:
        """An untrained tagger."""
        return new_tagger(config, classes, elmo, train, others)

    def load(self, directory: Path, device: str) -> NerTagger:
        """A saved tagger."""
        return NerTagger.from_pretrained(directory, device)


def train(
    config: NerConfig,
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
    """Train a tagger, and save that of the epoch with the best entity F1 on dev.

    Its scores, its predictions on dev and pictures are written to ``out`` too.

    ``train``, ``dev`` and ``test`` are anything that ``read_tagged`` accepts: files, hub data sets or data in memory.
    The other arguments, the result and the errors are those of ``tasks.training.train_task.train_task``.
    """
    return train_task(
        Ner(),
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


def train_command(config: NerConfig, *, train: str, flags: TrainingFlags, quiet: bool = False) -> None:
    """Train a named entity tagger.

    Args:
        config: Settings of the tagger.
        train: Labelled sentences to learn from: a column file, JSON, Parquet or a hub data set; or texts with spans of
            characters from doccano, Label Studio, Prodigy, brat (a directory) or spaCy.
        flags: What is trained and scored.
        quiet: Show no progress.
    """
    train_and_print(Ner(), config, train, flags, quiet)
