"""Documents in records of JSONL, Parquet and hub data sets: text, the words of a sentence, or sentences of words."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from elmo_lite.errors import CorpusError

Record = str | list[str] | list[list[str]]
"""A document: text, the words of one sentence, or sentences of words."""


TEXT_FIELDS = ("text", "words", "tokens")
"""Fields that may hold a document. By default, the only one of these that a record has is read."""


def choose_field(names: Iterable[object], field: str | None, where: str, what: str = "field") -> str:
    """The field of a record that holds its document.

    Args:
        names: Names of all fields.
        field: Name of the field to read. Defaults to the only one of "text", "words" and "tokens" that exists.
        where: Place of the record, for the error message.
        what: Word for a field in the error message. Defaults to "field".

    Raises:
        CorpusError: The field does not exist, or the default is ambiguous.
    """
    known = list(names)
    candidates = [name for name in TEXT_FIELDS if name in known] if field is None else [field] * (field in known)
    if len(candidates) == 1:
        return candidates[0]
    expected = f"one {what} of {', '.join(TEXT_FIELDS)}" if field is None else f"a {what} {field!r}"
    found = ", ".join(map(str, known)) or "none"
    raise CorpusError(f"{where}: expected {expected}, found {found} (choose with --text_field)")


def field_of(row: object, field: str | None, where: str) -> Record:
    """The document in one field of a record; see ``choose_field``.

    Raises:
        CorpusError: The record is not an object, the field does not exist, or it holds neither text nor words.
    """
    if not isinstance(row, dict):
        raise CorpusError(f"{where}: expected a JSON object, found {type(row).__name__}")
    name = choose_field(row, field, where)
    return as_record(row[name], where, name)


def as_record(value: object, where: str, field: str = "") -> Record:
    """Check that a value is text, a list of words or a list of sentences. None is an empty text.

    Raises:
        CorpusError: The value has another type, a word is empty or holds a line break, or the text holds a NUL or a
            lone surrogate.
    """
    if value is None:
        return ""
    if isinstance(value, str):
        _check_characters(value, where)
        return value
    if not isinstance(value, list):
        place = f" in {field!r}" if field else ""
        raise CorpusError(f"{where}: expected text or words{place}, found {type(value).__name__}")
    for words in sentences_of(value):
        _check_words(words, where)
    return value


def sentences_of(record: list[str] | list[list[str]]) -> list[list[str]]:
    """The sentences of a record of words. A flat list is one sentence."""
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
    """Approximate size of a record in bytes."""
    return len(record) if isinstance(record, str) else 8 * sum(len(part) for part in record)
