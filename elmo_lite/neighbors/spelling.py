"""Words of a text that are spelled like another word."""

from __future__ import annotations

import difflib
from collections import Counter

_MAX_CANDIDATES = 50_000
_MAX_LENGTH_DIFFERENCE = 2


def nearest_spellings(word: str, counts: Counter[str], number: int = 3) -> str:
    """Words of a text with a similar spelling, as in ``play, plays or Play``; empty if there is none.

    Args:
        word: The word.
        counts: Number of occurrences of each word of the text; only the most frequent ones are compared.
        number: Maximum number of words that are named.
    """
    frequent = [other for other, _ in counts.most_common(_MAX_CANDIDATES)]
    other_case = [other for other in frequent if other.casefold() == word.casefold()]
    similar = [other for other in frequent if abs(len(other) - len(word)) <= _MAX_LENGTH_DIFFERENCE]
    close = difflib.get_close_matches(word, similar, n=number)
    *first, last = list(dict.fromkeys([*other_case, *close]))[:number] or [""]
    return f"{', '.join(first)} or {last}" if first else last
