"""Scores and predictions of a saved classifier (``elmo-lite sentiment evaluate`` and ``predict``)."""

from __future__ import annotations

from elmo_lite.errors import require
from elmo_lite.hardware import Precision
from elmo_lite.outputs import format_of
from tasks.classification.commands import evaluate, evaluated, predict_file
from tasks.classification.output_formats import FORMATS, Format
from tasks.files import input_and_output
from tasks.saved_task.scores import scores_as_json
from tasks.sentiment.classifier import SentimentClassifier
from tasks.sentiment.training import Sentiment

__all__ = ["evaluate", "evaluate_command", "predict_command"]


def evaluate_command(
    directory: str,
    file: str,
    *,
    text_column: str | None = None,
    label_column: str | None = None,
    errors: str = "",
    encoder: str | None = None,
    device: str = "cpu",
    precision: Precision = "float32",
) -> None:
    """Print accuracy, macro-F1 and the confusion matrix of a classifier on labelled texts, as JSON.

    Args:
        directory: Classifier, as written by "elmo-lite sentiment train".
        file: Labelled texts: trees, TSV, CSV, JSON, Parquet or a Hugging Face data set.
        errors: Directory to write the ten worst texts to, as errors.html and errors.jsonl. Defaults to none.
        device: Device to run on: auto (a GPU if there is one), cpu, cuda, cuda:N or mps.
        precision: Precision of the computation: float32; bfloat16, which is faster on hardware that has it and changes
            probabilities in the third digit; or auto, bfloat16 on such hardware.

    Other Args:
        text_column: Column of the text. Defaults to that of the training.
        label_column: Column of the label. Defaults to that of the training.
        encoder: Path or name of an encoder that is not kept with the classifier. Defaults to where it was in training.
    """
    classifier = SentimentClassifier.from_pretrained(directory, device, encoder, precision)
    columns = classifier.data_config(text_column, label_column)
    scores = evaluated(Sentiment(classifier.config), classifier, columns, file, directory, errors)
    print(scores_as_json(directory, file, scores))


def predict_command(
    directory: str,
    paths: list[str],
    *,
    probabilities: bool = False,
    min_score: float = 0.0,
    format: Format | None = None,
    text_column: str | None = None,
    encoder: str | None = None,
    device: str = "cpu",
    precision: Precision = "float32",
    overwrite: bool = False,
) -> None:
    """Classify texts.

    Args:
        directory: Classifier, as written by "elmo-lite sentiment train".
        paths: INPUT, then optionally OUTPUT. INPUT is a text per line or JSON (either is read from standard input too:
            -), trees, .tsv, .csv or a Hugging Face data set; labels are not needed. A text without words gets an empty
            label. OUTPUT is text (.txt), JSONL (.jsonl) or a table (.tsv, .csv) by its suffix. Defaults to text on
            standard output.
        probabilities: Add the probability of every label.
        min_score: Probability in 0..1; a label below it is left empty, its score is written.
        format: Format of the output: text, jsonl, tsv or csv. Defaults to that of the suffix.
        device: Device to run on: auto (a GPU if there is one), cpu, cuda, cuda:N or mps.
        precision: Precision of the computation: float32; bfloat16, which is faster on hardware that has it and changes
            probabilities in the third digit; or auto, bfloat16 on such hardware.
        overwrite: Replace OUTPUT if it exists.

    Other Args:
        text_column: Column of the text. Defaults to that of the training.
        encoder: Path or name of an encoder that is not kept with the classifier. Defaults to where it was in training.
    """
    require(0 <= min_score <= 1, "min_score", "a probability in 0..1", min_score)
    source, output = input_and_output(paths, overwrite)
    kind = format or format_of(output, FORMATS)  # before the work
    classifier = SentimentClassifier.from_pretrained(directory, device, encoder, precision)
    data = classifier.data_config(text_column)
    predict_file(classifier, source, output, data, probabilities, min_score, kind)
