"""Occurrences as lines of a concordance: the word in brackets, with its context on both sides."""

from __future__ import annotations

from elmo_lite.neighbors.occurrence_index import Occurrence


def concordance_line(occurrence: Occurrence, width: int) -> str:
    """Line with the word in brackets and whole words of context, up to ``width`` characters on each side.

    The context on the left is padded, so that the words of several lines stand below one another.
    """
    before, word, after = sides(occurrence, width)
    return f"{before:>{width}} [{word}] {after}".rstrip()


def sides(occurrence: Occurrence, width: int) -> tuple[str, str, str]:
    """The text before a word, the word, and the text after it, in characters that can be printed.

    Args:
        occurrence: The word in its sentence.
        width: Maximum number of characters on each side. A word that does not fit is left out.
    """
    words, position = occurrence.words, occurrence.position
    before = _beginning(printable(" ".join(words[:position]))[::-1], width)[::-1]
    return before, printable(occurrence.word), _beginning(printable(" ".join(words[position + 1 :])), width)


def _beginning(text: str, width: int) -> str:
    """The first whole words of a text, or a part of the first one if it is longer than ``width`` characters."""
    if len(text) <= width:
        return text
    return text[: width + 1].rpartition(" ")[0] or text[:width]


def printable(text: str) -> str:
    """A text whose line breaks and control characters are replaced by U+FFFD."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)
