"""Scores and predictions of a saved tagger (``elmo-lite ner evaluate`` and ``predict``)."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Sequence
from typing import Any

from tasks.files import input_and_output, write_output
from tasks.ner.data import TaggedData, read_tagged, unseen_types
from tasks.ner.output_formats import format_of, format_predictions, read_sentences
from tasks.ner.scoring import confusion_of, score_tags
from tasks.ner.tagger import NerTagger, Sentence, Tagged

log = logging.getLogger("elmo_lite")


def evaluate(tagger: NerTagger, data: TaggedData) -> dict[str, Any]:
    """Score a tagger on labelled sentences.

    Returns:
        The scores of ``score_tags``; "confusion", see ``confusion_of``; "sentences" and "words", the size of the data;
        "scheme" and "repaired", see ``TaggedData``; "unseen_types", the number of entities of each type that the tagger
        does not know, which count as errors; "words_per_second", the speed of prediction including the encoder.
    """
    gold = [sentence.tags for sentence in data.sentences]
    tagged, speed = _timed(tagger, [sentence.words for sentence in data.sentences])
    predicted = [found.decoded.tags for found in tagged]
    return {
        **score_tags(gold, predicted),
        "confusion": confusion_of(gold, predicted),
        "sentences": len(gold),
        "words": sum(map(len, gold)),
        "scheme": data.scheme,
        "repaired": data.repaired,
        "unseen_types": dict(unseen_types(data, tagger.types)),
        "words_per_second": speed,
    }


def _timed(tagger: NerTagger, sentences: Sequence[Sentence]) -> tuple[list[Tagged], float]:
    """The predictions, and the speed in words per second."""
    begun = time.perf_counter()
    tagged = tagger.tag(sentences)
    return tagged, sum(len(found.words) for found in tagged) / max(time.perf_counter() - begun, 1e-9)


def warn_of_unseen(name: str, data: TaggedData, known: Sequence[str]) -> None:
    """Warn of entities that cannot be found because their type is not in ``known``, the types of the training data."""
    unseen = unseen_types(data, known)
    if unseen:
        listed = ", ".join(f"{kind} ({count})" for kind, count in sorted(unseen.items()))
        log.warning("%s: types missing from the training data count as errors: %s", name, listed)


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
        file: Labelled sentences: a column file, JSONL or a data set of the hub.
        device: Device to run on: auto (a GPU if there is one), cpu, cuda, cuda:N or mps.

    Other Args:
        word_column: Column of the words in a column file, from 0. Detected by default.
        tag_column: Column of the tags, from 0; -1 for the last. Detected by default.
        encoder: Path or name of an encoder that is not kept with the tagger. Defaults to where it was in training.
    """
    tagger = NerTagger.from_pretrained(directory, device, encoder)
    labelled = read_tagged(file, word_column, tag_column)
    warn_of_unseen(file, labelled, tagger.types)
    print(json.dumps({"model": directory, "data": file, **evaluate(tagger, labelled)}, indent=2, ensure_ascii=False))


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
            column file. OUTPUT is JSONL, columns or text by its suffix. Defaults to text on standard output.
        probabilities: Add the marginal probabilities of the tags.
        device: Device to run on: auto (a GPU if there is one), cpu, cuda, cuda:N or mps.
        overwrite: Replace OUTPUT if it exists.

    Other Args:
        word_column: Column of the words in a column file, from 0. Detected by default.
        encoder: Path or name of an encoder that is not kept with the tagger. Defaults to where it was in training.
    """
    source, output = input_and_output(paths, overwrite)
    sentences = read_sentences(source, word_column)
    tagger = NerTagger.from_pretrained(directory, device, encoder)
    tagged, speed = _timed(tagger, sentences)
    kind = format_of(output) if output is not None else "text"
    write_output(output, format_predictions(tagged, tagger.labels, kind, probabilities))
    log.info("%s sentences, %s words/s, encoder included", f"{len(tagged):,}", f"{speed:,.0f}")
