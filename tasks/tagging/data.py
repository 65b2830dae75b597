"""Labelled sentences of any kind of labels; tags of entities and other spans are converted to BIOES."""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from elmo_lite import CorpusError, Tokenization
from elmo_lite.text import is_tag, is_untyped_tag
from tasks.inputs.in_memory import columns_of, examples_of, is_path
from tasks.tagging.predicates import labelled_predicates
from tasks.tagging.readers import LabelOf, any_label, labelled, labelled_sentences
from tasks.tagging.sentences import Column, TaggedSentence, checked_words
from tasks.tagging.spans.forms import Form, form_of
from tasks.tagging.spans.reader import read_spans
from tasks.tagging.tags import ENTITY_TYPE, OUTSIDE, Scheme, detect_scheme, entities_of, repairs, spell

log = logging.getLogger("elmo_lite")

LabelKind = Literal["auto", "spans", "tokens"]
_MOST_LISTED = 20
"""Number of labels in a message."""


@dataclass(frozen=True)
class TaggedData:
    """The labelled sentences of one source."""

    sentences: list[TaggedSentence]
    scheme: Scheme | None = None
    """Original scheme of the tags of spans. None if each word has a label of its own."""
    repaired: int = 0
    """Number of tags that were not well formed in that scheme and were repaired, see ``entities_of``."""

    @property
    def has_spans(self) -> bool:
        """Whether the labels are tags of spans."""
        return self.scheme is not None

    def types(self) -> Counter[str]:
        """The number of entities of each type."""
        return Counter(entity.type for sentence in self.sentences for entity in entities_of(sentence.tags))

    def labels(self) -> Counter[str]:
        """The number of words of each label."""
        return Counter(tag for sentence in self.sentences for tag in sentence.tags)


TaggedSource = str | os.PathLike[str] | TaggedData | Iterable[TaggedSentence] | tuple[Iterable[Any], Iterable[Any]]
"""A source of labelled sentences, see ``read_tagged``."""


def read_tagged(
    source: TaggedSource,
    column: Column = None,
    word_column: Column = None,
    predicate_column: Column = None,
    *,
    labels: LabelKind = "auto",
    name: str = "data",
    entity_type: str = ENTITY_TYPE,
    tokenization: Tokenization | None = None,
) -> TaggedData:
    """Read labelled sentences.

    Args:
        source: One of

            - a file in CoNLL-U or CoNLL-U Plus, whose columns have names;
            - another column file: one word per line with its label in another column;
            - JSON lines, a JSON array or Parquet with ``tokens`` or ``words`` and ``ner_tags``, ``tags``, ``labels`` or
              the field ``column``;
            - texts with spans of characters: JSON of doccano, Label Studio or Prodigy, brat's files or a directory of
              them, a DocBin of spaCy (see ``tasks.tagging.spans``);
            - a hub data set with the same fields: ``owner/name``, ``owner/name:split`` or ``owner/name:config:split``;
            - data in memory: a pair (sentences, labels) of lists, arrays or columns of a DataFrame, with a list of
              words and a list of labels for each sentence, or a list of ``TaggedSentence``.
        column: Column of the labels, by name or number, or field of the records. Defaults to upos in CoNLL-U, to a
            column of tags such as B-PER in other column files, and to their last column if there is none.
        word_column: Column of the words, by name or number. Detected by default.
        predicate_column: Column or field that marks predicates, see ``tasks.tagging.predicates``. Defaults to none.
        labels: "spans" for tags such as B-PER, which become BIOES, "tokens" for labels that are taken as they are, or
            "auto": spans if all labels are such tags.
        name: Name of data in memory in errors. Defaults to "data".
        entity_type: Type of tags without one: B, I and O. Defaults to "ENT".
        tokenization: What finds the sentences and words of texts with spans of characters. Defaults to that of raw
            text.

    Raises:
        CorpusError: The source does not exist or has no sentences, a line is malformed, a sentence has no words, or a
            label is not the tag of a span. The message is one line with the place, and what was expected and found.
        ConfigError: There is no such column.
    """
    if isinstance(source, TaggedData):
        return source
    if is_path(source):
        name = str(source)
        raw, layout = sentences_of(name, column, word_column, predicate_column, tokenization)
    else:
        raw, layout = list(in_memory(source, name, any_label)), ""
    if predicate_column is not None and not all(sentence.marked for sentence in raw):
        raise CorpusError(f"{name}: expected sentences with marked predicates, found one without")
    if not raw:
        raise CorpusError(f"{name}: expected labelled sentences, found none")
    if labels == "spans" or (labels == "auto" and are_spans(raw)):
        return span_data([_typed(sentence, entity_type) for sentence in raw], name, layout)
    data = TaggedData(raw)
    if layout:
        _report(data, name, layout, "labels of tokens", "labels", data.labels())
    return data


def spans_form(name: str, column: Column, word_column: Column, predicate_column: Column) -> Form | None:
    """The form of a source whose labels are spans of characters; None for others, and if a column is chosen."""
    return form_of(name) if column is word_column is predicate_column is None else None


def sentences_of(
    name: str,
    column: Column,
    word_column: Column,
    predicate_column: Column,
    tokenization: Tokenization | None = None,
) -> tuple[list[TaggedSentence], str]:
    """The labelled sentences, or predicates, of a source as they are, and what it was read as."""
    form = spans_form(name, column, word_column, predicate_column)
    if form is not None:
        return read_spans(form, tokenization)
    if predicate_column is None:
        return labelled_sentences(name, column, word_column)
    return labelled_predicates(name, column, word_column, predicate_column)


def are_spans(sentences: Iterable[TaggedSentence]) -> bool:
    """Whether all labels are tags of spans: O and tags such as B-PER, or O, B and other letters of a scheme alone."""
    found = {tag for sentence in sentences for tag in sentence.tags}
    if not all(is_tag(tag) or is_untyped_tag(tag) for tag in found):
        return False
    return any(is_tag(tag) and tag != OUTSIDE for tag in found) or {OUTSIDE, "B"} <= found


def span_data(raw: Sequence[TaggedSentence], name: str, layout: str) -> TaggedData:
    """Convert tags of spans to BIOES, and report repairs.

    Args:
        raw: Sentences with tags of any scheme, one or more.
        name: Name of the source.
        layout: What it was read as; empty for data in memory, which are not reported.
    """
    scheme = detect_scheme([sentence.tags for sentence in raw])
    repaired = sum(repairs(sentence.tags, scheme) for sentence in raw)
    if repaired:
        first = next(sentence for sentence in raw if repairs(sentence.tags, scheme))
        count = "1 tag is" if repaired == 1 else f"{repaired:,} tags are"
        log.info("%s: %s not well formed in %s and repaired, first at line %d", name, count, scheme, first.line)
    data = TaggedData([_in_bioes(sentence) for sentence in raw], scheme, repaired)
    if layout:
        _report(data, name, layout, scheme, "entities", data.types())
    return data


def _report(data: TaggedData, name: str, layout: str, kind: str, title: str, counts: Counter[str]) -> None:
    """Log what the data were taken for."""
    num_words = sum(len(sentence.words) for sentence in data.sentences)
    unit = "predicates" if data.sentences[0].marked else "sentences"
    size = f"{len(data.sentences):,} {unit}, {num_words:,} words"
    log.info("%s: read as %s; %s; %s; %s: %s", name, layout, kind, size, title, listed(counts))


def listed(counts: Counter[str]) -> str:
    """Labels with their counts, for a message. Of many, the most frequent ones are listed."""
    if len(counts) > _MOST_LISTED:
        most = ", ".join(f"{kind} {count:,}" for kind, count in counts.most_common(_MOST_LISTED))
        return f"{most} and {len(counts) - _MOST_LISTED:,} others"
    return ", ".join(f"{kind} {count:,}" for kind, count in sorted(counts.items())) or "none"


def unseen_types(data: TaggedData, known: Iterable[str]) -> Counter[str]:
    """The number of entities of each type that is not in ``known``."""
    return _without(data.types(), known)


def unseen_labels(data: TaggedData, known: Iterable[str]) -> Counter[str]:
    """The number of words of each label that is not in ``known``."""
    return _without(data.labels(), known)


def _without(counts: Counter[str], known: Iterable[str]) -> Counter[str]:
    known = set(known)
    return Counter({kind: count for kind, count in counts.items() if kind not in known})


def _in_bioes(sentence: TaggedSentence) -> TaggedSentence:
    return replace(sentence, tags=tuple(spell(entities_of(sentence.tags), len(sentence.tags), "BIOES")))


def _typed(sentence: TaggedSentence, entity_type: str) -> TaggedSentence:
    """A sentence whose tags all have a type.

    Raises:
        CorpusError: A label is no tag.
    """
    for tag in sentence.tags:
        if not (is_tag(tag) or is_untyped_tag(tag)):
            where = f"{sentence.source or 'data'}, sentence at line {sentence.line}"
            raise CorpusError(f"{where}: expected O or B-, I-, E- or S- and a type, found {tag!r:.60}")
    tags = (f"{tag}-{entity_type}" if is_untyped_tag(tag) else tag for tag in sentence.tags)
    return replace(sentence, tags=tuple(tags))


def in_memory(source: Any, name: str, label_of: LabelOf) -> Iterator[TaggedSentence]:
    """Sentences from two columns or from a list of ``TaggedSentence``.

    Args:
        source: Data in memory.
        name: Name of the data in errors.
        label_of: Function from a value to a label.

    Raises:
        CorpusError: The data are something else, or a sentence has no words.
    """
    titles = ("sentences", "tags")
    columns = columns_of(source, name, titles, TaggedSentence)
    marked: Sequence[tuple[int, ...]] = ()
    if columns is None:
        given = examples_of(source, name, titles, TaggedSentence)
        columns = [(list(sentence.words), list(sentence.tags)) for sentence in given]
        marked = [sentence.marked for sentence in given]
    for number, row in enumerate(columns, start=1):
        where = f"{name}, sentence {number}"
        for title, values in zip(("words", "tags"), row, strict=True):
            if not isinstance(values, list | tuple):
                raise CorpusError(f"{where}: expected a list of {title}, found {values!r:.60}")
        words, tags = row
        sentence = labelled(checked_words(list(words), where), list(tags), where, name, number, label_of)
        yield replace(sentence, marked=marked[number - 1]) if marked else sentence
