"""A text with labelled spans of characters, whatever file it comes from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from elmo_lite import CorpusError


class CharSpan(NamedTuple):
    """A labelled span as its source has it."""

    start: int
    """Offset of the first character, in the unit of the source."""
    end: int
    """Offset after the last character."""
    type: str
    place: str
    """File and line or record, for errors."""
    text: str | None = None
    """Text of the span, if the source repeats it."""


@dataclass(frozen=True)
class Document:
    """A text with its spans."""

    text: str
    spans: Sequence[CharSpan]
    source: str
    """Path of the file of the text."""
    line: int
    """Line or record of the text, from 1."""
    content: Any
    """The record or the file that was read, to write it again."""
    is_labelled: bool = True
    """Whether somebody has labelled it: a text without spans may be one without entities, or one not yet read."""
    record: str = ""
    """Place of the text in its source, if it is one record: "line 3". Empty if it has lines of its own."""
    notes: Sequence[tuple[str, str]] = ()
    """What is to be said of it: title and detail, see ``Notes``."""

    def line_of(self, offset: int) -> int:
        """The line of a character of the text, from 1, or the record that holds it all."""
        return self.line if self.record else self.line + self.text.count("\n", 0, offset)

    def place_of(self, offset: int) -> str:
        """The place of a character: its record, or its file and line."""
        return self.record or f"{self.source}, line {self.line_of(offset)}"


def char_span(start: Any, end: Any, kind: Any, place: str, text: Any = None) -> CharSpan:
    """A span from values of JSON types.

    Raises:
        CorpusError: An offset is no whole number, the start is not before the end, or the label is not a string or is
            empty.
    """
    if not all(type(offset) is int for offset in (start, end)):
        raise CorpusError(f"{place}: expected offsets that are whole numbers, found {start!r:.40} and {end!r:.40}")
    if not 0 <= start < end:
        raise CorpusError(f"{place}: expected a span with 0 <= start < end, found {start}..{end}")
    if not isinstance(kind, str) or not kind.strip():
        raise CorpusError(f"{place}: expected a label of the span {start}..{end}, found {kind!r:.60}")
    return CharSpan(start, end, " ".join(kind.split()), place, text if isinstance(text, str) else None)
