"""Documents inside records (JSONL, Parquet, hub data sets): text, the words of a sentence, or sentences of words."""

from __future__ import annotations

from typing import cast

from elmo_lite.errors import CorpusError

Record = str | list[str] | list[list[str]]
"""A document: text, the words of one sentence, or sentences of words."""


def field_of(row: object, field: str, where: str) -> Record:
    """The document in one field of a record.

    Raises:
        CorpusError: no such field, or neither text nor words in it.
    """
    if not isinstance(row, dict):
        raise CorpusError(f"{where}: expected an object with a field {field!r}, found {type(row).__name__}")
    if field not in row:
        found = ", ".join(map(str, row)) or "none"
        raise CorpusError(f"{where}: expected a field {field!r}, found {found} (choose with --text_field)")
    return as_record(row[field], where, field)


def as_record(value: object, where: str, field: str) -> Record:
    """Check that a value is text, a list of words or a list of sentences; null is an empty text.

    Raises:
        CorpusError: it is not, a word is empty or holds a line break, or there is a NUL or a lone surrogate.
    """
    if value is None:
        return ""
    if isinstance(value, str):
        _check_characters(value, where)
        return value
    if not isinstance(value, list):
        raise CorpusError(f"{where}: expected text or words in {field!r}, found {type(value).__name__}")
    for words in sentences_of(value):
        _check_words(words, where)
    return value


def sentences_of(record: list[str] | list[list[str]]) -> list[list[str]]:
    """The sentences of a record of words: a flat list is one sentence."""
    is_nested = bool(record) and isinstance(record[0], list)
    return cast(list[list[str]], record if is_nested else [record])


def _check_words(words: object, where: str) -> None:
    if not isinstance(words, list):
        raise CorpusError(f"{where}: expected a list of words, found {type(words).__name__}")
    for word in words:
        if not isinstance(word, str) or not word or "\n" in word:
            raise CorpusError(f"{where}: expected words that are not empty and have no line break, found {word!r:.60}")
        _check_characters(word, where)


def _check_characters(text: str, where: str) -> None:
    if "\0" in text:
        raise CorpusError(f"{where}: expected text, found a NUL character")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise CorpusError(f"{where}: expected Unicode text, found half of a surrogate pair") from None


def size_of(record: Record) -> int:
    """Bytes of a record, about."""
    return len(record) if isinstance(record, str) else 8 * sum(len(part) for part in record)
