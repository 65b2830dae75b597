"""Scores and labels of a saved classifier (``elmo-lite sentiment evaluate`` and ``predict``)."""

from __future__ import annotations

import dataclasses
import json
import logging
import time
from collections.abc import Sequence
from typing import Any, Literal

from tasks.files import input_and_output, write_output
from tasks.sentiment.classifier import Prediction, SentimentClassifier
from tasks.sentiment.data import DataConfig, LabelledText, check_labels, read_labelled, read_texts
from tasks.sentiment.output_formats import format_of, format_predictions
from tasks.sentiment.scoring import report

log = logging.getLogger("elmo_lite")


def evaluate(classifier: SentimentClassifier, examples: Sequence[LabelledText]) -> dict[str, Any]:
    """Score a classifier, encoder included in the time.

    Returns:
        What ``scoring.report`` gives, and "words_per_second".

    Raises:
        CorpusError: a label that the classifier does not know.
    """
    check_labels(examples, classifier.labels)
    predictions, speed = _timed(classifier, examples)
    found = report([example.label for example in examples], [p.label for p in predictions], classifier.labels)
    return {**found, "words_per_second": speed}


def _timed(classifier: SentimentClassifier, examples: Sequence[LabelledText]) -> tuple[list[Prediction], float]:
    """Predictions, and words a second."""
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
    device: Literal["cpu", "cuda"] = "cpu",
) -> None:
    """Score a classifier on labelled texts: accuracy, macro-F1, confusion matrix, as JSON.

    Args:
        directory: What "elmo-lite sentiment train" wrote.
        file: Labelled texts: trees, .tsv, .csv, .jsonl, or a hub data set.
        text_column: Column of the text; as in training where not given.
        label_column: Column of the label; as in training where not given.
        encoder: Where an encoder that is not inside lies now.
        device: Where to run.
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
    device: Literal["cpu", "cuda"] = "cpu",
    overwrite: bool = False,
) -> None:
    """Label texts.

    Args:
        directory: What "elmo-lite sentiment train" wrote.
        paths: INPUT [OUTPUT]. INPUT is a text a line (- for standard input), trees, .tsv, .csv, .jsonl or a hub data
            set; labels are not needed. OUTPUT is JSONL, a table or lines of text by its name, and lines on standard
            output where it is not given.
        probabilities: Add the probability of every label.
        text_column: Column of the text; as in training where not given.
        encoder: Where an encoder that is not inside lies now.
        device: Where to run.
        overwrite: Replace OUTPUT if it is there.
    """
    source, output = input_and_output(paths, overwrite)
    classifier = SentimentClassifier.from_pretrained(directory, device=device, encoder=encoder)
    data = _with_columns(classifier.config.data, text_column, None)
    texts = read_texts(source, data, classifier.tokenization.words)
    predictions, speed = _timed(classifier, texts)
    write_output(output, format_predictions(texts, predictions, format_of(output or ""), probabilities))
    log.info("%s texts, %s words/s, encoder included", f"{len(texts):,}", f"{speed:,.0f}")


def _with_columns(data: DataConfig, text: str | None, label: str | None) -> DataConfig:
    """The training's settings with other columns, where given."""
    return dataclasses.replace(data, text_column=text or data.text_column, label_column=label or data.label_column)
