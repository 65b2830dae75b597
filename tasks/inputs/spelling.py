"""Vectors of words from their spelling: the sum of the vectors of a word's features.

The features are those of taggers without a network (Ratnaparkhi 1996; Tjong Kim Sang & De Meulder 2003): the word in
lower case, its first and last one to four characters, and its shape; the sum is that of Bojanowski et al. (2017). From
a few thousand sentences, a tagger learns more of them than a character CNN does of the same characters.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from elmo_lite import CheckpointError

AFFIXES = range(1, 5)
"""Lengths of prefixes and suffixes in characters."""
NUM_FEATURES = 2 + 2 * len(AFFIXES)
"""Maximum number of features of a word."""
LEAST_COUNT = 2
"""Number of training words that a feature needs to have a vector of its own."""
MOST_FEATURES = 2**16
"""Maximum number of features with a vector; the most frequent have one."""
INITIAL_DEVIATION = 0.1
LONGEST = 64
"""Number of characters of a word that features are made of; the middle of a longer word is not read."""
NO_FEATURE = 0


def shape(word: str) -> str:
    """The kinds of the characters of a word, each of a sequence once: ``Xx`` for "Berlin", ``Xd-x`` for "B12-like"."""
    kinds = ("X" if c.isupper() else "x" if c.isalpha() else "d" if c.isdigit() else c for c in word)
    return re.sub(r"(.)\1+", r"\1", "".join(kinds), flags=re.DOTALL)


def features(word: str) -> tuple[str, ...]:
    """The features of a word, each with its kind as the first character; at most ``NUM_FEATURES``."""
    if len(word) > LONGEST:
        word = word[: LONGEST // 2] + word[-(LONGEST // 2) :]
    lengths = [length for length in AFFIXES if length <= len(word)]
    prefixes, suffixes = (f"<{word[:length]}" for length in lengths), (f">{word[-length:]}" for length in lengths)
    return (f"={word.lower()}", f"#{shape(word)}", *prefixes, *suffixes)


def frequent_features(counts: Mapping[str, int]) -> list[str]:
    """The features that have a vector, by descending frequency.

    Args:
        counts: Count of each training word.
    """
    found: Counter[str] = Counter()
    for word, count in counts.items():
        for feature in features(word):
            found[feature] += count
    return [feature for feature, count in found.most_common(MOST_FEATURES) if count >= LEAST_COUNT]


class Spelling(nn.Module):
    """Sum of the vectors of the features of a word; features without a vector add nothing."""

    def __init__(self, names: Sequence[str], dim: int, dropout: float = 0.0) -> None:
        """Build the module with random vectors.

        Args:
            names: Distinct features that have a vector, in the order of the rows.
            dim: Width of a vector.
            dropout: Probability that a feature is left out of a training step, in [0, 1). Defaults to 0.

        Raises:
            CheckpointError: A feature occurs twice.
        """
        super().__init__()
        self.names = list(names)
        self.dropout = dropout
        self._row_of = {name: row for row, name in enumerate(self.names, NO_FEATURE + 1)}
        if len(self._row_of) != len(self.names):
            raise CheckpointError("spellings of a task model: expected distinct ones, found one twice")
        self.vectors = nn.Parameter(torch.empty(len(self.names) + 1, dim).normal_(std=INITIAL_DEVIATION))
        with torch.no_grad():
            self.vectors[NO_FEATURE] = 0

    def rows(self, words: Sequence[str]) -> npt.NDArray[np.int32]:
        """Rows of the features of K words, (K, NUM_FEATURES); 0 in place of a feature without a vector."""
        found = np.full((len(words), NUM_FEATURES), NO_FEATURE, dtype=np.int32)
        for row, word in zip(found, words, strict=True):
            known = [self._row_of.get(feature, NO_FEATURE) for feature in features(word)]
            row[: len(known)] = known
        return found

    def forward(self, rows: Tensor) -> Tensor:
        """Vectors of K words, (K, dim), from the rows of their features, (K, NUM_FEATURES)."""
        if self.training and self.dropout:
            rows = rows.masked_fill(torch.rand(rows.shape, device=rows.device) < self.dropout, NO_FEATURE)
        return F.embedding(rows, self.vectors, padding_idx=NO_FEATURE).sum(dim=1)
