"""Training of a classifier, with one seed or several (``elmo-lite classify train``)."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from elmo_lite import Tokenization
from tasks.classification.balance import are_uneven
from tasks.classification.batches import TextBatches
from tasks.classification.classifier import Classifier
from tasks.classification.config import ClassifierConfig, HeadConfig
from tasks.classification.data import LabelledSource, read_labelled
from tasks.classification.judging import judge
from tasks.classification.linear_models import Linear, Table
from tasks.classification.ngrams import MAX_LABELS, NgramModel
from tasks.classification.readers import LabelledText
from tasks.inputs.encoders import Encoder
from tasks.saved_task.settings import Kind
from tasks.training.command import TrainingFlags, train_and_print
from tasks.training.confusion import Confusion
from tasks.training.scatter import Agreement
from tasks.training.task import Target, Task
from tasks.training.train_task import train_task

log = logging.getLogger("elmo_lite")

MAX_SCORES = 1_000_000
"""Number of probabilities by which a threshold is chosen; evenly spaced texts are taken."""
MANY_WORDS = 1_000_000
"""A line says that n-grams are counted in more words than these, which takes a while."""


class Classification(Task[HeadConfig, list[LabelledText], LabelledText, Classifier]):
    """Classification of texts or pairs of texts. One object is for one training: it keeps what chooses the epoch."""

    kind: ClassVar[Kind] = "classify"
    model_class: ClassVar[type[Classifier]] = Classifier

    def __init__(self, config: HeadConfig) -> None:
        """Take the kind of labels and their scores from the settings."""
        self._labels = config.labels_as
        self._measure = config.measure
        titles = self._labels.titles
        self.packages = self._labels.packages
        self.headline = titles
        self.loss_unit = self._labels.loss_unit
        self.card_scores = (*titles.values(), "sentences")
        self.has_answers = config.reading.columns().kind != "number"
        self.is_calibrated = self.has_answers or config.ngrams

    def read(self, source: Any, part: str, config: HeadConfig, tokenization: Tokenization) -> list[LabelledText]:
        """Read labelled texts. Phrases of trees are only added to the training data."""
        return read_labelled(source, config.reading, tokenization.words, training=part == "train", name=part)

    def examples(self, data: list[LabelledText]) -> list[LabelledText]:
        """The labelled texts."""
        return data

    def subset(self, data: list[LabelledText], indices: Sequence[int]) -> list[LabelledText]:
        """Some of the labelled texts."""
        return [data[index] for index in indices]

    def classes(self, train: list[LabelledText], name: str) -> list[str]:
        """All labels of the training data, see ``LabelHandling.label_set``; how even they are chooses the measure."""
        labels = self._labels.label_set(train)
        measure = self._measure
        if measure is None:
            found = (label for example in train for label in self._labels.labels_of(example))
            measure = "macro_f1" if are_uneven(found) else next(iter(self._labels.titles.values()))
        titles = {key: title for title, key in self._labels.titles.items()}
        self.headline = {titles[measure]: measure, **self._labels.titles}  # the first one chooses the best epoch
        return labels

    def check(self, data: list[LabelledText], name: str, classes: Sequence[str]) -> None:
        """Check that every label is in the training data."""
        self._labels.check(data, classes)

    def new_model(
        self,
        config: HeadConfig,
        classes: Sequence[str],
        elmo: Encoder | None,
        train: Iterable[Sequence[str]],
        others: Iterable[Sequence[str]],
    ) -> Classifier:
        """An untrained classifier."""
        return self.model_class.untrained(config, classes, elmo, train, others)

    def prepare(self, model: Classifier, config: HeadConfig, train: Sequence[LabelledText]) -> None:
        """Set class weights, or the scale of numbers, and fit the model of n-grams."""
        self._labels.fit(model.model.outputs, train, model.labels, config.is_balanced)
        if config.ngrams and len(model.labels) <= MAX_LABELS:
            if sum(len(example.words) for example in train) > MANY_WORDS:
                log.info("n-grams: learning the weights of words and pairs of words of %s texts", f"{len(train):,}")
            model.model.ngrams = self._ngrams(model, config, train)

    def _ngrams(self, model: Classifier, config: HeadConfig, train: Sequence[LabelledText]) -> NgramModel:
        """A model of the n-grams of the training data."""
        number = {label: index for index, label in enumerate(model.labels)}
        encoded = [self.encoded(self.target(example), number) for example in train]
        labels = [[number[label] for label in self._labels.labels_of(example)] for example in train]

        def solve(table: Table, kept: Sequence[int]) -> Linear:
            targets = [encoded[index] for index in kept]
            return self._labels.linear_model(model.model.outputs, table, targets, len(number), config.is_balanced)

        texts, pairs = [example.texts for example in train], config.reading.columns().pairs
        return NgramModel.fit(texts, labels, len(number), solve, pairs=pairs)

    def settle(self, model: Classifier, dev: Sequence[LabelledText]) -> dict[str, float]:
        """Choose the threshold of several labels, by the score that chooses the best epoch."""
        if not model.model.outputs.has_threshold:
            return {}
        chosen = dev[:: 1 + len(dev) * len(model.labels) // MAX_SCORES]
        gold, measure = [self.target(example) for example in chosen], next(iter(self.headline.values()))
        found = self._labels.best_threshold(list(model.rows_of(chosen)), gold, model.labels, measure)
        return {} if found is None else {"threshold": found}

    def batches(self, examples: Sequence[LabelledText], config: HeadConfig) -> TextBatches:
        """Batches of texts in pieces."""
        return TextBatches(examples, config.piece_limit, self._labels.outputs().targets)

    def load(self, directory: Path, device: str) -> Classifier:
        """A saved classifier."""
        return self.model_class.from_pretrained(directory, device)

    def target(self, example: LabelledText) -> Target:
        """The label, the labels or the number of a text."""
        return self._labels.target(example)

    def encoded(self, target: Target, number: Mapping[str, int]) -> Any:
        """The index of the label, those of the labels, or the number."""
        return self._labels.encoded(target, number)

    def score(self, gold: list[Target], predicted: list[Any], labels: Sequence[str]) -> dict[str, float]:
        """The scores of the kind of labels, and "main", the one that chooses the best epoch."""
        scores = self._labels.score(gold, predicted, labels)
        return {**scores, "main": scores[next(iter(self.headline.values()))]}

    def evaluate(self, model: Classifier, data: list[LabelledText]) -> tuple[dict[str, Any], list[Any]]:
        """All scores of a classifier, and gold and predicted answers; see ``judge``."""
        return judge(model, self._labels, data)

    def answer(self, example: LabelledText, prediction: Any, labels: Sequence[str]) -> dict[str, Any]:
        """The gold and the predicted answer with their probabilities."""
        gold, predicted = prediction
        return {"line": example.line, "gold": gold, "predicted": predicted}

    def confusion(self, scores: Mapping[str, Any]) -> Confusion | None:
        """The number of texts by true and predicted label, of one label for each text."""
        if "confusion" not in scores:
            return None
        return Confusion(scores["confusion"], scores["labels"], unit="texts")

    def agreement(self, scores: Mapping[str, Any], predictions: Sequence[Any]) -> Agreement | None:
        """The gold and predicted numbers, if labels are numbers."""
        if self.has_answers:
            return None
        gold, predicted = zip(*predictions, strict=True)
        return Agreement(gold, predicted, scores["pearson"], scores["spearman"])


def train(
    config: ClassifierConfig,
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
    """Train a classifier, and save that of the best epoch on dev, see ``ClassifierConfig.choose_by``.

    Its scores, its predictions on dev and pictures are written to ``out`` too.

    ``train``, ``dev`` and ``test`` are anything that ``read_labelled`` accepts: files, hub data sets or data in memory.
    The other arguments, the result and the errors are those of ``tasks.training.train_task.train_task``.
    """
    task = Classification(config)
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


def train_command(config: ClassifierConfig, *, train: str, flags: TrainingFlags, quiet: bool = False) -> None:
    """Train a classifier of texts or pairs of texts, for any labels or for numbers.

    Args:
        config: Settings of the classifier.
        train: Labelled texts to learn from: TSV, CSV, JSON, Parquet, trees or a hub data set.
        flags: What is trained and scored.
        quiet: Show no progress.
    """
    train_and_print(Classification(config), config, train, flags, quiet)
