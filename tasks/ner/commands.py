"""Scores and predictions of a saved tagger (``elmo-lite ner evaluate`` and ``predict``)."""

from __future__ import annotations

import logging
import time
from typing import Any

from elmo_lite.outputs import format_of
from tasks.files import input_and_output, write_output
from tasks.ner.data import TaggedData, read_tagged
from tasks.ner.tagger import NerTagger
from tasks.saved_task.scores import scores_as_json, words_per_second
from tasks.tagging.output_formats import FORMATS, format_predictions
from tasks.tagging.sentences import read_sentences
from tasks.tagging.tasks import warn_of_unseen

log = logging.getLogger("elmo_lite")


def evaluate(tagger: NerTagger, data: TaggedData) -> dict[str, Any]:
    """Score a tagger on labelled sentences, see ``NerTagger.evaluate``."""
    return tagger.evaluate(data)


def evaluate_command(
    directory: str,
    file: str,
    *,
    word_column: int | None = None,
    tag_column: int | None = None,
    encoder: str | None = None,
    device: str = "cpu",
) -> None:
    """Print the entity scores of a tagger on labelled sentences, as JSON.

    Args:
        directory: Tagger, as written by "elmo-lite ner train".
        file: Labelled sentences: a column file, JSON, Parquet or a data set of the hub.
        device: Device to run on: auto (a GPU if there is one), cpu, cuda, cuda:N or mps.

    Other Args:
        word_column: Column of the words in a column file, from 0. Detected by default.
        tag_column: Column of the tags, from 0; -1 for the last. Detected by default.
        encoder: Path or name of an encoder that is not kept with the tagger. Defaults to where it was in training.
    """
    tagger = NerTagger.from_pretrained(directory, device, encoder)
    labelled = read_tagged(file, word_column, tag_column, entity_type=tagger.config.entity_type)
    warn_of_unseen(file, labelled, tagger.types)
    print(scores_as_json(directory, file, tagger.evaluate(labelled)))


def predict_command(
    directory: str,
    paths: list[str],
    *,
    probabilities: bool = False,
    word_column: int | None = None,
    encoder: str | None = None,
    device: str = "cpu",
    overwrite: bool = False,
) -> None:
    """Find the named entities of sentences.

    Args:
        directory: Tagger, as written by "elmo-lite ner train".
        paths: INPUT, then optionally OUTPUT. INPUT is text with a sentence per line (- for standard input), JSONL or a
            column file. OUTPUT is text (.txt), JSONL (.jsonl), columns (.conll, .iob2, .tsv) or a table (.csv) by its
            suffix. Defaults to text on standard output.
        probabilities: Add the marginal probabilities of the tags.
        device: Device to run on: auto (a GPU if there is one), cpu, cuda, cuda:N or mps.
        overwrite: Replace OUTPUT if it exists.

    Other Args:
        word_column: Column of the words in a column file, from 0. Detected by default.
        encoder: Path or name of an encoder that is not kept with the tagger. Defaults to where it was in training.
    """
    source, output = input_and_output(paths, overwrite)
    kind = format_of(output, FORMATS)
    sentences = read_sentences(source, word_column)
    tagger = NerTagger.from_pretrained(directory, device, encoder)
    begun = time.perf_counter()
    tagged = tagger.tag(sentences)
    speed = words_per_second(sum(len(found.words) for found in tagged), begun)
    write_output(output, format_predictions(tagged, tagger.labels, kind, probabilities))
    log.info("%s sentences, %s words/s, encoder included", f"{len(tagged):,}", f"{speed:,.0f}")
