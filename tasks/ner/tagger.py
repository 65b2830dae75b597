"""A trained tagger as one object: sentences in, entities out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch

from elmo_lite import CorpusError, Tokenization
from tasks.batch import collate
from tasks.ner.model import Decoded, NerModel

Sentence = str | Sequence[str]
"""Words, never split again; a plain ``str`` is split by the tagger's tokenisation."""
BATCH_WORDS = 4096
"""Positions of a batch, padding included."""
NOTHING = Decoded([], [], [], [])


@dataclass(frozen=True)
class Span:
    """An entity that was found."""

    text: str
    """As the sentence has it; its words between blanks where the sentence came as words."""
    type: str
    start: int
    """First character in the given string; first word where the sentence came as words."""
    end: int
    """One behind the last, likewise."""
    start_word: int
    end_word: int
    score: float
    """Probability in 0..1 of exactly this entity, both ends and type, whatever the rest of the sentence is."""


@dataclass(frozen=True)
class Tagged:
    """All that is known of one sentence."""

    words: list[str]
    decoded: Decoded
    spans: list[Span]


class NerTagger:
    """A network with the tokenisation for plain strings."""

    def __init__(self, model: NerModel, tokenization: Tokenization, device: str | torch.device = "cpu") -> None:
        """Wrap a network; it is used, not copied."""
        self.model = model.to(device).eval()
        self.tokenization = tokenization
        self.device = torch.device(device)

    @property
    def labels(self) -> list[str]:
        """All N tags, in the order of ``Decoded.probabilities``."""
        return self.model.labels

    def predict(self, sentences: Iterable[Sentence]) -> list[list[Span]]:
        """Entities of sentences.

        Args:
            sentences: strings, or lists of words.

        Returns:
            One list a sentence, in order; empty where there is no entity or no word.

        Raises:
            CorpusError: a sentence that is neither.
        """
        return [tagged.spans for tagged in self.tag(sentences)]

    def tag(self, sentences: Iterable[Sentence]) -> list[Tagged]:
        """What ``predict`` does, with words, tags and probabilities."""
        if isinstance(sentences, str):
            raise CorpusError("sentences: expected a list of sentences, found one string: put it in a list")
        given = list(sentences)
        split = [self._split(sentence, number) for number, sentence in enumerate(given)]
        decoded = self._decode([[word for word, _, _ in pieces] for pieces in split])
        return [_tagged(*row) for row in zip(given, split, decoded, strict=True)]

    def _split(self, sentence: Sentence, number: int) -> list[tuple[str, int, int]]:
        """(word, start, end) of a sentence: characters of a string, numbers of words otherwise."""
        if isinstance(sentence, str):
            return self.tokenization.words_with_offsets(sentence)
        words = list(sentence) if isinstance(sentence, Sequence) else [None]
        if not all(isinstance(word, str) and word for word in words):
            raise CorpusError(f"sentence {number}: expected a string or a list of words, found {sentence!r:.80}")
        return [(str(word), position, position + 1) for position, word in enumerate(words)]

    def _decode(self, sentences: list[list[str]]) -> list[Decoded]:
        """Sorted by length, so that batches have little padding, and back in order."""
        found = [NOTHING] * len(sentences)
        for batch in _batches([len(sentence) for sentence in sentences]):
            with torch.inference_mode():
                rows = self.model.decode(collate([sentences[index] for index in batch]).to(self.device))
            for index, row in zip(batch, rows, strict=True):
                found[index] = row
        return found


def _batches(lengths: list[int]) -> Iterable[list[int]]:
    """Numbers of sentences of similar length, at most ``BATCH_WORDS`` positions together; empty sentences left out."""
    batch: list[int] = []
    for index in sorted((k for k, length in enumerate(lengths) if length), key=lengths.__getitem__):
        if batch and (len(batch) + 1) * lengths[index] > BATCH_WORDS:
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch


def _tagged(sentence: Sentence, pieces: list[tuple[str, int, int]], decoded: Decoded) -> Tagged:
    words = [word for word, _, _ in pieces]
    spans = []
    for (first, stop, kind), score in zip(decoded.entities, decoded.scores, strict=True):
        start, end = pieces[first][1], pieces[stop - 1][2]
        text = sentence[start:end] if isinstance(sentence, str) else " ".join(words[first:stop])
        spans.append(Span(text, kind, start, end, first, stop, score))
    return Tagged(words, decoded, spans)
