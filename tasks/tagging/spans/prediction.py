"""The entities of whole texts, which are split into sentences first."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain
from typing import Any

from elmo_lite import CorpusError
from tasks.tagging.base_tagger import BaseTagger
from tasks.tagging.prediction import Span, Tagged


@dataclass(frozen=True)
class TaggedText:
    """The sentences of a text with their predictions."""

    text: str
    sentences: list[Tagged]
    """Tagged words of each sentence; offsets of spans are in words of the sentence."""
    spans: list[Span]
    """Spans of the text, with offsets in its characters and words."""


def tag_texts(
    tagger: BaseTagger[Any], texts: Iterable[str], min_score: float = 0.0, *, probabilities: bool = False
) -> list[TaggedText]:
    """Tag texts of any number of sentences, which the tokenisation of the tagger finds.

    Args:
        tagger: The tagger.
        texts: Texts, with any number of lines.
        min_score: Probability in 0..1; spans below it are left out. Defaults to 0.
        probabilities: Keep the probabilities of all labels at each word. Defaults to False.

    Raises:
        CorpusError: A text is not a string, or ``texts`` is one string.
    """
    if isinstance(texts, str):
        raise CorpusError("texts: expected a list of texts, found one string: put it in a list")
    given = list(texts)
    for number, text in enumerate(given):
        if not isinstance(text, str):
            raise CorpusError(f"text {number}: expected a string, found {text!r:.80}")
    split = [tagger.tokenization.sentences_with_offsets(text) for text in given]
    words = [[word for word, _, _ in sentence] for sentence in chain.from_iterable(split)]
    tagged = iter(tagger.tag(words, min_score, probabilities=probabilities))
    found = []
    for text, sentences in zip(given, split, strict=True):
        done: list[Tagged] = []
        spans: list[Span] = []
        num_words = 0
        for sentence in sentences:
            one = next(tagged)
            done.append(one)
            for span in one.spans:
                start, end = sentence[span.start_word][1], sentence[span.end_word - 1][2]
                first, stop = num_words + span.start_word, num_words + span.end_word
                spans.append(Span(text[start:end], span.type, start, end, first, stop, span.score))
            num_words += len(sentence)
        found.append(TaggedText(text, done, spans))
    return found
