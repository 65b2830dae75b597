"""Label Studio: tasks with annotations (its JSON), read, and written with predictions; and its smaller JSON-MIN.

https://labelstud.io/guide/task_format, https://labelstud.io/guide/predictions
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from elmo_lite import CorpusError
from elmo_lite.text import NAME_OF, Kind, read_rows
from tasks.tagging.prediction import Span
from tasks.tagging.spans.document import CharSpan, Document, char_span
from tasks.tagging.spans.offsets import Unit
from tasks.tagging.spans.records import TEXT, Row

MODEL_VERSION = "elmo_lite"
"""Name of the predictions in Label Studio."""
_ANNOTATIONS = ("annotations", "completions")
_OF_EXPORT = ("id", "annotator", "annotation_id", "created_at", "updated_at", "lead_time")
"""Fields that JSON-MIN adds to those of the data."""


class LabelStudio:
    """Tasks: ``{"data": {...}, "annotations": [{"result": [...]}]}``."""

    unit: Unit | None = None

    def __init__(self, name: str, kind: Kind, labels: str = "label", text: str = TEXT) -> None:
        """Describe the tasks.

        Args:
            name: Path of the file.
            kind: Kind of the file.
            labels: Name of the labels in the project (``from_name``). Defaults to "label".
            text: Name of the text (``to_name``), which may be that of its field too. Defaults to "text".
        """
        self.name, self.kind = name, kind
        self.description = f"{NAME_OF[kind]}, tasks of Label Studio"
        self._labels, self._text = labels, text

    def documents(self, needs_labels: bool = True) -> Iterator[Document]:
        """Read the texts; a task whose annotations are all cancelled is not labelled.

        Raises:
            CorpusError: A task is malformed.
        """
        for row, place, line in read_rows(self.name, self.kind):
            data = row.get("data")
            if not isinstance(data, dict):
                raise CorpusError(f"{place}: expected a task with data, found {', '.join(row) or 'none'}")
            done = _annotations_of(row)
            chosen = next((one for one in done if one.get("ground_truth")), done[0] if done else {})
            spans = [span for result in _results_of(chosen) for span in _spans_of(result.get("value"), place)]
            text = _text_of(data, self._text, place)
            title = "tasks with several annotations, of which the first or the ground truth is read"
            record = place.removeprefix(f"{self.name}, ")
            notes = [(title, record)] if len(done) > 1 else []
            yield Document(text, spans, self.name, line, row, bool(done), record, notes)

    def written(self, document: Document, spans: Sequence[Span], offsets: Sequence[int]) -> Row:
        """The task with predictions; see ``Form``."""
        kept = [one for one in document.content.get("predictions") or () if not _is_own(one)]
        return {**document.content, "predictions": [*kept, prediction(spans, offsets, self._labels, self._text)]}


class LabelStudioMin:
    """JSON-MIN: a record with the fields of the data, and a list of spans in a field named as the labels are."""

    unit: Unit | None = None

    def __init__(self, name: str, kind: Kind, field: str) -> None:
        """Describe the records.

        Args:
            name: Path of the file.
            kind: Kind of the file.
            field: Field of the spans.
        """
        self.name, self.kind, self.field = name, kind, field
        self.description = f"{NAME_OF[kind]}, JSON-MIN of Label Studio, labels in {field!r}"

    def documents(self, needs_labels: bool = True) -> Iterator[Document]:
        """Read the texts; a record without the field has no spans.

        Raises:
            CorpusError: A record is malformed.
        """
        for row, place, line in read_rows(self.name, self.kind):
            values = row.get(self.field) or []
            if not isinstance(values, list):
                raise CorpusError(f"{place}: expected a list of spans in {self.field!r}, found {values!r:.60}")
            spans = [span for value in values for span in _spans_of(value, place)]
            text = _text_of(self._data(row), TEXT, place)
            yield Document(text, spans, self.name, line, row, record=place.removeprefix(f"{self.name}, "))

    def written(self, document: Document, spans: Sequence[Span], offsets: Sequence[int]) -> Row:
        """A task with the data and predictions, as Label Studio imports no JSON-MIN; see ``Form``."""
        data = {**self._data(document.content)}
        return {"data": data, "predictions": [prediction(spans, offsets, self.field, TEXT)]}

    def _data(self, row: Row) -> Row:
        return {field: value for field, value in row.items() if field not in (*_OF_EXPORT, self.field)}


def prediction(spans: Sequence[Span], offsets: Sequence[int], from_name: str, to_name: str) -> Row:
    """A prediction in the form that Label Studio imports.

    Args:
        spans: Spans, in characters of the text.
        offsets: Offset of each character in the unit of the file.
        from_name: Name of the labels in the project.
        to_name: Name of the text in the project.
    """
    result = [
        {
            "id": f"{MODEL_VERSION}-{number}",
            "from_name": from_name,
            "to_name": to_name,
            "type": "labels",
            "score": round(span.score, 6),
            "value": {
                "start": offsets[span.start],
                "end": offsets[span.end],
                "text": span.text,
                "labels": [span.type],
            },
        }
        for number, span in enumerate(spans)
    ]
    least = min((span.score for span in spans), default=1.0)
    return {"model_version": MODEL_VERSION, "score": round(least, 6), "result": result}


def spans_field(row: Mapping[str, Any]) -> str | None:
    """The field of a record of JSON-MIN that holds spans; None if there is none."""
    for field, value in row.items():
        if isinstance(value, list) and value and isinstance(value[0], dict) and _is_value(value[0]):
            return field
    return None


def _is_value(value: Mapping[str, Any]) -> bool:
    return {"start", "end"} <= set(value) and isinstance(value.get("labels", value.get("hypertextlabels")), list)


def names_of(rows: Iterable[Mapping[str, Any]]) -> tuple[str, str]:
    """The names of labels and text in a project, by the first span in some tasks; "label" and "text" without one."""
    for row in rows:
        for result in chain.from_iterable(map(_results_of, _annotations_of(row))):
            if isinstance(result.get("from_name"), str) and isinstance(result.get("to_name"), str):
                return result["from_name"], result["to_name"]
    return "label", TEXT


def _annotations_of(row: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The annotations of a task that are not cancelled."""
    given: list[Any] = next((row[field] for field in _ANNOTATIONS if isinstance(row.get(field), list)), [])
    return [one for one in given if isinstance(one, dict) and not one.get("was_cancelled")]


def _results_of(annotation: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The spans of an annotation: no choices, relations or comments."""
    results = annotation.get("result")
    given = [one for one in results if isinstance(one, dict)] if isinstance(results, list) else []
    return [one for one in given if one.get("type") in ("labels", "hypertextlabels")]


def _is_own(one: Any) -> bool:
    return isinstance(one, dict) and one.get("model_version") == MODEL_VERSION


def _spans_of(value: Any, place: str) -> Iterator[CharSpan]:
    """The spans of a value, one for each of its labels."""
    if not isinstance(value, dict) or not {"start", "end"} <= set(value):
        raise CorpusError(f"{place}: expected a value with start, end and labels, found {value!r:.60}")
    labels = value.get("labels", value.get("hypertextlabels"))
    if not isinstance(labels, list) or not labels:
        raise CorpusError(
            f"{place}: expected labels of the span {value['start']}..{value['end']}, found {labels!r:.60}"
        )
    for label in labels:
        yield char_span(value["start"], value["end"], label, place, value.get("text"))


def _text_of(data: Mapping[str, Any], preferred: str, place: str) -> str:
    """The text of a task: the field of a name, the field ``text``, or the only string."""
    strings = [field for field, value in data.items() if isinstance(value, str)]
    for field in (preferred, TEXT, *(strings if len(strings) == 1 else ())):
        if field in strings:
            return str(data[field])
    found = ", ".join(strings or map(str, data)) or "none"
    raise CorpusError(f"{place}: expected a text in {TEXT!r}, or one string, in the data, found {found}")
