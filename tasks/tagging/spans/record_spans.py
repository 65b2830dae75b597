"""How a record spells its spans: as lists of three, or as objects with one of two sets of keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from elmo_lite import CorpusError
from tasks.tagging.prediction import Span
from tasks.tagging.spans.document import CharSpan, char_span


class Spelling(Protocol):
    """A way to write a span as a value of JSON."""

    name: str
    """What it is called, in words."""

    def is_one(self, value: Any) -> bool:
        """Whether a value looks like such a span."""

    def read(self, value: Any, place: str) -> CharSpan:
        """The span of a value.

        Raises:
            CorpusError: It is none.
        """

    def write(self, span: Span, start: int, end: int, number: int) -> Any:
        """The value of a span that was found.

        Args:
            span: The span.
            start: Its first offset, in the unit of the file.
            end: The offset after it.
            number: Its number in the record, from 0.
        """


class Triples:
    """``[start, end, "TYPE"]``, as doccano exports them."""

    name = "doccano"

    def is_one(self, value: Any) -> bool:
        """Whether a value is a list of two numbers and a string."""
        return isinstance(value, list) and len(value) == 3 and all(type(offset) is int for offset in value[:2])

    def read(self, value: Any, place: str) -> CharSpan:
        """The span of a list."""
        if not isinstance(value, list | tuple) or len(value) != 3:
            raise CorpusError(f"{place}: expected a span [start, end, label], found {value!r:.60}")
        start, end, kind = value
        return char_span(start, end, kind, place)

    def write(self, span: Span, start: int, end: int, number: int) -> Any:
        """The list of a span."""
        return [start, end, span.type]


class Keyed:
    """An object with the keys of one tool."""

    def __init__(self, name: str, start: str, end: str, *, with_id: bool, with_score: bool) -> None:
        """Name the keys; that of the label is ``label``."""
        self.name, self._start, self._end = name, start, end
        self._with_id, self._with_score = with_id, with_score

    def is_one(self, value: Any) -> bool:
        """Whether a value is an object with these keys."""
        return isinstance(value, Mapping) and {self._start, self._end, "label"} <= set(value)

    def read(self, value: Any, place: str) -> CharSpan:
        """The span of an object."""
        if not self.is_one(value):
            expected = f"a span with {self._start}, {self._end} and label"
            raise CorpusError(f"{place}: expected {expected}, found {value!r:.60}")
        return char_span(value[self._start], value[self._end], value["label"], place, value.get("text"))

    def write(self, span: Span, start: int, end: int, number: int) -> Any:
        """The object of a span."""
        row: dict[str, Any] = {"id": number} if self._with_id else {}
        row |= {self._start: start, self._end: end, "label": span.type}
        return {**row, "score": round(span.score, 6)} if self._with_score else row


TRIPLES = Triples()
RELATIONS = Keyed("doccano with relations", "start_offset", "end_offset", with_id=True, with_score=False)
SPANS = Keyed("spans of characters", "start", "end", with_id=False, with_score=True)
SPELLINGS: tuple[Spelling, ...] = (TRIPLES, RELATIONS, SPANS)
FIELDS: dict[str, Spelling] = {"label": TRIPLES, "labels": TRIPLES, "entities": RELATIONS, "spans": SPANS}
"""Fields that may hold spans, with the spelling of one that is empty."""
