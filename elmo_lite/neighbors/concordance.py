"""Occurrences as lines of a concordance: the word in brackets, with its context on both sides."""

from __future__ import annotations

from elmo_lite.neighbors.occurrence_index import Occurrence


def concordance_line(occurrence: Occurrence, width: int) -> str:
    """Line with the word in brackets and up to ``width`` characters of context on each side.

    The context on the left is padded, so that the words of several lines stand below one another.
    """
    before, word, after = sides(occurrence)
    return f"{before[-width:]:>{width}} [{word}] {after[:width]}".rstrip()


def sides(occurrence: Occurrence) -> tuple[str, str, str]:
    """The text before a word, the word and the text after it; characters that cannot be printed are replaced."""
    words, position = occurrence.words, occurrence.position
    before, after = words[:position], words[position + 1 :]
    return printable(" ".join(before)), printable(occurrence.word), printable(" ".join(after))


def printable(text: str) -> str:
    """A text whose line breaks and control characters are replaced by U+FFFD."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)
