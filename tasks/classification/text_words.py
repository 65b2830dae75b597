"""The words of texts in memory that are to be classified: of single texts, or of pairs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from elmo_lite import CorpusError, Tokenization
from tasks.inputs.in_memory import items_of

Texts = tuple[Sequence[str], ...]
"""The words of a text, or of both texts of a pair."""


def words_of_texts(texts: Iterable[Any], tokenization: Tokenization, pairs: bool) -> list[Texts]:
    """The words of each text, or of both texts of each pair.

    Args:
        texts: Strings or lists of words; tuples or lists of two of them if ``pairs``.
        tokenization: Tokenisation of strings.
        pairs: Whether each item is a pair.

    Raises:
        CorpusError: An item is neither, or ``texts`` is one string, a dictionary or a table.
    """
    what = "pair" if pairs else "text"
    if pairs and hasattr(texts, "tolist"):
        texts = texts.tolist()  # an array of shape (N, 2)
    items = items_of(texts, "texts", what)
    if not pairs:
        return [(_words(text, number, tokenization),) for number, text in enumerate(items)]
    for number, pair in enumerate(items):
        if not isinstance(pair, list | tuple) or len(pair) != 2:
            raise CorpusError(f"pair {number}: expected two texts, found {pair!r:.80}")
    return [tuple(_words(text, number, tokenization, "pair") for text in pair) for number, pair in enumerate(items)]


def _words(text: Any, number: int, tokenization: Tokenization, what: str = "text") -> list[str]:
    if isinstance(text, str):
        return tokenization.words(text)
    words = list(text) if isinstance(text, Sequence) and not isinstance(text, bytes) else [None]
    if not all(isinstance(word, str) and word for word in words):
        raise CorpusError(f"{what} {number}: expected a text or a list of words, found {text!r:.80}")
    return list(map(str, words))
