"""Validation of the sentences of a user, and conversion to lists of words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from elmo_lite.errors import CorpusError

Sentence = str | Sequence[str]
"""A sequence of words, which are never split again, or a plain ``str``, which is tokenised."""


def checked_sentences(sentences: Iterable[Sentence], tokenize: Callable[[str], list[str]]) -> Iterator[list[str]]:
    """Yield sentences as lists of words, reading them lazily.

    Args:
        sentences: Lists of words, or strings.
        tokenize: Function that splits a string into words.

    Yields:
        The words of each sentence.

    Raises:
        CorpusError: A sentence or a word is of the wrong type; the message gives its number.
    """
    if isinstance(sentences, str | bytes):
        raise CorpusError("sentences: expected an iterable of sentences, found one string: put it in a list")
    for number, sentence in enumerate(sentences):
        if isinstance(sentence, str):
            yield tokenize(sentence)
            continue
        try:
            words = list(sentence)
        except TypeError:
            found = f"{type(sentence).__name__} {sentence!r}"[:80]
            raise CorpusError(f"sentence {number}: expected a list of words or a string, found {found}") from None
        if not set(map(type, words)) <= {str}:
            words = [_word(word, number, position) for position, word in enumerate(words)]
        yield words


def _word(word: object, sentence: int, position: int) -> str:
    if not isinstance(word, str):
        found = f"{type(word).__name__} {word!r}"[:80]
        raise CorpusError(f"sentence {sentence}, word {position}: expected a string, found {found}")
    return str(word)
