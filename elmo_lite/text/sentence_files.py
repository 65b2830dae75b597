"""Files of sentences: one sentence per line or record, empty ones included."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from elmo_lite.errors import CorpusError
from elmo_lite.text.blocks import Block
from elmo_lite.text.documents import Record, as_record, field_of
from elmo_lite.text.records import parse_json
from elmo_lite.text.sources import find_sources
from elmo_lite.text.tokenization import Tokenization


def read_sentences(
    source: str, tokenization: Tokenization, text_field: str | None = None, numbered_lines: bool = False
) -> Iterator[list[str]]:
    """Yield one sentence per line or record, empty ones included.

    Args:
        source: Path, glob or hub name, of any kind of ``kinds.Kind``. A JSON value is a list of words, a string, or an
            object with either in ``text_field``.
        tokenization: Tokenisation of strings. Lists of words are returned unchanged.
        text_field: Field of objects and records. Defaults to the only one of text, words and tokens.
        numbered_lines: Whether to remove a number and a TAB at the beginning of each line of text. Defaults to False.

    Raises:
        CorpusError: A line is not UTF-8, holds a NUL or is not as expected. The message names file and line.
    """
    for file in find_sources([source], numbered_lines=numbered_lines):
        for block in file.blocks(text_field):
            for where, record in placed_records(block, text_field):
                yield words_of(record, tokenization, where)


def words_of(record: Record, tokenization: Tokenization, where: str) -> list[str]:
    """The words of a record that is one sentence, which a text is split into; see ``as_sentence``."""
    sentence = as_sentence(record, where)
    return tokenization.words(sentence) if isinstance(sentence, str) else sentence


def as_sentence(record: Record, where: str) -> str | list[str]:
    """Check that a record is one sentence, as text or words.

    Raises:
        CorpusError: It is a list of sentences.
    """
    if record and isinstance(record[0], list):
        raise CorpusError(f"{where}: expected the words of one sentence, found a list of lists")
    return cast(str | list[str], record)


def placed_records(block: Block, text_field: str | None) -> Iterator[tuple[str, Record]]:
    """Iterate over the lines or records of a block with their places, such as ``text.txt, line 3``.

    Args:
        block: The block.
        text_field: Field of objects. Defaults to the only one of text, words and tokens.

    Raises:
        CorpusError: A line is not UTF-8, holds a NUL or is not as expected. The message names file and line.
    """
    if block.kind not in ("text", "jsonl"):
        for number, record in enumerate(block.records, block.first_line):
            yield f"{block.name}, record {number}", record
        return
    lines = block.text().split("\n")
    if lines[-1] == "":
        lines.pop()  # a line break ends a line; it does not begin another
    for number, line in enumerate(lines, block.first_line):
        where = f"{block.name}, line {number}"
        yield where, line if block.kind == "text" or not line.strip() else _json(line, where, text_field)


def _json(line: str, where: str, text_field: str | None) -> Record:
    value = parse_json(line, where)
    return field_of(value, text_field, where) if isinstance(value, dict) else as_record(value, where)
