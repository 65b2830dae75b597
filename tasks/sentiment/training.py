"""Training of a sentiment classifier, with one seed or several (``elmo-lite sentiment train``)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tasks.inputs.encoders import Encoder
from tasks.sentiment.classifier import SentimentClassifier, new_classifier
from tasks.sentiment.config import SentimentConfig
from tasks.sentiment.data import LabelledSource, check_labels, label_set, read_labelled
from tasks.sentiment.prediction import Prediction
from tasks.sentiment.readers import LabelledText
from tasks.sentiment.scoring import score_labels
from tasks.training.confusion import Confusion
from tasks.training.summary import print_scores
from tasks.training.task import Target, Task
from tasks.training.train_task import train_task


class Sentiment(Task[SentimentConfig, list[LabelledText], LabelledText, SentimentClassifier]):
    """Sentiment classification, with one label for each text."""

    kind = "sentiment"
    packages = ("sklearn",)
    headline = {"accuracy": "accuracy", "macro-F1": "macro_f1"}
    card_scores = ("accuracy", "macro_f1", "sentences")

    def read(
        self, source: Any, part: str, config: SentimentConfig, split_words: Callable[[str], list[str]]
    ) -> list[LabelledText]:
        """Read labelled texts. Phrases of trees are only added to the training data."""
        return read_labelled(source, config.data, split_words, training=part == "train", name=part)

    def examples(self, data: list[LabelledText]) -> list[LabelledText]:
        """The labelled texts."""
        return data

    def subset(self, data: list[LabelledText], indices: Sequence[int]) -> list[LabelledText]:
        """Some of the labelled texts."""
        return [data[index] for index in indices]

    def classes(self, train: list[LabelledText], name: str) -> list[str]:
        """All labels of the training data, see ``label_set``."""
        return label_set(train)

    def check(self, data: list[LabelledText], name: str, classes: Sequence[str]) -> None:
        """Check that every label is in the training data, see ``check_labels``."""
        check_labels(data, classes)

    def new_model(
        self,
        config: SentimentConfig,
        classes: Sequence[str],
        elmo: Encoder | None,
        train: Iterable[Sequence[str]],
        others: Iterable[Sequence[str]],
    ) -> SentimentClassifier:
        """An untrained classifier."""
        return new_classifier(config, classes, elmo, train, others)

    def load(self, directory: Path, device: str) -> SentimentClassifier:
        """A saved classifier."""
        return SentimentClassifier.from_pretrained(directory, device)

    def target(self, example: LabelledText) -> Target:
        """The label of a text."""
        return example.label

    def score(self, gold: list[Target], predicted: list[Any], labels: Sequence[str]) -> dict[str, float]:
        """Accuracy (also "main") and macro-F1, in percent."""
        return score_labels([str(label) for label in gold], predicted, labels)

    def evaluate(self, model: SentimentClassifier, data: list[LabelledText]) -> tuple[dict[str, Any], list[Prediction]]:
        """All scores of a classifier, see ``SentimentClassifier.evaluate``, and its predictions."""
        return model.judge(data)

    def answer(self, example: LabelledText, prediction: Prediction, labels: Sequence[str]) -> dict[str, Any]:
        """The labels with their probabilities."""
        return {
            "line": example.line,
            "gold": [example.label, prediction.probabilities.get(example.label, 0.0)],
            "predicted": [prediction.label, prediction.score],
        }

    def confusion(self, scores: Mapping[str, Any]) -> Confusion:
        """The number of texts by true and predicted label."""
        return Confusion(scores["confusion"], scores["labels"], unit="texts")


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
    return train_task(
        Sentiment(),
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
    facts = train_task(
        Sentiment(),
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
    print_scores(Sentiment(), facts, out, seeds)
