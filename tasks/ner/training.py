"""Training of a tagger, with one seed or several (``elmo-lite ner train``)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from elmo_lite import CorpusError
from tasks.inputs.encoders import Encoder
from tasks.ner.commands import warn_of_unseen
from tasks.ner.config import NerConfig
from tasks.ner.data import TaggedData, TaggedSource, read_tagged
from tasks.ner.prediction import Tagged
from tasks.ner.readers import TaggedSentence
from tasks.ner.scoring import score_tags
from tasks.ner.tagger import NerTagger, new_tagger
from tasks.ner.tags import OUTSIDE, entities_of
from tasks.training.confusion import Confusion
from tasks.training.summary import print_scores
from tasks.training.task import Target, Task
from tasks.training.train_task import train_task


class Ner(Task[NerConfig, TaggedData, TaggedSentence, NerTagger]):
    """Named entity recognition."""

    kind = "ner"
    packages = ("seqeval",)
    headline = {"F1": "f1", "precision": "precision", "recall": "recall"}
    card_scores = ("f1", "precision", "recall", "sentences")

    def read(self, source: Any, part: str, config: NerConfig, split_words: Callable[[str], list[str]]) -> TaggedData:
        """Read labelled sentences. ``split_words`` is unused, since they are lists of words already."""
        columns = config.word_column, config.tag_column
        return read_tagged(source, *columns, name=part, entity_type=config.entity_type)

    def examples(self, data: TaggedData) -> list[TaggedSentence]:
        """The labelled sentences."""
        return data.sentences

    def classes(self, train: TaggedData, name: str) -> list[str]:
        """The entity types of the training data, sorted.

        Raises:
            CorpusError: The training data has no entities.
        """
        if not train.types():
            raise CorpusError(f"{name}: expected entities to learn from, found {OUTSIDE} alone")
        return sorted(train.types())

    def check(self, data: TaggedData, name: str, classes: Sequence[str]) -> None:
        """Warn of entity types that are missing from the training data."""
        warn_of_unseen(name, data, classes)

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

    def target(self, example: TaggedSentence) -> Target:
        """The tags of a sentence."""
        return example.tags

    def score(self, gold: list[Target], predicted: list[Any], labels: Sequence[str]) -> dict[str, float]:
        """Micro F1 ("main"), precision and recall of entities, in percent."""
        scores = score_tags(gold, predicted)
        return {name: scores[name] for name in ("main", "precision", "recall")}

    def evaluate(self, model: NerTagger, data: TaggedData) -> tuple[dict[str, Any], list[Tagged]]:
        """All scores of a tagger, see ``NerTagger.evaluate``, and its predictions."""
        return model.judge(data)

    def answer(self, example: TaggedSentence, prediction: Tagged, labels: Sequence[str]) -> dict[str, Any]:
        """Entities with their probabilities; that of a gold one is at most that of each of its tags."""
        found, number = prediction.decoded, {label: index for index, label in enumerate(labels)}
        of_tag = [
            row[number[tag]] if tag in number else 0.0
            for row, tag in zip(found.probabilities, example.tags, strict=True)
        ]
        gold = entities_of(example.tags)
        return {
            "line": example.line,
            "gold": [[*entity, min(of_tag[entity.start : entity.end])] for entity in gold],
            "predicted": [[*entity, score] for entity, score in zip(found.entities, found.scores, strict=True)],
        }

    def names(self, train: Sequence[TaggedSentence]) -> set[tuple[str, ...]]:
        """The words of each entity of the training data."""
        return {tuple(s.words[entity.start : entity.end]) for s in train for entity in entities_of(s.tags)}

    def confusion(self, scores: Mapping[str, Any]) -> Confusion:
        """The number of words by true and predicted entity type."""
        return Confusion(**scores["confusion"], unit="words", outside=OUTSIDE)


def train(
    config: NerConfig,
    train: TaggedSource,
    dev: TaggedSource,
    out: str | Path,
    *,
    test: TaggedSource | None = None,
    seeds: int = 1,
    overwrite: bool = False,
    progress: bool = True,
) -> dict[str, Any]:
    """Train a tagger, and save that of the epoch with the best entity F1 on dev.

    Its scores, its predictions on dev and pictures are written to ``out`` too.

    ``train``, ``dev`` and ``test`` are anything that ``read_tagged`` accepts: files, hub data sets or data in memory.
    The other arguments, the result and the errors are those of ``tasks.training.train_task.train_task``.
    """
    return train_task(Ner(), config, train, dev, out, test=test, seeds=seeds, overwrite=overwrite, progress=progress)


def train_command(
    config: NerConfig,
    *,
    train: str,
    dev: str,
    out: str,
    test: str | None = None,
    seeds: int = 1,
    overwrite: bool = False,
    quiet: bool = False,
) -> None:
    """Train a named entity tagger.

    Args:
        config: Settings of the tagger.
        train: Labelled sentences to learn from: a column file, JSON, Parquet or a hub data set.
        dev: Labelled sentences to choose the best epoch by.
        out: Directory to write the tagger, its scores, its predictions on dev and pictures to.
        test: Labelled sentences to score once at the end.
        seeds: Number of taggers to train, 1 or more, with the random seeds 0, 1, ...; mean and standard deviation of
            their scores are printed.
        overwrite: Replace a tagger that is in --out.
        quiet: Show no progress.
    """
    facts = train_task(Ner(), config, train, dev, out, test=test, seeds=seeds, overwrite=overwrite, progress=not quiet)
    print_scores(Ner(), facts, out, seeds)
