"""Labelled sentences for NER from column files, JSONL files and hub data sets, with tags converted to BIOES."""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from elmo_lite import CorpusError
from elmo_lite.text import JSONL_SUFFIXES, is_data_set_name, json_objects, open_data_set
from tasks.inputs.in_memory import columns_of, examples_of, is_path
from tasks.ner.columns import read_columns
from tasks.ner.tags import Scheme, detect_scheme, entities_of, is_tag, repairs, spell

log = logging.getLogger("elmo_lite")

WORD_FIELDS = ("tokens", "words")
TAG_FIELDS = ("ner_tags", "tags", "labels")


@dataclass(frozen=True)
class TaggedSentence:
    """A sentence with a tag for each word, and its place in the source."""

    words: tuple[str, ...]
    tags: tuple[str, ...]
    """Tag of each word: well-formed BIOES if returned by ``read_tagged``, otherwise in any scheme."""
    source: str = ""
    """Path or name of the source."""
    line: int = 0
    """Line of the first word, or number of the record, from 1."""


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
    source: TaggedSource, word_column: int | None = None, tag_column: int | None = None, *, name: str = "data"
) -> TaggedData:
    """Read labelled sentences.

    Args:
        source: One of

            - a column file (see ``columns.py``);
            - a JSONL file with ``tokens`` or ``words`` and ``ner_tags``, ``tags`` or ``labels`` in each line;
            - a hub data set with the same fields: ``owner/name``, ``owner/name:split`` or ``owner/name:config:split``
              (the split defaults to "train"), whose tags may be class ids;
            - data in memory: a pair (sentences, tags) of lists, arrays or columns of a DataFrame, with a list of words
              and a list of tags for each sentence, or a list of ``TaggedSentence``.
        word_column: Column of the words in a column file, from 0. Detected by default.
        tag_column: Column of the tags, from 0; -1 for the last. Detected by default.
        name: Name of data in memory in errors. Defaults to "data".

    Raises:
        CorpusError: The source does not exist or has no sentences, a line has too few columns, a tag is unknown, or a
            sentence has no words. The message is one line with the place, and what was expected and found.
    """
    if isinstance(source, TaggedData):
        return source
    if is_path(source):
        name = str(source)
        raw = list(_read(name, word_column, tag_column))
    else:
        raw = list(_in_memory(source, name))
    if not raw:
        raise CorpusError(f"{name}: expected labelled sentences, found none")
    scheme = detect_scheme([sentence.tags for sentence in raw])
    repaired = sum(repairs(sentence.tags, scheme) for sentence in raw)
    if repaired:
        first = next(sentence for sentence in raw if repairs(sentence.tags, scheme))
        count = "1 tag is" if repaired == 1 else f"{repaired:,} tags are"
        log.info("%s: %s not well formed in %s and repaired, first at line %d", name, count, scheme, first.line)
    return TaggedData([_in_bioes(sentence) for sentence in raw], scheme, repaired)


def unseen_types(data: TaggedData, known: Iterable[str]) -> Counter[str]:
    """The number of entities of each type that is not in ``known``."""
    known = set(known)
    return Counter({kind: count for kind, count in data.types().items() if kind not in known})


def _in_bioes(sentence: TaggedSentence) -> TaggedSentence:
    return replace(sentence, tags=tuple(spell(entities_of(sentence.tags), len(sentence.tags), "BIOES")))


def _read(name: str, word_column: int | None, tag_column: int | None) -> Iterator[TaggedSentence]:
    path = Path(name)
    if path.suffix.lower() in JSONL_SUFFIXES and path.exists():
        for row, where, line in json_objects(name):
            yield _tagged(words_of(row, where), _field(row, TAG_FIELDS, where), None, where, name, line)
    elif is_data_set_name(name):
        yield from _hub_sentences(name)
    else:
        for words, tags, line in read_columns(name, word_column, tag_column):
            yield TaggedSentence(words, tags, name, line)


def _hub_sentences(name: str) -> Iterator[TaggedSentence]:
    """Sentences of a hub data set. Class ids become the class names in its features."""
    rows, features = open_data_set(name)
    tag_field = next((field for field in TAG_FIELDS if field in features), "")
    names: list[str] | None = getattr(getattr(features.get(tag_field), "feature", None), "names", None)
    for number, row in enumerate(rows, start=1):
        where = f"{name}, record {number}"
        yield _tagged(words_of(row, where), _field(row, TAG_FIELDS, where), names, where, name, number)


def _field(row: dict[str, Any], names: Sequence[str], where: str) -> list[Any]:
    for name in names:
        if name in row:
            if not isinstance(row[name], list):
                raise CorpusError(f"{where}: expected a list in {name!r}, found {type(row[name]).__name__}")
            return list(row[name])
    raise CorpusError(f"{where}: expected a field {' or '.join(names)}, found {', '.join(row) or 'none'}")


def words_of(row: dict[str, Any], where: str) -> tuple[str, ...]:
    """The words of a record.

    Raises:
        CorpusError: The record has no words, or a word is not a string or empty.
    """
    return _checked_words(_field(row, WORD_FIELDS, where), where)


def _checked_words(words: list[Any], where: str) -> tuple[str, ...]:
    if not words:
        raise CorpusError(f"{where}: expected a sentence with words, found none")
    for word in words:
        if not isinstance(word, str) or not word.strip():
            raise CorpusError(f"{where}: expected words that are not empty, found {word!r:.60}")
    return tuple(map(str, words))


def _in_memory(source: Any, name: str) -> Iterator[TaggedSentence]:
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
        yield _tagged(_checked_words(list(words), where), list(tags), None, where, name, number)


def _tagged(
    words: tuple[str, ...], tags: list[Any], names: list[str] | None, where: str, source: str, line: int
) -> TaggedSentence:
    if len(tags) != len(words):
        raise CorpusError(f"{where}: expected one tag for each of {len(words)} words, found {len(tags)}")
    return TaggedSentence(words, tuple(_tag(tag, names, where) for tag in tags), source, line)


def _tag(tag: Any, names: list[str] | None, where: str) -> str:
    """A tag from its name or class id.

    Raises:
        CorpusError: It is not a tag.
    """
    if isinstance(tag, int) and names is not None and 0 <= tag < len(names):
        tag = names[tag]
    if not isinstance(tag, str) or not is_tag(tag):
        raise CorpusError(f"{where}: expected O or B-, I-, E- or S- and a type, found {tag!r:.60}")
    return str(tag)
