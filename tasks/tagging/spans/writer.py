"""OUTPUT in the form of INPUT: records, a directory of brat's files, a DocBin; or the sentences of all texts."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import IO, Any, Protocol

from elmo_lite.files import put_in_place, replace_file, scratch_directory
from elmo_lite.outputs import open_output
from tasks.tagging.output_formats import Format, format_predictions, storable
from tasks.tagging.spans.brat import SPANS, TEXTS, Brat, spans_file
from tasks.tagging.spans.docbin import with_entities, write_docbin
from tasks.tagging.spans.document import Document
from tasks.tagging.spans.forms import RecordForm
from tasks.tagging.spans.offsets import Unit, unit_offsets
from tasks.tagging.spans.prediction import TaggedText


class Sink(Protocol):
    """Where tagged texts go, one after another."""

    def write(self, document: Document, tagged: TaggedText) -> None:
        """Write a text with what was found in it."""


Opened = AbstractContextManager[Sink]
"""A sink that is put in place at the end of its block, whole or not at all."""


class _Records:
    def __init__(self, file: IO[str], form: RecordForm, unit: Unit, is_array: bool) -> None:
        self._file, self._form, self._unit, self._is_array = file, form, unit, is_array
        self._number = 0

    def write(self, document: Document, tagged: TaggedText) -> None:
        row = self._form.written(document, tagged.spans, unit_offsets(document.text, self._unit))
        text = json.dumps({name: storable(value) for name, value in row.items()}, ensure_ascii=False, allow_nan=False)
        self._file.write(f"{',' if self._number else '['}\n{text}" if self._is_array else f"{text}\n")
        self._number += 1

    def finish(self) -> None:
        if self._is_array:
            self._file.write("\n]\n" if self._number else "[]\n")


@contextmanager
def records(output: str | None, form: RecordForm, unit: Unit, *, is_array: bool) -> Iterator[Sink]:
    """Records of JSON, one per line or in an array.

    Args:
        output: Path of OUTPUT, or None for standard output.
        form: What the records are.
        unit: Unit of the offsets.
        is_array: Whether they are one array.
    """
    with open_output(output) as file:
        sink = _Records(file, form, unit, is_array)
        yield sink
        sink.finish()


class _Sentences:
    def __init__(self, file: IO[str], labels: Sequence[str], kind: Format, probabilities: bool) -> None:
        self._file, self._labels, self._kind, self._probabilities = file, labels, kind, probabilities
        self._number = 0

    def write(self, document: Document, tagged: TaggedText) -> None:
        given = tagged.sentences, self._labels, self._kind, self._probabilities
        self._file.write(format_predictions(*given, first=self._number + 1))
        self._number += len(tagged.sentences)


@contextmanager
def sentences(output: str | None, labels: Sequence[str], kind: Format, probabilities: bool) -> Iterator[Sink]:
    """The sentences of all texts in a format of ``output_formats``; see ``format_predictions``."""
    with open_output(output) as file:
        yield _Sentences(file, labels, kind, probabilities)


class _Directory:
    def __init__(self, scratch: Path, root: Path, unit: Unit, with_scores: bool) -> None:
        self._scratch, self._root, self._unit, self._with_scores = scratch, root, unit, with_scores

    def write(self, document: Document, tagged: TaggedText) -> None:
        place = self._scratch / document.content.relative_to(self._root)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(document.content, place.with_suffix(TEXTS))
        offsets = unit_offsets(document.text, self._unit)
        content = spans_file(document.text, tagged.spans, offsets, self._with_scores)
        place.with_name(f"{place.name.removesuffix(TEXTS)}{SPANS}").write_bytes(content.encode())


@contextmanager
def directory(output: str, form: Brat, unit: Unit, *, with_scores: bool) -> Iterator[Sink]:
    """Files of brat: a copy of each text, and its spans beside it.

    Args:
        output: Path of the directory. If it exists, files of the same names are replaced and others are kept.
        form: The texts.
        unit: Unit of the offsets.
        with_scores: Whether each span has a note with its score.
    """
    target = Path(output)
    with scratch_directory(target) as scratch:
        yield _Directory(scratch, form.root, unit, with_scores)
        if not target.exists():
            put_in_place(scratch, target)
            return
        for file in sorted(path for path in scratch.rglob("*") if path.is_file()):
            place = target / file.relative_to(scratch)
            place.parent.mkdir(parents=True, exist_ok=True)
            os.replace(file, place)


class _Docs:
    def __init__(self) -> None:
        self.docs: list[Any] = []

    def write(self, document: Document, tagged: TaggedText) -> None:
        self.docs.append(with_entities(document.content, tagged.spans))


@contextmanager
def docbin(output: str) -> Iterator[Sink]:
    """A DocBin of spaCy; its documents are in memory, as the format has them."""
    sink = _Docs()
    yield sink
    with replace_file(output) as scratch:
        write_docbin(scratch, sink.docs)
