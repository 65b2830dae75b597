"""Scores and predictions of a saved classifier (``elmo-lite classify evaluate`` and ``predict``)."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from itertools import tee
from typing import Any

from elmo_lite.hardware import Precision
from elmo_lite.outputs import format_of, open_output
from tasks.classification.classifier import Classifier
from tasks.classification.data import iter_texts, read_labelled
from tasks.classification.output_formats import FORMATS, Format, Formatter
from tasks.classification.prediction import check_min_score, sure
from tasks.classification.readers import DataConfig, LabelledText
from tasks.classification.training import Classification
from tasks.files import input_and_output
from tasks.saved_task.scores import scores_as_json, words_per_second
from tasks.training.judgement import evaluate_saved

log = logging.getLogger("elmo_lite")


def evaluate(classifier: Classifier, examples: Sequence[LabelledText]) -> dict[str, Any]:
    """Score a classifier on labelled texts, see ``Classifier.evaluate``."""
    return classifier.evaluate(examples)


def evaluated(
    task: Classification, classifier: Classifier, data: DataConfig, file: str, directory: str, errors: str
) -> dict[str, Any]:
    """The scores that a command prints, see ``evaluate_saved``; ``data`` has the settings for reading."""
    labelled = read_labelled(file, data, classifier.tokenization.words)
    classifier.config.labels_as.check(labelled, classifier.labels)
    return evaluate_saved(task, classifier, labelled, directory, file, errors)


def predict_file(
    classifier: Classifier,
    source: str,
    output: str | None,
    data: DataConfig,
    probabilities: bool = False,
    min_score: float = 0.0,
    format: Format | None = None,
) -> None:
    """Classify the texts of a source and write them to OUTPUT, in order, in bounded memory.

    Args:
        classifier: The classifier.
        source: INPUT, see ``iter_texts``.
        output: OUTPUT; None for standard output.
        data: Settings for reading.
        probabilities: Add the probability of every label.
        min_score: Probability below which a label is left empty.
        format: Format of OUTPUT. Defaults to that of its suffix, and to text on standard output.

    Raises:
        CorpusError: The source cannot be read. A file is not written then.
    """
    formatter = Formatter(format or format_of(output, FORMATS), probabilities, data.columns().separator)
    texts, again = tee(iter_texts(source, data, classifier.tokenization.words))
    begun, number, num_words = time.perf_counter(), 0, 0
    with open_output(output) as file:
        for text, prediction in zip(texts, sure(classifier.predictions_of(again), min_score), strict=True):
            if number == 0:
                file.write(formatter.header(text, prediction))
            file.write(formatter.line(text, prediction))
            number, num_words = number + 1, num_words + len(text.words)
    speed = words_per_second(num_words, begun)
    log.info("%s texts, %s words/s, encoder included", f"{number:,}", f"{speed:,.0f}")


def evaluate_command(
    directory: str,
    file: str,
    *,
    text_column: str | None = None,
    text_pair_column: str | None = None,
    label_column: str | None = None,
    errors: str = "",
    encoder: str | None = None,
    device: str = "cpu",
    precision: Precision = "float32",
) -> None:
    """Print the scores of a classifier on labelled texts, as JSON.

    Args:
        directory: Classifier, as written by "elmo-lite classify train".
        file: Labelled texts: TSV, CSV, JSON, Parquet, trees or a Hugging Face data set.
        errors: Directory to write the ten worst texts to, as errors.html and errors.jsonl. Defaults to none.
        device: Device to run on: auto (a GPU if there is one), cpu, cuda, cuda:N or mps.
        precision: Precision of the computation: float32; bfloat16, which is faster on hardware that has it and changes
            probabilities in the third digit; or auto, bfloat16 on such hardware.

    Other Args:
        text_column: Column of the text, or of the first text of a pair. Defaults to that of the training.
        text_pair_column: Column of the second text of a pair. Defaults to that of the training.
        label_column: Column of the label. Defaults to that of the training.
        encoder: Path or name of an encoder that is not kept with the classifier. Defaults to where it was in training.
    """
    classifier = Classifier.from_pretrained(directory, device, encoder, precision)
    data = classifier.data_config(text_column, label_column, text_pair_column)
    scores = evaluated(Classification(classifier.config), classifier, data, file, directory, errors)
    print(scores_as_json(directory, file, scores))


def predict_command(
    directory: str,
    paths: list[str],
    *,
    probabilities: bool = False,
    min_score: float = 0.0,
    format: Format | None = None,
    text_column: str | None = None,
    text_pair_column: str | None = None,
    encoder: str | None = None,
    device: str = "cpu",
    precision: Precision = "float32",
    overwrite: bool = False,
) -> None:
    """Classify texts or pairs of texts.

    Args:
        directory: Classifier, as written by "elmo-lite classify train".
        paths: INPUT, then optionally OUTPUT. INPUT is a text per line (the two of a pair are separated by a TAB) or
            JSON (either is read from standard input too: -), .tsv, .csv, trees or a Hugging Face data set; labels are
            not needed. A text without words gets an empty label. OUTPUT is text (.txt), JSONL with all fields of the
            input (.jsonl) or a table (.tsv, .csv) by its suffix. Defaults to text on standard output.
        probabilities: Add the probability of every label.
        min_score: Probability in 0..1; a label below it is left empty, its score is written.
        format: Format of the output: text, jsonl, tsv or csv. Defaults to that of the suffix.
        device: Device to run on: auto (a GPU if there is one), cpu, cuda, cuda:N or mps.
        precision: Precision of the computation: float32; bfloat16, which is faster on hardware that has it and changes
            probabilities in the third digit; or auto, bfloat16 on such hardware.
        overwrite: Replace OUTPUT if it exists.

    Other Args:
        text_column: Column of the text, or of the first text of a pair. Defaults to that of the training.
        text_pair_column: Column of the second text of a pair. Defaults to that of the training.
        encoder: Path or name of an encoder that is not kept with the classifier. Defaults to where it was in training.
    """
    source, output = input_and_output(paths, overwrite)
    kind = format or format_of(output, FORMATS)  # before the work
    classifier = Classifier.from_pretrained(directory, device, encoder, precision)
    data = classifier.data_config(text_column, None, text_pair_column)
    check_min_score(min_score, data.columns().kind)
    predict_file(classifier, source, output, data, probabilities, min_score, kind)
