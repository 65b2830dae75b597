"""The beginnings of inputs: for a choice that is made before they are read, and to find wrong ones early."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from elmo_lite.text.blocks import block_records
from elmo_lite.text.documents import Record
from elmo_lite.text.lines import SAMPLE_SIZE, sample_of
from elmo_lite.text.sources import Source

_MOST_INPUTS = 8


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
