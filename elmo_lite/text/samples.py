"""The beginnings of inputs: for a choice that is made before they are read, and to find wrong ones early."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from elmo_lite.text.blocks import block_records
from elmo_lite.text.documents import Record
from elmo_lite.text.lines import SAMPLE_SIZE, sample_of
from elmo_lite.text.sources import Source

log = logging.getLogger("elmo_lite")

_MOST_INPUTS = 8
_NUMBERED_SAMPLE = 100
"""Number of lines by which a file of numbered lines is recognised."""
_BEGINNINGS = {
    "HTML or XML, whose tags": re.compile(r"\s*<(!doctype|html|\?xml|mediawiki)[\s>]", re.IGNORECASE),
    "subtitles, whose numbers and times": re.compile(r"\s*(\d+\r?\n\d+:\d\d:\d\d[,.]\d+ --> |WEBVTT\s)"),
}
"""What a text file may be besides text, with its beginning."""


def sample_text(sources: Sequence[Source], field: str | None = None) -> str:
    """Text from the beginning of the first inputs, at most ``SAMPLE_SIZE`` bytes or characters of each.

    Sentences given as words hold no raw text. Pipes have no sample, since they are read only once; of standard input,
    it is what is there at the first look.

    Args:
        sources: Inputs; the first eight are read.
        field: Field of records. Defaults to the only one of text, words and tokens that a record has.

    Raises:
        CorpusError: An input cannot be read, or a record is not as expected.
    """
    return "\n".join(_beginning(source, field) for source in sources[:_MOST_INPUTS])


def warn_of_beginnings(sources: Iterable[Source]) -> None:
    """Warn of text files that begin as markup, subtitles, or numbered lines, unless the numbers are removed.

    Args:
        sources: Inputs; of pipes nothing is known yet.
    """
    for source in sources:
        if source.kind == "text" and not source.is_standard_input:
            text = sample_of(source.name).decode("utf-8", "replace")
            for found, beginning in _BEGINNINGS.items():
                if beginning.match(text):
                    log.warning("%s: begins as %s are read as words (extract its text first)", source.name, found)
            if not source.is_numbered and _is_numbered(text.split("\n")[:_NUMBERED_SAMPLE]):
                hint = "which are read as words (--numbered_lines removes them)"
                log.warning("%s: lines begin with numbers and a TAB, %s", source.name, hint)


def _is_numbered(lines: list[str]) -> bool:
    """Whether lines begin with 1, 2, 3, ... or later numbers in order, and a TAB."""
    numbers = [line.partition("\t")[0] for line in lines if "\t" in line]
    first = int(numbers[0]) if numbers and numbers[0].isdecimal() and len(numbers[0]) < 10 else 0
    return len(numbers) > 1 and numbers == [str(first + place) for place in range(len(lines))][: len(numbers)]


def check_beginnings(sources: Sequence[Source], field: str | None = None) -> None:
    """Read the first record of every file of records, so that a file without text is an error before any work.

    Args:
        sources: Inputs; text, pipes and hub data sets are not read.
        field: Field of records. Defaults to the only one of text, words and tokens that a record has.

    Raises:
        CorpusError: A file cannot be read, or its first record is not as expected.
    """
    for source in sources:
        if source.kind not in ("text", "hub", "json") and Path(source.name).is_file():
            next(_records(replace(source), field), None)  # of a copy, whose position moves


def _beginning(source: Source, field: str | None) -> str:
    if source.is_standard_input:
        peek = getattr(sys.stdin.buffer, "peek", None)
        return "" if peek is None else peek(SAMPLE_SIZE)[:SAMPLE_SIZE].decode("utf-8", "replace")
    if source.kind == "text":
        return sample_of(source.name).decode("utf-8", "replace")
    if source.kind != "hub" and not Path(source.name).is_file():
        return ""
    texts: list[str] = []
    size = 0
    for record in _records(source, field):
        if isinstance(record, str):
            texts.append(record[: SAMPLE_SIZE - size])
        size += len(record)
        if size >= SAMPLE_SIZE:
            break
    return "\n".join(texts)


def _records(source: Source, field: str | None) -> Iterator[Record]:
    if source.kind == "jsonl":
        for block in source.blocks(field, SAMPLE_SIZE):
            yield from block_records(block, field)
    else:
        yield from source.records(field)
