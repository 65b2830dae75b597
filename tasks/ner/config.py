"""Settings of a tagger of named entities and its training. Every field is a flag of ``elmo-lite ner train``."""

from __future__ import annotations

from dataclasses import dataclass

from tasks.tagging.config import TaggerSettings


@dataclass(frozen=True, kw_only=True)
class NerConfig(TaggerSettings):
    """Settings of a tagger of named entities."""

    word_column: int | None = None
    """Column of the words in a column file, from 0; -1 for the last. Detected by default."""
    tag_column: int | None = None
    """Column of the tags, counted in the same way. Detected by default."""
