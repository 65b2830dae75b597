"""Labelled sentences for NER from column files, JSON, Parquet and hub data sets, with tags converted to BIOES."""

from __future__ import annotations

from elmo_lite import CorpusError, Tokenization
from tasks.inputs.in_memory import is_path
from tasks.ner.readers import ENTITY_TYPE, ColumnChoice, tagged_sentences, tags_of
from tasks.tagging.data import TaggedData, TaggedSource, in_memory, span_data, unseen_types
from tasks.tagging.spans.forms import form_of
from tasks.tagging.spans.reader import read_spans

__all__ = ["TaggedData", "TaggedSource", "read_tagged", "unseen_types"]


def read_tagged(
    source: TaggedSource,
    word_column: int | None = None,
    tag_column: int | None = None,
    *,
    name: str = "data",
    entity_type: str = ENTITY_TYPE,
    tokenization: Tokenization | None = None,
) -> TaggedData:
    """Read labelled sentences.

    Args:
        source: One of

            - a column file (see ``elmo_lite/text/column_layout.py``);
            - JSON lines, a JSON array or Parquet with ``tokens`` or ``words`` and ``ner_tags``, ``tags`` or ``labels``;
            - texts with spans of characters: JSON of doccano, Label Studio or Prodigy, brat's files or a directory of
              them, a DocBin of spaCy (see ``tasks.tagging.spans``);
            - a hub data set with the same fields: ``owner/name``, ``owner/name:split`` or ``owner/name:config:split``
              (the split defaults to "train"), whose tags may be class ids;
            - data in memory: a pair (sentences, tags) of lists, arrays or columns of a DataFrame, with a list of words
              and a list of tags for each sentence, or a list of ``TaggedSentence``.
        word_column: Column of the words in a column file, from 0. Detected by default.
        tag_column: Column of the tags, from 0; -1 for the last. Detected by default.
        name: Name of data in memory in errors. Defaults to "data".
        entity_type: Type of tags without one: B, I and O. Defaults to "ENT".
        tokenization: What finds the sentences and words of texts with spans of characters. Defaults to that of raw
            text.

    Raises:
        CorpusError: The source does not exist or has no sentences, a line has too few columns, a tag is unknown, or a
            sentence has no words. The message is one line with the place, and what was expected and found.
    """
    if isinstance(source, TaggedData):
        return source
    if is_path(source):
        name = str(source)
        columns = ColumnChoice(word_column=word_column, tag_column=tag_column, entity_type=entity_type)
        form = form_of(name)
        raw, layout = tagged_sentences(name, columns) if form is None else read_spans(form, tokenization)
    else:
        raw, layout = list(in_memory(source, name, tags_of(entity_type))), ""
    if not raw:
        raise CorpusError(f"{name}: expected labelled sentences, found none")
    return span_data(raw, name, layout)
