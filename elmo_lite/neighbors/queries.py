"""What to find neighbours of: a word in sentences of the user, or the middle of each group of its occurrences."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from elmo_lite.embedding.elmo import Elmo
from elmo_lite.embedding.layer_choice import LayerChoice
from elmo_lite.errors import CheckpointError, ConfigError
from elmo_lite.neighbors.groups import Groups
from elmo_lite.neighbors.occurrence_index import Occurrence, OccurrenceIndex, unit
from elmo_lite.neighbors.search import Query


def context_queries(
    elmo: Elmo, contexts: Sequence[Sequence[str]], words: Sequence[str], layer: LayerChoice
) -> list[Query]:
    """Every occurrence of some words in sentences.

    Args:
        elmo: The model.
        contexts: Sentences as lists of words.
        words: The words.
        layer: The layer whose vectors are compared.

    Raises:
        ConfigError: A sentence holds none of the words.
        CheckpointError: Vectors are not finite.
    """
    queries = []
    for context, layers in zip(contexts, elmo.embed(contexts), strict=True):
        places = [position for position, word in enumerate(context) if word in words]
        if not places:
            expected, found = " or ".join(map(repr, words)), " ".join(context)
            raise ConfigError(f"--context: expected a sentence with the word {expected}, found {found!r:.200}")
        if not np.isfinite(layers).all():
            raise CheckpointError(f"--context: expected finite vectors, found others for {' '.join(context)!r:.60}")
        for position in places:
            queries.append(query_of(Occurrence(list(context), position), layers[:, position], layer))
    return queries


def query_of(occurrence: Occurrence, layers: npt.NDArray[np.float32], layer: LayerChoice) -> Query:
    """A query by one layer, or by the mean, of the layers (L, 2D) of an occurrence."""
    vector = layers.mean(axis=0) if layer == "mean" else layers[int(layer)]
    return Query(occurrence, unit(vector), layers=layers)


def group_queries(
    index: OccurrenceIndex, rows: npt.NDArray[np.intp], groups: Groups, layer: LayerChoice
) -> list[Query]:
    """The occurrence in the middle of each group.

    Args:
        index: The occurrences.
        rows: Those that are grouped, (R,).
        groups: The division of their vectors.
        layer: The layer whose vectors are compared.
    """
    vectors, queries = index.vectors(layer, rows), []
    for group, size in enumerate(groups.sizes):
        middle = int(rows[groups.nearest_to_centre(vectors, group)[0]])
        note = f"group {letter(group)}, {size:,} of {len(rows):,} occurrences; the one in its middle:"
        if len(groups) == 1:
            note = f"the occurrence in the middle of all {len(rows):,}:" if len(rows) > 1 else "its only occurrence:"
        queries.append(Query(index.occurrence(middle), vectors[np.searchsorted(rows, middle)], note))
    return queries


def letter(group: int) -> str:
    """The name of a group: A, B, C ..."""
    return chr(ord("A") + group)
