"""Scores and predictions of a saved tagger (``elmo-lite tag evaluate`` and ``predict``)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, cast

from elmo_lite import ConfigError
from elmo_lite.errors import require
from elmo_lite.files import STANDARD_STREAM
from elmo_lite.hardware import Precision
from elmo_lite.outputs import format_of
from elmo_lite.text import is_data_set_name
from tasks.files import input_and_output
from tasks.saved_task.scores import scores_as_json
from tasks.tagging.bulk import TextOf, predict_rows, text_in
from tasks.tagging.conllu import LABELS, WORDS, Block, blocks_to_tag, column_of, names_of_columns
from tasks.tagging.data import TaggedData
from tasks.tagging.output_formats import FORMATS, TAG_FORMATS, Format, TagFormat
from tasks.tagging.predicates import predicates_to_tag
from tasks.tagging.prediction import Sentence, Tagged
from tasks.tagging.readers import number_of
from tasks.tagging.sentences import Column, SentenceStream
from tasks.tagging.spans.conversion import TOOL_FORMATS, ToolFormat
from tasks.tagging.spans.predict import OffsetUnit, texts_to_tag
from tasks.tagging.tagger import Tagger
from tasks.tagging.tasks import warn_of_unseen
from tasks.tagging.training import TagSpans, TagWords
from tasks.training.judgement import evaluate_saved


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
    precision: Precision = "float32",
) -> None:
    """Print the scores of a tagger on labelled sentences, as JSON.

    Args:
        directory: Tagger, as written by "elmo-lite tag train".
        file: Labelled sentences: CoNLL-U, a column file, JSON, Parquet or a Hugging Face data set; or texts with spans
            of characters from doccano, Label Studio, Prodigy, brat (a directory) or spaCy.
        column: Column of the labels, by name or number. Defaults to that of the training.
        errors: Directory to write the ten worst sentences to, as errors.html and errors.jsonl. Defaults to none.
        device: Device to run on: auto (a GPU if there is one), cpu, cuda, cuda:N or mps.
        precision: Precision of the computation: float32; bfloat16, which is faster on hardware that has it and changes
            probabilities in the third digit; or auto, bfloat16 on such hardware.

    Other Args:
        word_column: Column of the words, by name or number. Defaults to that of the training.
        predicate_column: Column or field that marks predicates. Defaults to that of the training.
        encoder: Path or name of an encoder that is not kept with the tagger. Defaults to where it was in training.
    """
    tagger = Tagger.from_pretrained(directory, device, encoder, precision)
    labelled = tagger.read(file, column, word_column, predicate_column)
    warn_of_unseen(file, labelled, tagger.types)
    task = TagSpans() if tagger.has_spans else TagWords()
    print(scores_as_json(directory, file, evaluate_saved(task, tagger, labelled, directory, file, errors)))


def predict_command(
    directory: str,
    paths: list[str],
    *,
    probabilities: bool = False,
    min_score: float = 0.0,
    format: TagFormat | ToolFormat | None = None,
    column: int | str | None = None,
    word_column: int | str | None = None,
    predicate_column: int | str | None = None,
    offsets: OffsetUnit = "auto",
    encoder: str | None = None,
    device: str = "cpu",
    precision: Precision = "float32",
    overwrite: bool = False,
) -> None:
    """Find the labels of the words of sentences.

    Args:
        directory: Tagger, as written by "elmo-lite tag train".
        paths: INPUT, then optionally OUTPUT. INPUT is text with a sentence per line, JSON, CoNLL-U or a column file
            (any of these on standard input too, where CoNLL-U is columns like others: -). OUTPUT is text (.txt), JSONL
            with the other fields of INPUT (.jsonl), columns (.conll, .iob2, .tsv), a table (.csv) or, if INPUT is
            CoNLL-U, the same with a column filled (.conllu, .conllup), by its suffix. Defaults to CoNLL-U if INPUT is,
            otherwise to text, on standard output. A tagger of spans reads and writes the forms of annotation tools too,
            see "elmo-lite ner predict".
        probabilities: Add the marginal probabilities of the labels.
        min_score: Probability in 0..1 of a span with exactly its words and type; spans below it are left out. Labels of
            words have none.
        format: Format of the output: text, jsonl, columns, csv or conllu; of spans also doccano, spans or label_studio,
            for whole texts. Defaults to that of INPUT, if it is from such a tool, or of the suffix.
        device: Device to run on: auto (a GPU if there is one), cpu, cuda, cuda:N or mps.
        precision: Precision of the computation: float32; bfloat16, which is faster on hardware that has it and changes
            probabilities in the third digit; or auto, bfloat16 on such hardware.
        overwrite: Replace OUTPUT if it exists.

    Other Args:
        column: Column of CoNLL-U to fill, by name or number. Defaults to that of the training.
        word_column: Column of the words, by name or number. Defaults to that of the training.
        predicate_column: Column or field that marks predicates. Defaults to that of the training.
        offsets: Unit of the offsets for such a tool: code_points, utf16 (as doccano counts), or that of INPUT (auto).
        encoder: Path or name of an encoder that is not kept with the tagger. Defaults to where it was in training.
    """
    require(0 <= min_score <= 1, "min_score", "a probability in 0..1", min_score)
    load = partial(Tagger.from_pretrained, directory, device, encoder, precision)
    columns = column, word_column, predicate_column
    texts = texts_to_tag(paths, format, offsets, overwrite) if columns == (None, None, None) else None
    if texts is not None and (tagger := load()).has_spans and not tagger.reads_predicates:
        texts.tag(tagger, probabilities, min_score)
        return
    expected = f"none of {', '.join(TOOL_FORMATS)} where labels are not spans of a text"
    require(format not in TOOL_FORMATS, "format", expected, format)
    _predict_sentences(load, paths, columns, cast(TagFormat | None, format), min_score, probabilities, overwrite)


def _predict_sentences(
    load: Callable[[], Tagger],
    paths: list[str],
    columns: tuple[Column, Column, Column],
    format: TagFormat | None,
    min_score: float,
    probabilities: bool,
    overwrite: bool,
) -> None:
    """Tag sentences, one a line, record or block of rows."""
    source, output = input_and_output(paths, overwrite)
    names = None if source == STANDARD_STREAM or is_data_set_name(source) else names_of_columns(source)
    kind = format or ("conllu" if output is None and names is not None else format_of(output, TAG_FORMATS))
    if kind == "conllu" and names is None:
        raise ConfigError(f"{output or 'format'}: expected CoNLL-U as INPUT, to fill a column of, found {source}")
    tagger = load()
    if tagger.reads_predicates:
        kind = format or format_of(output, FORMATS)
    rows, text_of = _plan(tagger, source, names, tagger.columns(*columns), kind, probabilities)
    predict_rows(tagger, rows, output, text_of, min_score=min_score, probabilities=probabilities)


def _plan(
    tagger: Tagger,
    source: str,
    names: Sequence[str] | None,
    columns: tuple[Column, Column, Column],
    kind: TagFormat,
    probabilities: bool,
) -> tuple[Iterable[tuple[Sentence, Any]], TextOf[Any]]:
    """The sentences of INPUT, each with what belongs to it, and the function that writes them.

    Args:
        tagger: The tagger.
        source: INPUT.
        names: Names of its columns, if it is CoNLL-U.
        columns: Columns of labels, words and predicates.
        kind: Format of OUTPUT.
        probabilities: Add marginal probabilities.
    """
    column, word_column, predicate_column = columns
    if tagger.reads_predicates:
        text_of = text_in(tagger, _plain(kind), probabilities)
        return predicates_to_tag(source, word_column, predicate_column), text_of
    if names is None:
        stream = SentenceStream(source, number_of(word_column, "word_column", source))
        return stream, text_in(tagger, _plain(kind), probabilities)
    words = column_of(names, word_column, WORDS, "word_column", source)
    if kind == "conllu":
        filled = column_of(names, column, LABELS, "column", source)
        blocks = ((block.words, block) for block in blocks_to_tag(source, names, words))
        return blocks, partial(_filled, filled)
    sentences: Iterable[tuple[Sentence, Any]] = ((block.words, {}) for block in blocks_to_tag(source, names, words))
    return sentences, text_in(tagger, kind, probabilities)


def _plain(kind: TagFormat) -> Format:
    """A format that needs no CoNLL-U as INPUT."""
    if kind == "conllu":
        raise ConfigError("format: expected text, jsonl, columns or csv for arguments of predicates, found conllu")
    return kind


def _filled(column: int, tagged: Sequence[Tagged], blocks: Sequence[Block], first: int) -> str:
    """Sentences of CoNLL-U with a column filled."""
    return "".join(block.text(column, found.tags) for block, found in zip(blocks, tagged, strict=True))
