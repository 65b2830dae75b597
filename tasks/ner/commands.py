"""Scores and predictions of a saved tagger (``elmo-lite ner evaluate`` and ``predict``)."""

from __future__ import annotations

import logging
import time
from typing import Any

from elmo_lite.errors import require
from elmo_lite.outputs import format_of, open_output
from tasks.files import in_chunks, input_and_output
from tasks.ner.data import TaggedData, read_tagged
from tasks.ner.tagger import NerTagger
from tasks.ner.training import Ner
from tasks.saved_task.scores import scores_as_json, words_per_second
from tasks.tagging.output_formats import FORMATS, Format, format_predictions
from tasks.tagging.sentences import SentenceStream
from tasks.tagging.spans.conversion import FormName
from tasks.tagging.spans.predict import OffsetUnit, texts_to_tag
from tasks.tagging.tasks import warn_of_unseen
from tasks.training.judgement import evaluate_saved

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
    errors: str = "",
    encoder: str | None = None,
    device: str = "cpu",
) -> None:
    """Print the entity scores of a tagger on labelled sentences, as JSON.

    Args:
        directory: Tagger, as written by "elmo-lite ner train".
        file: Labelled sentences: a column file, JSON, Parquet or a data set of the hub; or texts with spans of
            characters from doccano, Label Studio, Prodigy, brat (a directory) or spaCy.
        errors: Directory to write the ten worst sentences to, as errors.html and errors.jsonl. Defaults to none.
        device: Device to run on: auto (a GPU if there is one), cpu, cuda, cuda:N or mps.

    Other Args:
        word_column: Column of the words in a column file, from 0. Detected by default.
        tag_column: Column of the tags, from 0; -1 for the last. Detected by default.
        encoder: Path or name of an encoder that is not kept with the tagger. Defaults to where it was in training.
    """
    tagger = NerTagger.from_pretrained(directory, device, encoder)
    more: dict[str, Any] = {"entity_type": tagger.config.entity_type, "tokenization": tagger.tokenization}
    labelled = read_tagged(file, word_column, tag_column, **more)
    warn_of_unseen(file, labelled, tagger.types)
    print(scores_as_json(directory, file, evaluate_saved(Ner(), tagger, labelled, directory, file, errors)))


def predict_command(
    directory: str,
    paths: list[str],
    *,
    probabilities: bool = False,
    min_score: float = 0.0,
    form: FormName = "auto",
    offsets: OffsetUnit = "auto",
    word_column: int | None = None,
    encoder: str | None = None,
    device: str = "cpu",
    overwrite: bool = False,
) -> None:
    """Find the named entities of sentences, or of whole texts for an annotation tool.

    Args:
        directory: Tagger, as written by "elmo-lite ner train".
        paths: INPUT, then optionally OUTPUT. INPUT is text with a sentence per line (- for standard input), JSONL or a
            column file. OUTPUT is text (.txt), JSONL with the other fields of INPUT (.jsonl), columns (.conll, .iob2,
            .tsv) or a table (.csv) by its suffix. Defaults to text on standard output. If INPUT is from doccano, Label
            Studio, Prodigy, brat or spaCy, OUTPUT (.jsonl, .json, a directory, .spacy) and standard output are so too.
        probabilities: Add the marginal probabilities of the tags.
        min_score: Probability in 0..1 of an entity with exactly its words and type; entities below it are left out.
        device: Device to run on: auto (a GPU if there is one), cpu, cuda, cuda:N or mps.
        overwrite: Replace OUTPUT if it exists.

    Other Args:
        form: Form of OUTPUT in JSON: that of INPUT (auto), doccano, spans (as Prodigy has them), label_studio, or plain
            for sentences with tokens, tags and entities.
        offsets: Unit of the offsets in such a form: code_points, utf16 (as doccano counts), or that of INPUT (auto).
        word_column: Column of the words in a column file, from 0. Detected by default.
        encoder: Path or name of an encoder that is not kept with the tagger. Defaults to where it was in training.
    """
    require(0 <= min_score <= 1, "min_score", "a probability in 0..1", min_score)
    if texts := texts_to_tag(paths, form, offsets, overwrite):
        texts.tag(NerTagger.from_pretrained(directory, device, encoder), probabilities, min_score)
        return
    source, output = input_and_output(paths, overwrite)
    kind = format_of(output, FORMATS)
    stream = SentenceStream(source, word_column)
    tagger = NerTagger.from_pretrained(directory, device, encoder)
    _predict(tagger, stream, output, kind, probabilities, min_score)


def _predict(
    tagger: NerTagger, stream: SentenceStream, output: str | None, kind: Format, probabilities: bool, min_score: float
) -> None:
    """Tag the sentences of a file, in chunks."""
    begun, num_sentences, num_words = time.perf_counter(), 0, 0
    with open_output(output) as file:
        for chunk in in_chunks(stream, lambda row: len(row[0])):
            tagged = tagger.tag((sentence for sentence, _ in chunk), min_score)
            others = [others for _, others in chunk]
            first = num_sentences + 1
            file.write(format_predictions(tagged, tagger.labels, kind, probabilities, first=first, others=others))
            num_sentences, num_words = num_sentences + len(tagged), num_words + sum(len(t.words) for t in tagged)
    speed = words_per_second(num_words, begun)
    log.info("%s sentences, %s words/s, encoder included", f"{num_sentences:,}", f"{speed:,.0f}")
