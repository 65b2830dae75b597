"""Splits of labelled sentences: a tenth of train for dev, and the folds of a cross-validation.

A split depends on the data and on a seed of its own, not on the seed of a training, so that models with other seeds or
settings are compared on the same sentences. It is stratified: each part has its share of every label. Documents are
kept whole where the data say where they begin, since sentences of one document have topics, names and an author in
common, and a score on them says too much.
"""

from __future__ import annotations

import random
import warnings
from collections import Counter
from collections.abc import Collection, Hashable, Sequence
from dataclasses import dataclass

from elmo_lite import CorpusError
from elmo_lite.extras import named_extra

TENTH = 10
ALWAYS_TRAIN = -1
"""Part of items that are never held out."""


@dataclass(frozen=True)
class Item:
    """What a split needs to know of a sentence."""

    labels: Collection[str]
    """Its labels; of a tagged sentence, its distinct tags."""
    document: Hashable = 0
    """Its document; 0 if it is unknown. Defaults to 0."""
    is_scored: bool = True
    """Whether models are scored on it; not on a phrase, which is held out with its sentence. Defaults to True."""


def strata_of(items: Sequence[Item]) -> list[str]:
    """The stratum of each item: the rarest of its labels, so that rare ones are spread first."""
    counts = Counter(label for item in items for label in set(item.labels))
    return [min(item.labels, key=lambda label: (counts[label], label), default="") for item in items]


def knows_documents(items: Sequence[Item], parts: int) -> bool:
    """Whether documents can be kept whole: each item has one, and there are at least as many as parts."""
    documents = {item.document for item in items}
    return 0 not in documents and len(documents) >= parts


def deal(items: Sequence[Item], parts: int, seed: int) -> list[int]:
    """Deal items to parts of about the same size and the same labels.

    Args:
        items: The sentences.
        parts: Number of parts, 2 or more.
        seed: Random seed of the split.

    Returns:
        The part of each item, 0 to ``parts`` - 1; that of a phrase is its document's. ``ALWAYS_TRAIN`` for an item
        whose stratum is in one part alone, where no model that is scored on it could have learned it.

    Raises:
        CorpusError: There are fewer items to score than parts.
    """
    scored = sum(item.is_scored for item in items)
    if scored < parts:
        raise CorpusError(f"train: expected at least {parts} sentences to split, found {scored}; give --dev")
    strata = strata_of(items)
    by_documents = knows_documents(items, parts)
    dealt = (_by_documents if by_documents else _one_by_one)(items, strata, parts, seed)
    places: dict[str, set[int]] = {}
    for stratum, part in zip(strata, dealt, strict=True):
        places.setdefault(stratum, set()).add(part)
    kept = [index for index, stratum in enumerate(strata) if len(places[stratum]) == 1]
    if by_documents:  # a type of entities that one document alone has may be in dev; a label of texts may not
        documents = {items[index].document for index in kept if len(items[index].labels) == 1}
        kept = [index for index, item in enumerate(items) if item.document in documents]
    for index in kept:
        dealt[index] = ALWAYS_TRAIN
    return dealt


def _one_by_one(items: Sequence[Item], strata: Sequence[str], parts: int, seed: int) -> list[int]:
    """Deal the shuffled items of one stratum after another in turn; the turn goes on from stratum to stratum."""
    shuffled = list(range(len(items)))
    random.Random(seed).shuffle(shuffled)
    found = [ALWAYS_TRAIN] * len(items)
    ordered = sorted((index for index in shuffled if items[index].is_scored), key=strata.__getitem__)
    for turn, index in enumerate(ordered):
        found[index] = turn % parts
    of_document = {item.document: found[index] for index, item in enumerate(items) if item.document and item.is_scored}
    return [
        part if item.is_scored else of_document.get(item.document, ALWAYS_TRAIN)
        for item, part in zip(items, found, strict=True)
    ]


def _by_documents(items: Sequence[Item], strata: Sequence[str], parts: int, seed: int) -> list[int]:
    """Deal whole documents, see scikit-learn's ``StratifiedGroupKFold``."""
    with named_extra("a split by documents"):
        from sklearn.model_selection import StratifiedGroupKFold

    groups = {document: number for number, document in enumerate(dict.fromkeys(item.document for item in items))}
    labels = list(strata) if max(Counter(strata).values()) >= parts else [""] * len(items)  # else scikit-learn refuses
    found = [0] * len(items)
    folds = StratifiedGroupKFold(n_splits=parts, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=UserWarning)  # labels with fewer sentences than parts
        for part, (_, inside) in enumerate(folds.split(items, labels, [groups[item.document] for item in items])):
            for index in inside.tolist():
                found[index] = part
    return found


def held_out_tenth(items: Sequence[Item], seed: int) -> list[int]:
    """Indices of about a tenth of the items, in order: the part that ``deal`` makes nearest to a tenth in size.

    Raises:
        CorpusError: There are fewer than two items to score, or every label is in one sentence alone.
    """
    scored = sum(item.is_scored for item in items)
    dealt = deal(items, min(TENTH, max(2, scored)), seed)
    sizes = Counter(part for item, part in zip(items, dealt, strict=True) if item.is_scored and part != ALWAYS_TRAIN)
    if not sizes:
        raise CorpusError("train: expected labels of several sentences to hold out a tenth, found none; give --dev")
    tenth = min(sizes, key=lambda part: (abs(sizes[part] - scored / TENTH), part))
    return [index for index, part in enumerate(dealt) if part == tenth]
