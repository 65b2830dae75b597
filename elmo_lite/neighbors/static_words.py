"""The nearest words of the token layer, whose vectors do not depend on the context."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from elmo_lite.embedding.elmo import Elmo
from elmo_lite.neighbors.index_builder import token_vectors
from elmo_lite.neighbors.occurrence_index import OccurrenceIndex, unit


class StaticNeighbor(NamedTuple):
    """A word and the cosine similarity of its token vector."""

    word: str
    similarity: float


def nearest_words(elmo: Elmo, index: OccurrenceIndex, word: str, top_k: int) -> list[StaticNeighbor]:
    """Find the words of a text with the most similar token vectors, the word itself left out.

    Args:
        elmo: The model of the index.
        index: An index of the text; its most frequent words are compared.
        word: The word.
        top_k: Maximum number of words.

    Returns:
        Words in descending order of similarity.
    """
    similarities = index.token_vectors.astype(np.float32) @ unit(token_vectors(elmo, [word]))[0]
    order = np.argsort(-similarities, kind="stable")[: top_k + 1].tolist()
    found = [StaticNeighbor(index.words[row], float(similarities[row])) for row in order]
    return [neighbor for neighbor in found if neighbor.word != word][:top_k]
