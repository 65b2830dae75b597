"""Scores and predictions of a saved classifier (``elmo-lite sentiment evaluate`` and ``predict``)."""

from __future__ import annotations

import dataclasses
import json
import logging
import time
from collections.abc import Sequence
from typing import Any

from tasks.files import input_and_output, write_output
from tasks.sentiment.classifier import Prediction, SentimentClassifier
from tasks.sentiment.data import DataConfig, LabelledText, check_labels, read_labelled, read_texts
from tasks.sentiment.output_formats import format_of, format_predictions
from tasks.sentiment.scoring import report

log = logging.getLogger("elmo_lite")


def evaluate(classifier: SentimentClassifier, examples: Sequence[LabelledText]) -> dict[str, Any]:
    """Score a classifier on labelled texts.

    Returns:
        The scores of ``scoring.report``, and "words_per_second", the speed of prediction including the encoder.

    Raises:
        CorpusError: The classifier does not have one of the labels.
    """
    check_labels(examples, classifier.labels)
    predictions, speed = _timed(classifier, examples)
    found = report([example.label for example in examples], [p.label for p in predictions], classifier.labels)
    return {**found, "words_per_second": speed}


def _timed(classifier: SentimentClassifier, examples: Sequence[LabelledText]) -> tuple[list[Prediction], float]:
    """The predictions, and the speed in words per second."""
    begun = time.perf_counter()
    predictions = classifier.predict([example.words for example in examples])
    return predictions, sum(len(example.words) for example in examples) / (time.perf_counter() - begun)


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
        file: Labelled texts: trees, .tsv, .csv, .jsonl, or a data set of the hub.
        device: Device to run on: auto (a GPU if there is one), cpu, cuda, cuda:N or mps.

    Other Args:
        text_column: Column of the text. Defaults to that of the training.
        label_column: Column of the label. Defaults to that of the training.
        encoder: Path or name of an encoder that is not kept with the classifier. Defaults to where it was in training.
    """
    classifier = SentimentClassifier.from_pretrained(directory, device=device, encoder=encoder)
    data = _with_columns(classifier.config.data, text_column, label_column)
    examples = read_labelled(file, data, classifier.tokenization.words)
    found = {"model": directory, "data": file, **evaluate(classifier, examples)}
    print(json.dumps(found, indent=2, ensure_ascii=False))


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
            or a data set of the hub; labels are not needed. OUTPUT is JSONL, a table or text by its suffix. Defaults to
            text on standard output.
        probabilities: Add the probability of every label.
        device: Device to run on: auto (a GPU if there is one), cpu, cuda, cuda:N or mps.
        overwrite: Replace OUTPUT if it exists.

    Other Args:
        text_column: Column of the text. Defaults to that of the training.
        encoder: Path or name of an encoder that is not kept with the classifier. Defaults to where it was in training.
    """
    source, output = input_and_output(paths, overwrite)
    classifier = SentimentClassifier.from_pretrained(directory, device=device, encoder=encoder)
    data = _with_columns(classifier.config.data, text_column, None)
    texts = read_texts(source, data, classifier.tokenization.words)
    predictions, speed = _timed(classifier, texts)
    write_output(output, format_predictions(texts, predictions, format_of(output or ""), probabilities))
    log.info("%s texts, %s words/s, encoder included", f"{len(texts):,}", f"{speed:,.0f}")


def _with_columns(data: DataConfig, text: str | None, label: str | None) -> DataConfig:
    """The settings of training, with the columns replaced by those that are given."""
    return dataclasses.replace(data, text_column=text or data.text_column, label_column=label or data.label_column)
