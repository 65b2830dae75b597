"""Labelled sentences for NER from column files, JSONL files and hub data sets, with tags converted to BIOES."""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from elmo_lite import CorpusError
from tasks.inputs.in_memory import columns_of, examples_of, is_path
from tasks.ner.readers import ENTITY_TYPE, ColumnChoice, TaggedSentence, checked_words, tagged, tagged_sentences
from tasks.ner.tags import Scheme, detect_scheme, entities_of, repairs, spell

log = logging.getLogger("elmo_lite")


@dataclass(frozen=True)
class TaggedData:
    """The labelled sentences of one source."""

    sentences: list[TaggedSentence]
    scheme: Scheme
    """Original scheme of the tags."""
    repaired: int
    """Number of tags that were not well formed in that scheme and were repaired, see ``entities_of``."""

    def types(self) -> Counter[str]:
        """The number of entities of each type."""
        return Counter(entity.type for sentence in self.sentences for entity in entities_of(sentence.tags))


TaggedSource = str | os.PathLike[str] | TaggedData | Iterable[TaggedSentence] | tuple[Iterable[Any], Iterable[Any]]
"""A source of labelled sentences, see ``read_tagged``."""


def read_tagged(
    source: TaggedSource,
    word_column: int | None = None,
    tag_column: int | None = None,
    *,
    name: str = "data",
    entity_type: str = ENTITY_TYPE,
) -> TaggedData:
    """Read labelled sentences.

    Args:
        source: One of

            - a column file (see ``elmo_lite/text/column_layout.py``);
            - JSON lines, a JSON array or Parquet with ``tokens`` or ``words`` and ``ner_tags``, ``tags`` or ``labels``;
            - a hub data set with the same fields: ``owner/name``, ``owner/name:split`` or ``owner/name:config:split``
              (the split defaults to "train"), whose tags may be class ids;
            - data in memory: a pair (sentences, tags) of lists, arrays or columns of a DataFrame, with a list of words
              and a list of tags for each sentence, or a list of ``TaggedSentence``.
        word_column: Column of the words in a column file, from 0. Detected by default.
        tag_column: Column of the tags, from 0; -1 for the last. Detected by default.
        name: Name of data in memory in errors. Defaults to "data".
        entity_type: Type of tags without one: B, I and O. Defaults to "ENT".

    Raises:
        CorpusError: The source does not exist or has no sentences, a line has too few columns, a tag is unknown, or a
            sentence has no words. The message is one line with the place, and what was expected and found.
    """
    if isinstance(source, TaggedData):
        return source
    if is_path(source):
        name = str(source)
        columns = ColumnChoice(word_column=word_column, tag_column=tag_column, entity_type=entity_type)
        raw, layout = tagged_sentences(name, columns)
    else:
        raw, layout = list(_in_memory(source, name, entity_type)), ""
    if not raw:
        raise CorpusError(f"{name}: expected labelled sentences, found none")
    scheme = detect_scheme([sentence.tags for sentence in raw])
    repaired = sum(repairs(sentence.tags, scheme) for sentence in raw)
    if repaired:
        first = next(sentence for sentence in raw if repairs(sentence.tags, scheme))
        count = "1 tag is" if repaired == 1 else f"{repaired:,} tags are"
        log.info("%s: %s not well formed in %s and repaired, first at line %d", name, count, scheme, first.line)
    data = TaggedData([_in_bioes(sentence) for sentence in raw], scheme, repaired)
    if layout:
        _report(data, name, layout)
    return data


def _report(data: TaggedData, name: str, layout: str) -> None:
    """Log what the data were taken for."""
    num_words = sum(len(sentence.words) for sentence in data.sentences)
    types = ", ".join(f"{kind} {count:,}" for kind, count in sorted(data.types().items())) or "none"
    size = f"{len(data.sentences):,} sentences, {num_words:,} words"
    log.info("%s: read as %s; %s; %s; entities: %s", name, layout, data.scheme, size, types)


def unseen_types(data: TaggedData, known: Iterable[str]) -> Counter[str]:
    """The number of entities of each type that is not in ``known``."""
    known = set(known)
    return Counter({kind: count for kind, count in data.types().items() if kind not in known})


def warn_of_unseen(name: str, data: TaggedData, known: Sequence[str]) -> None:
    """Warn of entities that cannot be found because their type is not in ``known``, the types of the training data."""
    unseen = unseen_types(data, known)
    if unseen:
        listed = ", ".join(f"{kind} ({count})" for kind, count in sorted(unseen.items()))
        log.warning("%s: types missing from the training data count as errors: %s", name, listed)


def _in_bioes(sentence: TaggedSentence) -> TaggedSentence:
    return replace(sentence, tags=tuple(spell(entities_of(sentence.tags), len(sentence.tags), "BIOES")))


def _in_memory(source: Any, name: str, entity_type: str) -> Iterator[TaggedSentence]:
    """Sentences from two columns or from a list of ``TaggedSentence``."""
    titles = ("sentences", "tags")
    columns = columns_of(source, name, titles, TaggedSentence)
    if columns is None:
        given = examples_of(source, name, titles, TaggedSentence)
        columns = [(list(sentence.words), list(sentence.tags)) for sentence in given]
    for number, row in enumerate(columns, start=1):
        where = f"{name}, sentence {number}"
        for title, values in zip(("words", "tags"), row, strict=True):
            if not isinstance(values, list | tuple):
                raise CorpusError(f"{where}: expected a list of {title}, found {values!r:.60}")
        words, tags = row
        yield tagged(checked_words(list(words), where), list(tags), where, name, number, entity_type)
