"""Records with a text and a field of spans: JSON of doccano, of Prodigy and the like."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from elmo_lite import CorpusError
from elmo_lite.text import NAME_OF, Kind, read_rows
from tasks.tagging.prediction import Span
from tasks.tagging.sentences import WORD_FIELDS
from tasks.tagging.spans.document import Document
from tasks.tagging.spans.offsets import Unit
from tasks.tagging.spans.record_spans import FIELDS, SPELLINGS, TRIPLES, Spelling

TEXT = "text"
_REFUSED = ("reject", "ignore")
"""Answers of Prodigy that say that the labels of a record are none."""

Row = dict[str, Any]


class Records:
    """Texts in records, with spans in one of their fields."""

    unit: Unit | None = None

    def __init__(self, name: str, kind: Kind, field: str, spelling: Spelling) -> None:
        """Describe the records.

        Args:
            name: Path of the file.
            kind: Kind of the file.
            field: Field of the spans.
            spelling: How they are spelled.
        """
        self.name, self.kind, self.field, self.spelling = name, kind, field, spelling
        self.description = f"{NAME_OF[kind]}, {spelling.name}, labels in {field!r}"

    def documents(self, needs_labels: bool = True) -> Iterator[Document]:
        """Read the texts.

        Args:
            needs_labels: Whether a record without the field is an error. Defaults to True.

        Raises:
            CorpusError: A record is malformed.
        """
        for row, place, line in read_rows(self.name, self.kind):
            yield self._document(row, place, line, needs_labels)

    def _document(self, row: Row, place: str, line: int, needs_labels: bool) -> Document:
        values = row.get(self.field)
        if values is None and self.field not in row and needs_labels:
            raise CorpusError(f"{place}: expected a field {self.field}, found {', '.join(row) or 'none'}")
        if values is not None and not isinstance(values, list):
            raise CorpusError(f"{place}: expected a list of spans in {self.field!r}, found {values!r:.60}")
        is_labelled = values is not None and row.get("answer") not in _REFUSED
        spans = [self.spelling.read(value, place) for value in values or ()]
        text, record = text_of(row, TEXT, place), place.removeprefix(f"{self.name}, ")
        return Document(text, spans, self.name, line, row, is_labelled, record)

    def written(self, document: Document, spans: Sequence[Span], offsets: Sequence[int]) -> Row:
        """The record of a text with the spans that were found; see ``Form``."""
        return with_spans(document.content, self.field, self.spelling, spans, offsets)


def with_spans(
    row: Mapping[str, Any], field: str, spelling: Spelling, spans: Sequence[Span], offsets: Sequence[int]
) -> Row:
    """A record whose spans are those that were found.

    Args:
        row: The record. Its relations, which lead to spans that are gone, are left out.
        field: Field of the spans.
        spelling: How they are spelled.
        spans: Spans, in characters of the text.
        offsets: Offset of each character in the unit of the file.
    """
    values = [spelling.write(span, offsets[span.start], offsets[span.end], number) for number, span in enumerate(spans)]
    relations: Row = {"relations": []} if "relations" in row else {}
    return {**row, field: values, **relations}


def text_of(row: Mapping[str, Any], field: str, place: str) -> str:
    """The text of a record.

    Raises:
        CorpusError: It has none.
    """
    text = row.get(field)
    if not isinstance(text, str):
        found = f"{text!r:.60}" if field in row else ", ".join(map(str, row)) or "none"
        raise CorpusError(f"{place}: expected a text in {field!r}, found {found}")
    return text


def spans_field(rows: Iterable[Mapping[str, Any]]) -> tuple[str, Spelling] | None:
    """The field of some records that holds spans, and their spelling; None if there is none.

    The first record with a span decides. Where all are empty, it is the first such field of the first record.
    """
    empty: str | None = None
    for row in rows:
        if not isinstance(row.get(TEXT), str) or any(_are_words(row.get(field)) for field in WORD_FIELDS):
            return None
        for field, spelling in FIELDS.items():
            values = row.get(field)
            if not isinstance(values, list):
                continue
            found = next((s for s in SPELLINGS if values and s.is_one(values[0])), None)
            if found is not None:
                return field, found
            empty = field if not values and empty is None else empty
            if values and spelling is TRIPLES and not isinstance(values[0], list):
                return None  # labels of the whole text
    return None if empty is None else (empty, FIELDS[empty])


def _are_words(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], str)
