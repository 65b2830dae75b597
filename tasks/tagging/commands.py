"""Scores and predictions of a saved tagger (``elmo-lite tag evaluate`` and ``predict``)."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from typing import Any

from elmo_lite import ConfigError
from elmo_lite.errors import require
from elmo_lite.files import STANDARD_STREAM
from elmo_lite.outputs import format_of
from elmo_lite.text import is_data_set_name
from tasks.files import input_and_output, write_output
from tasks.saved_task.scores import scores_as_json, words_per_second
from tasks.tagging.conllu import LABELS, WORDS, Block, column_of, names_of_columns, read_conllu
from tasks.tagging.data import TaggedData
from tasks.tagging.output_formats import FORMATS, TAG_FORMATS, format_predictions
from tasks.tagging.predicates import read_predicates
from tasks.tagging.prediction import Sentence
from tasks.tagging.readers import number_of
from tasks.tagging.sentences import Column, read_sentences
from tasks.tagging.spans.conversion import FormName
from tasks.tagging.spans.predict import OffsetUnit, texts_to_tag
from tasks.tagging.tagger import Tagger
from tasks.tagging.tasks import warn_of_unseen
from tasks.tagging.training import TagSpans, TagWords
from tasks.training.judgement import evaluate_saved

log = logging.getLogger("elmo_lite")


def evaluate(tagger: Tagger, data: TaggedData) -> dict[str, Any]:
    """Score a tagger on labelled sentences, see ``Tagger.evaluate``."""
    return tagger.evaluate(data)


def evaluate_command(
    directory: str,
    file: str,
    *,
    column: int | str | None = None,
    word_column: int | str | None = None,
    predicate_column: int | str | None = None,
    errors: str = "",
    encoder: str | None = None,
    device: str = "cpu",
) -> None:
    """Print the scores of a tagger on labelled sentences, as JSON.

    Args:
        directory: Tagger, as written by "elmo-lite tag train".
        file: Labelled sentences: CoNLL-U, a column file, JSON, Parquet or a data set of the hub; or texts with spans of
            characters from doccano, Label Studio, Prodigy, brat (a directory) or spaCy.
        column: Column of the labels, by name or number. Defaults to that of the training.
        errors: Directory to write the ten worst sentences to, as errors.html and errors.jsonl. Defaults to none.
        device: Device to run on: auto (a GPU if there is one), cpu, cuda, cuda:N or mps.

    Other Args:
        word_column: Column of the words, by name or number. Defaults to that of the training.
        predicate_column: Column or field that marks predicates. Defaults to that of the training.
        encoder: Path or name of an encoder that is not kept with the tagger. Defaults to where it was in training.
    """
    tagger = Tagger.from_pretrained(directory, device, encoder)
    labelled = tagger.read(file, column, word_column, predicate_column)
    warn_of_unseen(file, labelled, tagger.types)
    task = TagSpans() if tagger.has_spans else TagWords()
    print(scores_as_json(directory, file, evaluate_saved(task, tagger, labelled, directory, file, errors)))


def predict_command(
    directory: str,
    paths: list[str],
    *,
    probabilities: bool = False,
    column: int | str | None = None,
    word_column: int | str | None = None,
    predicate_column: int | str | None = None,
    form: FormName = "auto",
    offsets: OffsetUnit = "auto",
    encoder: str | None = None,
    device: str = "cpu",
    overwrite: bool = False,
) -> None:
    """Find the labels of the words of sentences.

    Args:
        directory: Tagger, as written by "elmo-lite tag train".
        paths: INPUT, then optionally OUTPUT. INPUT is text with a sentence per line (- for standard input), JSONL,
            CoNLL-U or a column file. OUTPUT is text (.txt), JSONL (.jsonl), columns (.conll, .iob2, .tsv), a table
            (.csv) or, if INPUT is CoNLL-U, the same with a column filled (.conllu, .conllup), by its suffix. Defaults
            to CoNLL-U if INPUT is, otherwise to text, on standard output. A tagger of spans reads and writes the forms
            of annotation tools too, see "elmo-lite ner predict".
        probabilities: Add the marginal probabilities of the labels.
        device: Device to run on: auto (a GPU if there is one), cpu, cuda, cuda:N or mps.
        overwrite: Replace OUTPUT if it exists.

    Other Args:
        column: Column of CoNLL-U to fill, by name or number. Defaults to that of the training.
        word_column: Column of the words, by name or number. Defaults to that of the training.
        predicate_column: Column or field that marks predicates. Defaults to that of the training.
        form: Form of OUTPUT in JSON: that of INPUT (auto), doccano, spans, label_studio or plain.
        offsets: Unit of the offsets in such a form: code_points, utf16, or that of INPUT (auto).
        encoder: Path or name of an encoder that is not kept with the tagger. Defaults to where it was in training.
    """
    columns = column, word_column, predicate_column
    texts = texts_to_tag(paths, form, offsets, overwrite) if columns == (None, None, None) else None
    if texts is not None:
        tagger = Tagger.from_pretrained(directory, device, encoder)
        if tagger.has_spans and not tagger.reads_predicates:
            texts.tag(tagger, probabilities)
            return
    require(form in ("auto", "plain"), "form", "auto or plain where labels are not spans of a text", form)
    _predict_sentences(directory, paths, columns, probabilities, encoder, device, overwrite)


def _predict_sentences(
    directory: str,
    paths: list[str],
    columns: tuple[Column, Column, Column],
    probabilities: bool,
    encoder: str | None,
    device: str,
    overwrite: bool,
) -> None:
    """Tag sentences, one a line, record or block of rows."""
    source, output = input_and_output(paths, overwrite)
    format_of(output, TAG_FORMATS)
    names = None if source == STANDARD_STREAM or is_data_set_name(source) else names_of_columns(source)
    kind = "conllu" if output is None and names is not None else format_of(output, TAG_FORMATS)
    if kind == "conllu" and names is None:
        raise ConfigError(f"{output}: expected CoNLL-U as INPUT, to fill a column of, found {source}")
    tagger = Tagger.from_pretrained(directory, device, encoder)
    column, word_column, predicate_column = tagger.columns(*columns)
    blocks: list[Block] = []
    filled = column_of(names, column, LABELS, "column", source) if kind == "conllu" and names is not None else 0
    sentences: Sequence[Sentence]
    if tagger.reads_predicates:
        kind = format_of(output, FORMATS)
        sentences = read_predicates(source, word_column, predicate_column)
    elif names is None:
        sentences = read_sentences(source, number_of(word_column, "word_column", source))
    else:
        blocks = read_conllu(source, names, column_of(names, word_column, WORDS, "word_column", source))
        sentences = [block.words for block in blocks]
    begun = time.perf_counter()
    tagged = tagger.tag(sentences, probabilities=probabilities)
    speed = words_per_second(sum(len(found.words) for found in tagged), begun)
    if kind == "conllu":
        text = "".join(block.text(filled, found.tags) for block, found in zip(blocks, tagged, strict=True))
    else:
        text = format_predictions(tagged, tagger.labels, kind, probabilities)
    write_output(output, text)
    log.info("%s sentences, %s words/s, encoder included", f"{len(tagged):,}", f"{speed:,.0f}")
