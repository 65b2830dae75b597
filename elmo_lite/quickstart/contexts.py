"""Contexts of one word and their similarity, a quick look at what a model has learned about meaning."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from elmo_lite.corpus.corpus import Corpus
    from elmo_lite.embedding.elmo import Elmo


@dataclass(frozen=True, eq=False)
class Occurrence:
    """Occurrence of a word in a sentence."""

    words: Sequence[str]
    """The words of the sentence."""
    position: int
    """Position of the word in the sentence, from 0."""
    vector: npt.NDArray[np.float32]
    """Mean of the LSTM layers at this position, (2D,), normalised to length 1."""

    def line(self, width: int) -> str:
        """Line with the word in brackets and up to ``width`` characters of context on each side."""
        before = " ".join(self.words[: self.position])[-width:]
        after = " ".join(self.words[self.position + 1 :])[:width]
        return f"{before:>{width}} [{self.words[self.position]}] {after}".rstrip()

    @property
    def neighbors(self) -> tuple[str, ...]:
        """The previous and the next word, if they exist."""
        return (*self.words[max(self.position - 1, 0) : self.position], *self.words[self.position + 1 :][:1])


def sentences(corpus: Corpus) -> Iterator[list[str]]:
    """Iterate over the sentences of both parts of a corpus, as lists of words."""
    for stream in (corpus.train, corpus.held_out):
        boundaries = np.flatnonzero(stream == 0)
        for start, end in zip(boundaries[:-1], boundaries[1:], strict=True):
            yield [corpus.words[index - 1] for index in stream[start + 1 : end]]


def occurrences(elmo: Elmo, texts: Iterable[Sequence[str]], word: str) -> list[Occurrence]:
    """Find all occurrences of a word in sentences and compute their contextual vectors."""
    found = []
    with_word = [words for words in texts if word in words]
    for words, layers in zip(with_word, elmo.embed(with_word, layers="all"), strict=True):
        for position in (index for index, other in enumerate(words) if other == word):
            vector = layers[1:, position].mean(axis=0)
            found.append(Occurrence(words, position, vector / np.linalg.norm(vector)))
    return found


def nearest(query: Occurrence, known: Sequence[Occurrence], number: int) -> list[tuple[float, Occurrence]]:
    """Find the occurrences with the highest cosine similarity, at most one for each pair of neighbouring words.

    Returns:
        At most ``number`` pairs of similarity and occurrence, in descending order of similarity.
    """
    if not known:
        return []
    similarities = np.stack([other.vector for other in known]) @ query.vector
    chosen: dict[tuple[str, ...], tuple[float, Occurrence]] = {}
    for index in np.argsort(-similarities, kind="stable").tolist():
        chosen.setdefault(known[index].neighbors, (float(similarities[index]), known[index]))
        if len(chosen) == number:
            break
    return list(chosen.values())
