"""Spans of characters to tags of words.

Text is split into sentences and words by the tokenisation of the model, as in prediction. Where a span does not fit:

- A span that begins or ends inside a word is extended to the whole word: a word has one tag, and without the span the
  model would learn that the word is none.
- Of spans that overlap, the longest is kept; of equally long ones, the first.
- A span that reaches over the end of a sentence joins the sentences, since the end was found by rules.
- A span over blanks alone is left out.

All are counted, and the first few are logged (``Notes``). Offsets outside of the text are errors.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from elmo_lite import CorpusError, Tokenization
from tasks.tagging.sentences import TaggedSentence
from tasks.tagging.spans.document import Document
from tasks.tagging.spans.notes import Notes
from tasks.tagging.spans.offsets import NAME_OF_UNIT, Unit, is_same_text, to_code_point, unit_offsets
from tasks.tagging.tags import Entity, spell

Word = tuple[str, int, int]
"""A word, the offset of its first character, and the offset after its last one."""


class _Placed(NamedTuple):
    """A span in characters of the text, and its words."""

    start: int
    end: int
    words: Entity


def tagged_sentences(
    document: Document, tokenization: Tokenization, unit: Unit, notes: Notes, number: int = 0
) -> list[TaggedSentence]:
    """The sentences of a text with BIOES tags.

    Args:
        document: The text with its spans.
        tokenization: What finds sentences and words.
        unit: Unit of the offsets.
        notes: Where adjustments are counted.
        number: Number of the text in its source. Defaults to 0, which is unknown.

    Raises:
        CorpusError: A span lies outside of the text.
    """
    for title, detail in document.notes:
        notes.add(title, detail)
    sentences = tokenization.sentences_with_offsets(document.text)
    words = [word for sentence in sentences for word in sentence]
    entities = sorted(span.words for span in _without_overlaps(_placed(document, words, unit, notes), document, notes))
    tags = spell(entities, len(words), "BIOES")
    found, begin = [], 0
    for end in _ends(sentences, entities, words, document, notes):
        line = document.line_of(words[begin][1])
        kept = tuple(word for word, _, _ in words[begin:end])
        found.append(TaggedSentence(kept, tuple(tags[begin:end]), document.source, line, document=number))
        begin = end
    return found


def _placed(document: Document, words: Sequence[Word], unit: Unit, notes: Notes) -> list[_Placed]:
    """The words of each span; the same span with the same label counts once."""
    offsets = unit_offsets(document.text, unit)
    starts, ends = [start for _, start, _ in words], [end for _, _, end in words]
    found: dict[Entity, _Placed] = {}
    for span in document.spans:
        start, end = to_code_point(span.start, offsets), to_code_point(span.end, offsets)
        if start is None or end is None:
            expected = f"a span in 0..{offsets[-1]}, the length of its text in {NAME_OF_UNIT[unit]}"
            raise CorpusError(f"{span.place}: expected {expected}, found {span.start}..{span.end}")
        text = document.text[start:end]
        where = _short(span.place, document)
        if span.text is not None and not is_same_text(text, span.text):
            notes.add("spans over another text than they repeat, taken by their offsets", f"{where} {text!r:.40}")
        first, last = bisect_right(ends, start), bisect_left(starts, end)
        if first >= last:
            notes.add("spans without a word, left out", f"{where} {text!r:.40}")
            continue
        if starts[first] < start or ends[last - 1] > end:
            whole = document.text[starts[first] : ends[last - 1]]
            detail = f"{where} {text!r:.40} to {whole!r:.40}"
            notes.add("spans that begin or end inside a word, extended to whole words", detail)
        entity = Entity(first, last, span.type)
        found.setdefault(entity, _Placed(start, end, entity))
    return list(found.values())


def _without_overlaps(spans: Iterable[_Placed], document: Document, notes: Notes) -> list[_Placed]:
    """The longest of each group of spans that share a word."""
    owners: dict[int, _Placed] = {}
    kept = []
    for span in sorted(spans, key=lambda span: span.start - span.end):  # stable: of equally long ones, the first
        inside = range(span.words.start, span.words.end)
        if owner := next((owners[place] for place in inside if place in owners), None):
            text, longer = (f"{document.text[s.start : s.end]!r:.40} {s.words.type}" for s in (span, owner))
            detail = f"{document.place_of(span.start)} {text} with {longer}"
            notes.add("spans that overlap a longer one, left out", detail)
            continue
        owners.update(dict.fromkeys(inside, span))
        kept.append(span)
    return kept


def _ends(
    sentences: Sequence[Sequence[Word]],
    entities: Sequence[Entity],
    words: Sequence[Word],
    document: Document,
    notes: Notes,
) -> list[int]:
    """The number of words up to the end of each sentence, without ends that lie inside an entity."""
    ends, place = [], 0
    entity = iter(entities)
    current = next(entity, None)
    for sentence in sentences:
        place += len(sentence)
        while current is not None and current.end <= place:
            current = next(entity, None)
        if current is None or current.start >= place:
            ends.append(place)
            continue
        text = document.text[words[current.start][1] : words[current.end - 1][2]]
        detail = f"{document.place_of(words[current.start][1])} {text!r:.60}"
        notes.add("ends of sentences inside a span, which joins the sentences", detail)
    return ends


def _short(place: str, document: Document) -> str:
    """A place without the name of the file, which the log has already."""
    return place.removeprefix(f"{document.source}, ")
