"""spaCy's DocBin (.spacy), read and written by spaCy: labels are hashes there, some of which only spaCy can resolve.

https://spacy.io/api/docbin
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from elmo_lite import CorpusError
from elmo_lite.errors import one_line
from elmo_lite.extras import named_extra
from tasks.tagging.prediction import Span
from tasks.tagging.spans.document import CharSpan, Document
from tasks.tagging.spans.offsets import Unit

SUFFIX = ".spacy"
_EXPANSION, _ALWAYS = 100, 64 << 20
"""How many times its size a file may expand to, and the bytes that every file may.

Real text expands to 20 times its size, little text of one repeated word to 300 times.
"""
_SLICE = 1 << 16
"""Bytes that are expanded at a time."""


def is_docbin(path: Path) -> bool:
    """Whether a file is a DocBin: by its suffix, or an object of msgpack with a version, compressed by zlib."""
    if not path.is_file() or path.suffix == SUFFIX:
        return path.is_file()
    with suppress(OSError, zlib.error), path.open("rb") as file:
        return b"version" in zlib.decompressobj().decompress(file.read(256), 64)
    return False


def _check_size(path: Path) -> None:
    """Raise an error for a file that expands to more than any DocBin of its size does: spaCy reads it all at once."""
    limit = max(_EXPANSION * path.stat().st_size, _ALWAYS)
    stream, size = zlib.decompressobj(), 0
    with suppress(zlib.error), path.open("rb") as file:  # spaCy says what is damaged
        rest = b""
        while data := rest or file.read(_SLICE):
            size += len(stream.decompress(data, _SLICE))
            rest = stream.unconsumed_tail
            if size > limit:
                expected = f"at most {limit:,} bytes in a DocBin of {path.stat().st_size:,}"
                raise CorpusError(f"{path}: expected {expected}, found more")


class DocBins:
    """The texts of a DocBin, with the entities of each (``Doc.ents``)."""

    description = "spaCy's DocBin"
    unit: Unit | None = "code_points"

    def __init__(self, name: str) -> None:
        """Take the path of a file."""
        self.name = name

    def documents(self, needs_labels: bool = True) -> Iterator[Document]:
        """Read the texts; one without any annotation of entities is not labelled.

        Raises:
            CorpusError: The file is damaged.
            ModuleNotFoundError: spaCy is not installed.
        """
        _check_size(Path(self.name))
        with named_extra(self.name):
            import spacy
            from spacy.tokens import DocBin
        try:
            docs = list(DocBin().from_disk(self.name).get_docs(spacy.blank("xx").vocab))
        except (ValueError, KeyError, TypeError, IndexError) as error:
            raise CorpusError(
                f"{self.name}: expected a DocBin of spaCy, found a damaged one: {one_line(error)}"
            ) from None
        for number, doc in enumerate(docs, start=1):
            place = f"{self.name}, record {number}"
            spans = [CharSpan(ent.start_char, ent.end_char, ent.label_, place, ent.text) for ent in doc.ents]
            yield Document(doc.text, spans, self.name, number, doc, doc.has_annotation("ENT_IOB"), f"record {number}")


def with_entities(doc: Any, spans: Sequence[Span]) -> Any:
    """A copy of a spaCy document with other entities, extended to its own words; of overlapping ones, the longest."""
    from spacy.util import filter_spans

    found = doc.copy()
    mode = {"alignment_mode": "expand"}
    found.ents = filter_spans([doc.char_span(span.start, span.end, label=span.type, **mode) for span in spans])
    return found


def write_docbin(path: Path, docs: Sequence[Any]) -> None:
    """Write a DocBin."""
    from spacy.tokens import DocBin

    path.write_bytes(DocBin(docs=docs, store_user_data=True).to_bytes())
