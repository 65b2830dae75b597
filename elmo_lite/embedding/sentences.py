"""Validation of the sentences of a user, and conversion to lists of words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set

from elmo_lite.errors import CorpusError

Sentence = str | Sequence[str]
"""A sequence of words, which are never split again, or a plain ``str``, which is tokenised."""


def checked_sentences(sentences: Iterable[Sentence], tokenize: Callable[[str], list[str]]) -> Iterator[list[str]]:
    """Sentences as lists of words, read lazily.

    Args:
        sentences: Lists of words, or strings.
        tokenize: Function that splits a string into words.

    Returns:
        The words of each sentence.

    Raises:
        CorpusError: There is no iterable of sentences; or, while they are read, a sentence or a word is of the wrong
            type, and the message gives its number.
    """
    if found := _not_a_list(sentences):
        raise CorpusError(f"sentences: expected an iterable of sentences, found {found}")
    try:
        read = iter(sentences)
    except TypeError:  # also of an array without dimensions
        found = f"{type(sentences).__name__} {sentences!r}"[:80]
        raise CorpusError(f"sentences: expected an iterable of sentences, found {found}") from None
    return _checked(read, tokenize)


def _checked(sentences: Iterator[Sentence], tokenize: Callable[[str], list[str]]) -> Iterator[list[str]]:
    for number, sentence in enumerate(sentences):
        if isinstance(sentence, str):
            yield tokenize(sentence)
            continue
        if type(sentence) is not list and (found := _not_a_list(sentence)):
            raise CorpusError(f"sentence {number}: expected a list of words or a string, found {found}")
        try:
            words = list(sentence)
        except TypeError:
            found = f"{type(sentence).__name__} {sentence!r}"[:80]
            raise CorpusError(f"sentence {number}: expected a list of words or a string, found {found}") from None
        if not set(map(type, words)) <= {str}:
            words = [_word(word, number, position) for position, word in enumerate(words)]
        yield words


def _not_a_list(value: object) -> str:
    """What an iterable is whose items are not meant, with what to pass instead; empty for any other value."""
    if isinstance(value, str):
        return "one string: put it in a list"
    if isinstance(value, bytes | bytearray | memoryview):
        return "bytes: decode them"
    if isinstance(value, Mapping):
        return "a mapping, which would give its keys: pass the list of one of its values"
    if isinstance(value, Set):
        return "a set, which has no order: pass a list"
    if hasattr(value, "columns"):  # tables of pandas, Polars and Arrow
        columns = f"a {type(value).__name__}, which would give its columns"
        return f'{columns}: pass one of them, as in frame["text"].tolist()'
    return ""


def _word(word: object, sentence: int, position: int) -> str:
    if not isinstance(word, str):
        found = f"{type(word).__name__} {word!r}"[:80]
        raise CorpusError(f"sentence {sentence}, word {position}: expected a string, found {found}")
    return str(word)
