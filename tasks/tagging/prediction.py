"""What a tagger finds in a sentence: words, labels and entities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tasks.tagging.model import Decoded
from tasks.tagging.tags import OUTSIDE, spell

PREDICATE = "V"
"""Type of the span that a predicate itself is."""


@dataclass(frozen=True)
class Marked:
    """A sentence with a marked predicate, whose arguments are to be found."""

    words: Sequence[str]
    """Words of the sentence."""
    marked: Sequence[int]
    """Indices of the words of the predicate."""


Sentence = str | Sequence[str] | Marked
"""A string, which is split by the tagger's tokenisation, a list of words, which are not split, or marked words."""


@dataclass(frozen=True)
class Span:
    """A predicted entity; where labels are not those of spans, a word with its label."""

    text: str
    """Text of the entity. If the sentence is a list of words, those of the entity joined by blanks."""
    type: str
    """Type of the entity, such as PER, or label of the word."""
    start: int
    """Index of the first character. If the sentence is a list of words, that of the first word."""
    end: int
    """Index after the last character or word."""
    start_word: int
    """Index of the first word."""
    end_word: int
    """Index after the last word."""
    score: float
    """Marginal probability of the entity with exactly this start, end and type, in 0..1."""


@dataclass(frozen=True)
class Tagged:
    """The words of a sentence with their predictions."""

    words: list[str]
    decoded: Decoded
    spans: list[Span]
    marked: Sequence[int] = ()
    """Indices of the words of the predicate; empty if there is none."""

    @property
    def tags(self) -> list[str]:
        """The label of each word; IOB2 if labels are those of spans. The predicate itself is B-V."""
        decoded = self.decoded
        if not decoded.has_spans:
            return decoded.tags
        tags = spell(decoded.entities, len(self.words), "IOB2")
        of_predicate = {place: f"B-{PREDICATE}" for place in self.marked}
        return [of_predicate.get(place, tag) if tag == OUTSIDE else tag for place, tag in enumerate(tags)]


def tagged_sentence(sentence: Sentence, pieces: list[tuple[str, int, int]], decoded: Decoded) -> Tagged:
    """A sentence with its entities.

    Args:
        sentence: String, list of words or marked words.
        pieces: (word, start, end) of each word: offsets in characters of a string, or in words of a list.
        decoded: Output of the network.
    """
    words = [word for word, _, _ in pieces]
    marked = tuple(sentence.marked) if isinstance(sentence, Marked) else ()
    spans = []
    for (first, stop, kind), score in zip(decoded.entities, decoded.scores, strict=True):
        start, end = pieces[first][1], pieces[stop - 1][2]
        text = sentence[start:end] if isinstance(sentence, str) else " ".join(words[first:stop])
        spans.append(Span(text, kind, start, end, first, stop, score))
    return Tagged(words, decoded, spans, marked)
