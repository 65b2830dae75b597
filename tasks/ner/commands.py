"""Scores and predictions of a saved tagger (``elmo-lite ner evaluate`` and ``predict``)."""

from __future__ import annotations

from typing import Any, cast

from elmo_lite.errors import require
from elmo_lite.hardware import Precision
from elmo_lite.outputs import format_of
from tasks.files import input_and_output
from tasks.ner.data import TaggedData, read_tagged
from tasks.ner.tagger import NerTagger
from tasks.ner.training import Ner
from tasks.saved_task.scores import scores_as_json
from tasks.tagging.bulk import predict_rows, text_in
from tasks.tagging.output_formats import FORMATS, Format
from tasks.tagging.sentences import SentenceStream
from tasks.tagging.spans.conversion import ToolFormat
from tasks.tagging.spans.predict import OffsetUnit, texts_to_tag
from tasks.tagging.tasks import warn_of_unseen
from tasks.training.judgement import evaluate_saved


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
    precision: Precision = "float32",
) -> None:
    """Print the entity scores of a tagger on labelled sentences, as JSON.

    Args:
        directory: Tagger, as written by "elmo-lite ner train".
        file: Labelled sentences: a column file, JSON, Parquet or a Hugging Face data set; or texts with spans of
            characters from doccano, Label Studio, Prodigy, brat (a directory) or spaCy.
        errors: Directory to write the ten worst sentences to, as errors.html and errors.jsonl. Defaults to none.
        device: Device to run on: auto (a GPU if there is one), cpu, cuda, cuda:N or mps.
        precision: Precision of the computation: float32; bfloat16, which is faster on hardware that has it and changes
            probabilities in the third digit; or auto, bfloat16 on such hardware.

    Other Args:
        word_column: Column of the words in a column file, from 0. Detected by default.
        tag_column: Column of the tags, from 0; -1 for the last. Detected by default.
        encoder: Path or name of an encoder that is not kept with the tagger. Defaults to where it was in training.
    """
    tagger = NerTagger.from_pretrained(directory, device, encoder, precision)
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
    format: Format | ToolFormat | None = None,
    offsets: OffsetUnit = "auto",
    word_column: int | None = None,
    encoder: str | None = None,
    device: str = "cpu",
    precision: Precision = "float32",
    overwrite: bool = False,
) -> None:
    """Find the named entities of sentences, or of whole texts for an annotation tool.

    Args:
        directory: Tagger, as written by "elmo-lite ner train".
        paths: INPUT, then optionally OUTPUT. INPUT is text with a sentence per line, JSON or a column file (any of
            these on standard input too: -). OUTPUT is text (.txt), JSONL with the other fields of INPUT (.jsonl),
            columns (.conll, .iob2, .tsv) or a table (.csv) by its suffix. Defaults to text on standard output. If INPUT
            is from doccano, Label Studio, Prodigy, brat or spaCy, OUTPUT (.jsonl, .json, a directory, .spacy) and
            standard output are so too.
        probabilities: Add the marginal probabilities of the tags.
        min_score: Probability in 0..1 of an entity with exactly its words and type; entities below it are left out.
        format: Format of the output: text, jsonl, columns or csv; doccano, spans (as Prodigy has them) or label_studio
            for whole texts with the entities that were found. Defaults to that of INPUT, if it is from such a tool, or
            of the suffix.
        device: Device to run on: auto (a GPU if there is one), cpu, cuda, cuda:N or mps.
        precision: Precision of the computation: float32; bfloat16, which is faster on hardware that has it and changes
            probabilities in the third digit; or auto, bfloat16 on such hardware.
        overwrite: Replace OUTPUT if it exists.

    Other Args:
        offsets: Unit of the offsets for such a tool: code_points, utf16 (as doccano counts), or that of INPUT (auto).
        word_column: Column of the words in a column file, from 0. Detected by default.
        encoder: Path or name of an encoder that is not kept with the tagger. Defaults to where it was in training.
    """
    require(0 <= min_score <= 1, "min_score", "a probability in 0..1", min_score)
    if texts := texts_to_tag(paths, format, offsets, overwrite):
        texts.tag(NerTagger.from_pretrained(directory, device, encoder, precision), probabilities, min_score)
        return
    source, output = input_and_output(paths, overwrite)
    kind = cast(Format, format) if format else format_of(output, FORMATS)
    stream = SentenceStream(source, word_column)
    tagger = NerTagger.from_pretrained(directory, device, encoder, precision)
    text_of = text_in(tagger, kind, probabilities)
    predict_rows(tagger, stream, output, text_of, min_score=min_score, probabilities=probabilities)
