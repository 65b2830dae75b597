"""Occurrences as lines of a concordance: the word in brackets, with its context on both sides."""

from __future__ import annotations

from itertools import accumulate
from unicodedata import combining, east_asian_width

from elmo_lite.neighbors.occurrence_index import Occurrence


def concordance_line(occurrence: Occurrence, width: int) -> str:
    """Line with the word in brackets and whole words of context, up to ``width`` columns on each side.

    The context on the left is padded, so that the words of several lines stand below one another.
    """
    before, word, after = sides(occurrence, width)
    return f"{' ' * (width - num_columns(before))}{before} [{word}] {after}".rstrip()


def sides(occurrence: Occurrence, width: int) -> tuple[str, str, str]:
    """The text before a word, the word, and the text after it, in characters that can be printed.

    Args:
        occurrence: The word in its sentence.
        width: Maximum number of columns on each side. A word that does not fit is left out.
    """
    words, position = occurrence.words, occurrence.position
    before = _beginning(printable(" ".join(words[:position]))[::-1], width)[::-1]
    return before, printable(occurrence.word), _beginning(printable(" ".join(words[position + 1 :])), width)


def _beginning(text: str, width: int) -> str:
    """The first whole words of a text, or a part of the first one if it is wider than ``width`` columns."""
    fitting = sum(total <= width for total in accumulate(map(num_columns, text)))
    if fitting == len(text):
        return text
    return text[: fitting + 1].rpartition(" ")[0] or text[:fitting]


def num_columns(text: str) -> int:
    """The number of columns that a text takes on a terminal: two for a wide character, none for a combining one."""
    if text.isascii():
        return len(text)
    return sum(0 if combining(one) else 2 if east_asian_width(one) in "WF" else 1 for one in text)


def printable(text: str) -> str:
    """A text whose line breaks and control characters are replaced by U+FFFD."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)
