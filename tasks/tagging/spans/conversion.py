"""Texts of any source in the form of a chosen annotation tool, for texts that nobody has labelled yet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal, cast

from elmo_lite import CorpusError
from elmo_lite.text import Kind
from tasks.tagging.prediction import Span
from tasks.tagging.sentences import SentenceStream
from tasks.tagging.spans.document import Document
from tasks.tagging.spans.forms import Form, form_of
from tasks.tagging.spans.label_studio import LabelStudio, LabelStudioMin, prediction
from tasks.tagging.spans.offsets import Unit
from tasks.tagging.spans.record_spans import SPANS, TRIPLES, Spelling
from tasks.tagging.spans.records import TEXT, Records, with_spans

ToolFormat = Literal["doccano", "spans", "label_studio"]
TOOL_FORMATS = ("doccano", "spans", "label_studio")
_FIELDS: dict[str, tuple[str, Spelling]] = {"doccano": ("label", TRIPLES), "spans": ("spans", SPANS)}
"""Field and spelling of the spans of each form of records."""


class PlainTexts:
    """Texts without labels: a line or record each."""

    unit: Unit | None = "code_points"
    description = ""
    """Empty, as the stream of sentences logs what it reads."""

    def __init__(self, name: str) -> None:
        """Take a path, a hub data set, or ``-`` for standard input."""
        self._rows = SentenceStream(name)
        self.name = name

    def documents(self, needs_labels: bool = True) -> Iterator[Document]:
        """Read the texts.

        Raises:
            CorpusError: A record is a list of words, in which characters cannot be counted.
        """
        for number, (text, others) in enumerate(self._rows, start=1):
            if not isinstance(text, str):
                raise CorpusError(
                    f"{self.name}, sentence {number}: expected a text for --format, found a list of words"
                )
            yield Document(text, (), self.name, number, {**others, TEXT: text}, False, f"sentence {number}")


class Converted:
    """The texts of a source, written in another form."""

    def __init__(self, source: Form, form: ToolFormat) -> None:
        """Write the texts of ``source`` in ``form``."""
        self._source, self._form = source, form
        self.name, self.description, self.unit = source.name, source.description, source.unit
        self.kind: Kind = "json" if form == "label_studio" else "jsonl"

    def documents(self, needs_labels: bool = True) -> Iterator[Document]:
        """Read the texts."""
        return self._source.documents(needs_labels)

    def written(self, document: Document, spans: Sequence[Span], offsets: Sequence[int]) -> dict[str, Any]:
        """A record with the fields of the source; see ``RecordForm``."""
        row = document.content if isinstance(document.content, dict) else {}
        if isinstance(row.get("data"), dict):  # a task of Label Studio
            row = {name: value for name, value in row["data"].items() if value != document.text}
        row = {**row, TEXT: document.text}
        if self._form == "label_studio":
            return {"data": row, "predictions": [prediction(spans, offsets, "label", TEXT)]}
        return with_spans(row, *_FIELDS[self._form], spans, offsets)


def input_form(name: str, format: str | None) -> Form | None:
    """The form in which predictions are written; None if they are those of sentences.

    Args:
        name: Path or name of the source.
        format: One of ``TOOL_FORMATS``; None for the form of the source, if it has spans of characters. With another
            format, predictions are those of sentences.
    """
    if format is not None and format not in TOOL_FORMATS:
        return None
    found = form_of(name)
    if format is None or (found is not None and _is(found, format)):
        return found
    return Converted(PlainTexts(name) if found is None else found, cast(ToolFormat, format))


def _is(form: Form, name: str) -> bool:
    """Whether a form is the one of a name."""
    if isinstance(form, Records):
        return name == ("spans" if form.spelling is SPANS else "doccano")
    return name == "label_studio" and isinstance(form, LabelStudio | LabelStudioMin)


def is_record_form(form: Form) -> bool:
    """Whether the texts of a form can be written as records."""
    return isinstance(form, Records | LabelStudio | LabelStudioMin | Converted)
