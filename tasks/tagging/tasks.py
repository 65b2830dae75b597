"""Tagging as tasks of the shared training: spans, such as entities, and labels of words."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, TypeVar

from elmo_lite import CorpusError
from tasks.tagging.base_tagger import BaseTagger
from tasks.tagging.config import TaggerSettings
from tasks.tagging.data import TaggedData, unseen_labels, unseen_types
from tasks.tagging.model import segments
from tasks.tagging.prediction import Tagged
from tasks.tagging.sentences import TaggedSentence
from tasks.tagging.span_scores import score_tags
from tasks.tagging.tags import OUTSIDE, entities_of
from tasks.tagging.word_scores import score_words
from tasks.training.confusion import Confusion
from tasks.training.task import Target, Task

log = logging.getLogger("elmo_lite")

MAX_LISTED = 20
"""Number of labels in a warning."""

ConfigT = TypeVar("ConfigT", bound=TaggerSettings)
TaggerT = TypeVar("TaggerT", bound=BaseTagger[Any])


class TaggingTask(Task[ConfigT, TaggedData, TaggedSentence, TaggerT]):
    """What tagging spans and tagging words have in common."""

    has_spans: ClassVar[bool]

    def examples(self, data: TaggedData) -> list[TaggedSentence]:
        """The labelled sentences."""
        return data.sentences

    def subset(self, data: TaggedData, indices: Sequence[int]) -> TaggedData:
        """Some of the labelled sentences."""
        return dataclasses.replace(data, sentences=[data.sentences[index] for index in indices])

    def check(self, data: TaggedData, name: str, classes: Sequence[str]) -> None:
        """Warn of labels that are missing from the training data."""
        warn_of_unseen(name, data, classes)

    def target(self, example: TaggedSentence) -> Target:
        """The labels of a sentence."""
        return example.tags

    def evaluate(self, model: TaggerT, data: TaggedData) -> tuple[dict[str, Any], list[Tagged]]:
        """All scores of a tagger, see its ``evaluate``, and its predictions."""
        return model.judge(data)

    def answer(self, example: TaggedSentence, prediction: Tagged, labels: Sequence[str]) -> dict[str, Any]:
        """Entities or words with probabilities; that of a gold entity is at most that of each of its tags."""
        found = prediction.decoded
        gold = segments(example.tags, self.has_spans)
        return {
            "line": example.line,
            "gold": [[*entity, min(found.gold[entity.start : entity.end])] for entity in gold],
            "predicted": [[*entity, score] for entity, score in zip(found.entities, found.scores, strict=True)],
        }


class SpanTask(TaggingTask[ConfigT, TaggerT]):
    """Tagging of spans: precision, recall and F1 of entities."""

    has_spans = True
    packages = ("seqeval",)
    headline = {"F1": "f1", "precision": "precision", "recall": "recall"}
    card_scores = ("f1", "precision", "recall", "sentences")
    answers = "entities"

    def classes(self, train: TaggedData, name: str) -> list[str]:
        """The entity types of the training data, sorted.

        Raises:
            CorpusError: The training data has no entities.
        """
        if not train.types():
            raise CorpusError(f"{name}: expected entities to learn from, found {OUTSIDE} alone")
        return sorted(train.types())

    def score(self, gold: list[Target], predicted: list[Any], labels: Sequence[str]) -> dict[str, float]:
        """Micro F1 ("main"), precision and recall of entities, in percent."""
        scores = score_tags(gold, predicted)
        return {name: scores[name] for name in ("main", "precision", "recall")}

    def names(self, train: Sequence[TaggedSentence]) -> set[tuple[str, ...]]:
        """The words of each entity of the training data."""
        return {tuple(s.words[entity.start : entity.end]) for s in train for entity in entities_of(s.tags)}

    def confusion(self, scores: Mapping[str, Any]) -> Confusion:
        """The number of words by true and predicted entity type."""
        return Confusion(**scores["confusion"], unit="words", outside=OUTSIDE)


class WordTask(TaggingTask[ConfigT, TaggerT]):
    """Tagging of words: accuracy and macro-F1."""

    has_spans = False
    packages = ()
    headline = {"accuracy": "accuracy", "macro-F1": "macro_f1", "unseen words": "unseen_accuracy"}
    card_scores = ("accuracy", "macro_f1", "words", "sentences")

    def classes(self, train: TaggedData, name: str) -> list[str]:
        """The labels of the training data, sorted.

        Raises:
            CorpusError: There is one label alone.
        """
        labels = sorted(train.labels())
        if len(labels) < 2:
            raise CorpusError(f"{name}: expected two labels or more to learn from, found {labels[0]!r:.60} alone")
        return labels

    def score(self, gold: list[Target], predicted: list[Any], labels: Sequence[str]) -> dict[str, float]:
        """Accuracy ("main") and macro-F1 of words, in percent."""
        scores = score_words(gold, predicted)
        return {name: scores[name] for name in ("main", "macro_f1")}

    def names(self, train: Sequence[TaggedSentence]) -> set[tuple[str, ...]]:
        """Each word of the training data."""
        return {(word,) for sentence in train for word in sentence.words}

    def confusion(self, scores: Mapping[str, Any]) -> Confusion:
        """The number of words by true and predicted label."""
        return Confusion(**scores["confusion"], unit="words")


def warn_of_unseen(name: str, data: TaggedData, known: Sequence[str]) -> None:
    """Warn of labels, or types of spans, that cannot be found because the training data, ``known``, lack them."""
    title, unseen = ("types", unseen_types(data, known)) if data.has_spans else ("labels", unseen_labels(data, known))
    if unseen:
        found = ", ".join(f"{kind} ({count})" for kind, count in sorted(unseen.items())[:MAX_LISTED])
        more = f" and {len(unseen) - MAX_LISTED:,} others" if len(unseen) > MAX_LISTED else ""
        log.warning("%s: %s missing from the training data count as errors: %s%s", name, title, found, more)
