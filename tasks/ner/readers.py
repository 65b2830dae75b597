"""Sentences with the tags of entities, from column files, JSON, Parquet and hub data sets."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

from elmo_lite import CorpusError
from elmo_lite.text import NAME_OF, ColumnReader, Kind, is_data_set_name, is_tag, is_untyped_tag, kind_of
from tasks.tagging.readers import LabelOf, labelled_records, skipped, with_words
from tasks.tagging.sentences import RECORDS, TAG_FIELDS, TaggedSentence, read_sentences
from tasks.tagging.tags import ENTITY_TYPE

__all__ = ["ENTITY_TYPE", "ColumnChoice", "TaggedSentence", "read_sentences", "tagged_sentences", "tags_of"]

log = logging.getLogger("elmo_lite")


@dataclass(frozen=True, kw_only=True)
class ColumnChoice:
    """Settings for reading column files."""

    word_column: int | None = None
    """Column of the words, from 0, or negative to count from the end. Detected by default."""
    tag_column: int | None = None
    """Column of the tags, counted in the same way. Detected by default."""
    entity_type: str = ENTITY_TYPE
    """Type of tags without one."""


def tagged_sentences(name: str, columns: ColumnChoice) -> tuple[list[TaggedSentence], str]:
    """The labelled sentences of a file or hub data set, and what it was read as.

    Raises:
        CorpusError: The source does not exist, or a line is malformed.
        ConfigError: A given column does not exist.
    """
    kind: Kind = "hub" if is_data_set_name(name) else kind_of(name)
    if kind in RECORDS:
        records = list(labelled_records(name, kind, TAG_FIELDS, tags_of(columns.entity_type)))
        return with_words(records), NAME_OF[kind] + skipped(records)
    reader = ColumnReader(name, columns.word_column, columns.tag_column, entity_type=columns.entity_type)
    found = [TaggedSentence(words, tags, name, line, document=reader.document) for words, tags, line in reader]
    _warn_of_choice(reader)
    return found, str(reader)


def _warn_of_choice(reader: ColumnReader) -> None:
    """Warn if several columns hold tags, unless one was chosen."""
    if len(tags := reader.layout.tags) > 1:
        listed = ", ".join(map(str, tags))
        reader_says = f"columns {listed} hold tags, and those of column {tags[0]} are read"
        log.warning("%s: %s (choose with --tag_column)", reader.name, reader_says)


def tags_of(entity_type: str = ENTITY_TYPE) -> LabelOf:
    """The function that checks a tag, and adds a type to one without: B, I and O.

    Args:
        entity_type: Type of tags without one.

    Returns:
        A function from a value and its place to the tag, which raises CorpusError if it is unknown.
    """

    def tag_of(tag: Any, where: str) -> str:
        if isinstance(tag, str) and is_untyped_tag(tag):
            return f"{tag}-{entity_type}"
        if not isinstance(tag, str) or not is_tag(tag):
            raise CorpusError(f"{where}: expected O or B-, I-, E- or S- and a type, found {tag!r:.60}")
        return str(tag)

    return tag_of
