"""The kind of an input file, by its content; the suffix of its name is a hint where the content leaves a choice."""

from __future__ import annotations

import codecs
import json
from pathlib import Path
from typing import Any, Literal

from elmo_lite.errors import CorpusError
from elmo_lite.text.column_layout import detect_layout, first_rows
from elmo_lite.text.decompression import COMPRESSED_SUFFIXES
from elmo_lite.text.lines import SAMPLE_SIZE, sample_of
from elmo_lite.text.records import JSONL_SUFFIXES

Kind = Literal["text", "jsonl", "json", "parquet", "csv", "tsv", "columns", "hub"]
"""Text, JSON lines, a JSON array, Parquet, tables, one word per line, or a Hugging Face data set."""

COLUMN_SUFFIXES = (".conll", ".conllu", ".iob", ".iob2", ".bio")
"""Suffixes of files with one word per line."""

NAME_OF: dict[Kind, str] = {
    "text": "text",
    "jsonl": "JSON lines",
    "json": "a JSON array",
    "parquet": "Parquet",
    "csv": "CSV",
    "tsv": "TSV",
    "columns": "one word per line",
    "hub": "a Hugging Face data set",
}
_REFUSED = {
    b"PK\x03\x04": "a ZIP archive (or .docx, .xlsx)",
    b"%PDF-": "a PDF",
    b"\xd0\xcf\x11\xe0": "an Office file",
    b"{\\rtf": "RTF",
    b"ARROW1": "Arrow or Feather (save it as Parquet)",
    b"\xff\xff\xff\xff": "Arrow (give the directory that save_to_disk wrote, or save it as Parquet)",
    codecs.BOM_UTF16_LE: "UTF-16 (convert it to UTF-8)",
    codecs.BOM_UTF16_BE: "UTF-16 (convert it to UTF-8)",
}
_TAR, _TAR_PLACE = b"ustar", 257
_FEWEST_ROWS = 3


def kind_of(name: str | Path) -> Kind:
    """Recognise the kind of a file by its first bytes.

    Args:
        name: Path of the file, plain or compressed. A pipe is read only once, so its name alone decides.

    Raises:
        CorpusError: The file cannot be read, or is a document of an office program or an archive.
    """
    return kind_of_content(sample_of(name), name)


def kind_of_content(sample: bytes, name: str | Path) -> Kind:
    """Recognise the kind of a content by its first bytes, at most ``SAMPLE_SIZE``; see ``kind_of``."""
    path = Path(name)
    suffix = path.suffix.lower()
    if suffix in COMPRESSED_SUFFIXES:
        suffix = path.with_suffix("").suffix.lower()
    found = next((kind for magic, kind in _REFUSED.items() if sample.startswith(magic)), None)
    if found or sample[_TAR_PLACE:].startswith(_TAR):
        raise CorpusError(f"{name}: expected text, found {found or 'a tar archive'}")
    if suffix == ".parquet" or sample.startswith(b"PAR1"):
        return "parquet"
    if suffix in JSONL_SUFFIXES:
        return "jsonl"
    lines = _lines(sample)
    return _json_kind(lines, suffix) or _kind_of_lines(lines, suffix)


def _lines(sample: bytes) -> list[str]:
    """Whole lines that are not blank; part of one if there are none."""
    lines = sample.decode("utf-8", "replace").split("\n")
    if len(lines) > 1 and len(sample) >= SAMPLE_SIZE - 3:  # a byte order mark may have been removed
        lines.pop()
    return [line.removesuffix("\r") for line in lines if line.strip()]


def _json_kind(lines: list[str], suffix: str) -> Kind | None:
    """JSON lines are objects or, in a file with the name of JSON, lists of words; an array holds any of these."""
    start = lines[0].lstrip()[:1] if lines else ""
    if start == "[":
        values = [_parsed(line) for line in lines[:2]]
        if len(lines) > 1 and all(isinstance(value, list) and _has_words(value) for value in values):
            return "jsonl"
        after = "".join(lines).lstrip()[1:].lstrip()[:1] if suffix == ".json" or not values[0] else _first(values[0])
        is_array = after in ("{", "[", '"') or (after == "]" and suffix == ".json")
        return "json" if is_array else None
    if start == "{" and all(isinstance(_parsed(line), dict) for line in lines[:2]):
        return "jsonl"
    return "jsonl" if suffix == ".json" else None


def _parsed(line: str) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _has_words(value: list[Any]) -> bool:
    return bool(value) and all(isinstance(part, str | list) for part in value)


def _first(value: Any) -> str:
    """The first character of the first value of a list in JSON."""
    return json.dumps(value[0])[:1] if isinstance(value, list) and value else ""


def _kind_of_lines(lines: list[str], suffix: str) -> Kind:
    if suffix == ".csv":
        return "csv"
    if suffix in COLUMN_SUFFIXES or _are_columns(lines):
        return "columns"
    return "tsv" if suffix == ".tsv" else "text"


def _are_columns(lines: list[str]) -> bool:
    """Whether nine of ten lines have the same number of columns, two or more, and one of them holds tags or ids.

    Between blanks, one or two rows are none: they may be sentences, as "The B-52 landed .".
    """
    rows = first_rows(enumerate(lines))
    if not rows or (len(rows) < _FEWEST_ROWS and not any("\t" in row for row in rows)):
        return False
    layout = detect_layout(rows, "sample", None, None, with_tags=False)
    is_tagged = bool(layout.tags) or (layout.has_ids and layout.num_columns > 2)
    return layout.num_columns > 1 and layout.regularity >= 0.9 and is_tagged
