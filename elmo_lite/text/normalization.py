"""Unicode normalisation of words in linear time."""

from __future__ import annotations

import unicodedata
from itertools import groupby

_SHORT = 64


def to_nfc(word: str) -> str:
    """The canonical composition (NFC) of a word.

    Long words are decomposed here, because ``unicodedata.normalize`` orders combining marks by an insertion sort, which
    takes hours for a megabyte of them.
    """
    return unicodedata.normalize("NFC", word if len(word) <= _SHORT else _decomposed(word))


def _decomposed(word: str) -> str:
    """The canonical decomposition (NFD): each run of combining marks in ascending order of class, by a stable sort."""
    characters = "".join(unicodedata.normalize("NFD", character) for character in word)
    runs = groupby(characters, key=lambda character: unicodedata.combining(character) > 0)
    return "".join("".join(sorted(run, key=unicodedata.combining) if is_marks else run) for is_marks, run in runs)
