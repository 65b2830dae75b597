"""Sentences as users give them, checked and turned into lists of words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from elmo_lite.errors import CorpusError

Sentence = str | Sequence[str]
"""Words, which are never split again; or a plain ``str``, which is tokenised."""


def checked_sentences(sentences: Iterable[Sentence], tokenize: Callable[[str], list[str]]) -> Iterator[list[str]]:
    """Lists of words, read lazily.

    Args:
        sentences: Lists of words, or strings.
        tokenize: Splits a string into words.

    Raises:
        CorpusError: A sentence or a word of the wrong type, with its number.
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
