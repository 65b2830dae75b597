"""Contexts of one word and how near they are to each other: a quick look at what a model has learned of meaning."""

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
    """A word where it stands."""

    words: Sequence[str]
    """The sentence."""
    position: int
    """Of the word in its sentence, from 0."""
    vector: npt.NDArray[np.float32]
    """(2D,): mean of the LSTM layers there, of length one."""

    def line(self, width: int) -> str:
        """One line with the word in brackets in the middle and up to ``width`` characters on both sides."""
        before = " ".join(self.words[: self.position])[-width:]
        after = " ".join(self.words[self.position + 1 :])[:width]
        return f"{before:>{width}} [{self.words[self.position]}] {after}".rstrip()

    @property
    def neighbors(self) -> tuple[str, ...]:
        """The words beside it."""
        return (*self.words[max(self.position - 1, 0) : self.position], *self.words[self.position + 1 :][:1])


def sentences(corpus: Corpus) -> Iterator[list[str]]:
    """Sentences of both parts of a corpus, as words."""
    for stream in (corpus.train, corpus.held_out):
        boundaries = np.flatnonzero(stream == 0)
        for start, end in zip(boundaries[:-1], boundaries[1:], strict=True):
            yield [corpus.words[index - 1] for index in stream[start + 1 : end]]


def occurrences(elmo: Elmo, texts: Iterable[Sequence[str]], word: str) -> list[Occurrence]:
    """Every occurrence of a word in sentences, with its contextual vector."""
    found = []
    with_word = [words for words in texts if word in words]
    for words, layers in zip(with_word, elmo.embed(with_word, layers="all"), strict=True):
        for position in (index for index, other in enumerate(words) if other == word):
            vector = layers[1:, position].mean(axis=0)
            found.append(Occurrence(words, position, vector / np.linalg.norm(vector)))
    return found


def nearest(query: Occurrence, known: Sequence[Occurrence], number: int) -> list[tuple[float, Occurrence]]:
    """The occurrences with the highest cosine, at most one for each pair of neighbouring words, with that cosine."""
    if not known:
        return []
    similarities = np.stack([other.vector for other in known]) @ query.vector
    chosen: dict[tuple[str, ...], tuple[float, Occurrence]] = {}
    for index in np.argsort(-similarities, kind="stable").tolist():
        chosen.setdefault(known[index].neighbors, (float(similarities[index]), known[index]))
        if len(chosen) == number:
            break
    return list(chosen.values())
