"""Scores and predictions of a saved classifier (``elmo-lite sentiment evaluate`` and ``predict``)."""

from __future__ import annotations

from elmo_lite.outputs import format_of
from tasks.classification.commands import evaluate, predict_file
from tasks.classification.output_formats import FORMATS
from tasks.files import input_and_output
from tasks.saved_task.scores import scores_as_json
from tasks.sentiment.classifier import SentimentClassifier

__all__ = ["evaluate", "evaluate_command", "predict_command"]


def evaluate_command(
    directory: str,
    file: str,
    *,
    text_column: str | None = None,
    label_column: str | None = None,
    encoder: str | None = None,
    device: str = "cpu",
) -> None:
    """Print accuracy, macro-F1 and the confusion matrix of a classifier on labelled texts, as JSON.

    Args:
        directory: Classifier, as written by "elmo-lite sentiment train".
        file: Labelled texts: trees, TSV, CSV, JSON, Parquet or a data set of the hub.
        device: Device to run on: auto (a GPU if there is one), cpu, cuda, cuda:N or mps.

    Other Args:
        text_column: Column of the text. Defaults to that of the training.
        label_column: Column of the label. Defaults to that of the training.
        encoder: Path or name of an encoder that is not kept with the classifier. Defaults to where it was in training.
    """
    classifier = SentimentClassifier.from_pretrained(directory, device=device, encoder=encoder)
    scores = classifier.evaluate(file, text_column=text_column, label_column=label_column)
    print(scores_as_json(directory, file, scores))


def predict_command(
    directory: str,
    paths: list[str],
    *,
    probabilities: bool = False,
    text_column: str | None = None,
    encoder: str | None = None,
    device: str = "cpu",
    overwrite: bool = False,
) -> None:
    """Classify texts.

    Args:
        directory: Classifier, as written by "elmo-lite sentiment train".
        paths: INPUT, then optionally OUTPUT. INPUT is a text per line (- for standard input), trees, .tsv, .csv, .jsonl
            or a data set of the hub; labels are not needed. A text without words gets an empty label. OUTPUT is text
            (.txt), JSONL (.jsonl) or a table (.tsv, .csv) by its suffix. Defaults to text on standard output.
        probabilities: Add the probability of every label.
        device: Device to run on: auto (a GPU if there is one), cpu, cuda, cuda:N or mps.
        overwrite: Replace OUTPUT if it exists.

    Other Args:
        text_column: Column of the text. Defaults to that of the training.
        encoder: Path or name of an encoder that is not kept with the classifier. Defaults to where it was in training.
    """
    source, output = input_and_output(paths, overwrite)
    format_of(output, FORMATS)  # before the work
    classifier = SentimentClassifier.from_pretrained(directory, device=device, encoder=encoder)
    predict_file(classifier, source, output, classifier.data_config(text_column), probabilities)
