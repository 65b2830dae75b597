"""The occurrences whose vectors are nearest to a query's: exact, in blocks of bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from elmo_lite.embedding.layer_choice import LayerChoice
from elmo_lite.embedding.runner import FloatArray
from elmo_lite.neighbors.occurrence_index import Occurrence, OccurrenceIndex

Context = Callable[[Occurrence], Hashable]
"""Function that returns equal values for occurrences whose contexts count as one."""
BLOCK_ROWS = 16_384
"""Number of occurrences that are compared at once: 50 MB of vectors of 768 values."""


@dataclass(frozen=True, eq=False)
class Query:
    """An occurrence whose neighbours are sought."""

    occurrence: Occurrence
    vector: FloatArray
    """(2D,), of length 1."""
    note: str = ""
    """What it stands for, in words."""
    layers: FloatArray | None = None
    """(L, 2D), of any length, if the occurrence is not one of the index."""


@dataclass(frozen=True)
class Neighbor:
    """An occurrence near a query."""

    similarity: float
    """Cosine of the two vectors, in [-1, 1]."""
    occurrence: Occurrence


class Search(Protocol):
    """A search among occurrences."""

    def ranked(self, vector: FloatArray) -> Iterator[tuple[int, float]]:
        """Iterate over occurrences and their cosine similarities with a vector (2D,), in descending order."""


class ExactSearch:
    """Comparison with every occurrence."""

    def __init__(self, index: OccurrenceIndex, layer: LayerChoice, rows: npt.NDArray[np.intp] | None = None) -> None:
        """Search the occurrences ``rows`` of an index by one layer. Defaults to all occurrences."""
        self.index = index
        self.layer = layer
        self.rows = rows

    def similarities(self, vector: FloatArray) -> FloatArray:
        """Cosine similarities of a vector (2D,) of length 1 with all occurrences: (R,), float32."""
        number = len(self.index) if self.rows is None else len(self.rows)
        found = np.empty(number, dtype=np.float32)
        for start in range(0, number, BLOCK_ROWS):
            block = slice(start, min(start + BLOCK_ROWS, number))
            found[block] = self.index.vectors(self.layer, block if self.rows is None else self.rows[block]) @ vector
        return found

    def ranked(self, vector: FloatArray) -> Iterator[tuple[int, float]]:
        """Iterate over occurrences by similarity; of equal ones, the first in the text comes first."""
        found = self.similarities(vector)
        order = np.argsort(-found, kind="stable")
        rows = order if self.rows is None else self.rows[order]
        for row, place in zip(rows, order, strict=True):
            yield int(row), float(found[place])


def same_sentence(occurrence: Occurrence) -> Hashable:
    """The sentence of an occurrence: sentences of equal words are one context."""
    return tuple(occurrence.words)


def neighboring_words(occurrence: Occurrence) -> Hashable:
    """The previous and the next word, if they exist: a coarser context, by which formulas are shown once."""
    words, position = occurrence.words, occurrence.position
    return (*words[max(position - 1, 0) : position], None, *words[position + 1 : position + 2])


def nearest(
    index: OccurrenceIndex,
    search: Search,
    query: Query,
    top_k: int,
    context: Context = same_sentence,
) -> list[Neighbor]:
    """Find the nearest occurrences in other contexts than that of the query, at most one for each context.

    Args:
        index: The occurrences.
        search: The search among them.
        query: The occurrence to start from.
        top_k: Maximum number of neighbours.
        context: What counts as one context. Defaults to the words of the sentence.

    Returns:
        At most ``top_k`` neighbours, in descending order of similarity.
    """
    sentence, chosen = query.occurrence.words, dict[Hashable, Neighbor]()
    for row, similarity in search.ranked(query.vector):
        if len(chosen) == top_k:
            break
        found = index.occurrence(row)
        if found.words != sentence:
            chosen.setdefault(context(found), Neighbor(similarity, found))
    return list(chosen.values())
