"""The form of a source whose labels are spans of characters, by its content."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

from elmo_lite import CorpusError
from elmo_lite.files import STANDARD_STREAM
from elmo_lite.text import Kind, is_data_set_name, kind_of, read_rows
from tasks.tagging.prediction import Span
from tasks.tagging.spans import label_studio, records
from tasks.tagging.spans.brat import Brat, is_brat
from tasks.tagging.spans.docbin import DocBins, is_docbin
from tasks.tagging.spans.document import Document
from tasks.tagging.spans.offsets import Unit

RECORD_KINDS: tuple[Kind, ...] = ("jsonl", "json", "parquet")
_SAMPLE = 1000
"""Number of records that are read until one has a span."""


class Form(Protocol):
    """Texts with spans of characters."""

    name: str
    """Path of the source."""
    description: str
    """What it was read as, in words."""
    unit: Unit | None
    """Unit of the offsets; None if the spans must tell, see ``choose_unit``."""

    def documents(self, needs_labels: bool = True) -> Iterator[Document]:
        """Read the texts, once more with each call.

        Args:
            needs_labels: Whether texts that should have labels and have none are errors. Defaults to True.
        """


class RecordForm(Form, Protocol):
    """Texts in records of JSON, which can be written again."""

    kind: Kind
    """Kind of the file."""

    def written(self, document: Document, spans: Sequence[Span], offsets: Sequence[int]) -> dict[str, Any]:
        """The record of a text with the spans that were found.

        Args:
            document: The text.
            spans: Spans, in characters of the text.
            offsets: Offset of each character in the unit of the file.
        """


def form_of(name: str) -> Form | None:
    """The form of a source; None if its labels are no spans of characters, or if it cannot be read twice.

    Args:
        name: Path or name of the source.
    """
    path = Path(name)
    if name == STANDARD_STREAM or is_data_set_name(name):
        return None
    if is_brat(path):
        return Brat(name)
    if is_docbin(path):
        return DocBins(name)
    if not path.is_file():  # a pipe can be read but once
        return None
    kind = kind_of(name)
    return record_form_of(name, kind) if kind in RECORD_KINDS else None


def record_form_of(name: str, kind: Kind) -> RecordForm | None:
    """The form of a file of records; see ``form_of``."""

    def sample() -> Iterator[dict[str, Any]]:
        return islice(_rows(name, kind), _SAMPLE)

    first = next(sample(), None)
    if first is None:
        return None
    if isinstance(first.get("data"), dict):
        return label_studio.LabelStudio(name, kind, *label_studio.names_of(sample()))
    if found := records.spans_field(sample()):
        return records.Records(name, kind, *found)
    fields = map(label_studio.spans_field, sample())
    field = next((field for field in fields if field is not None), None)
    return None if field is None else label_studio.LabelStudioMin(name, kind, field)


def _rows(name: str, kind: Kind) -> Iterator[dict[str, Any]]:
    """The records of a file up to the first malformed one, the error of which is raised where the file is read."""
    with suppress(CorpusError):
        yield from (row for row, _, _ in read_rows(name, kind))
