"""A linear model of the words and pairs of neighbouring words of a text, which stands beside the network.

A network learns a thousand texts by heart; what is said in many plain words is found by counting them all. The outputs
are W x + b, where x is TF-IDF (Manning, Raghavan & Schuetze 2008, chapter 6): (1 + ln n) (1 + ln((1 + N) / (1 + d)))
for an n-gram that occurs n times in the text and in d of N training texts, scaled to length 1. W and b are those of
logistic regression, or of numbers of ridge regression, with an L2 penalty. Of a pair of texts u and v, the features are
u * v and |u - v|.

``Outputs.joined`` has the outputs of both together. Their weight and the temperature are fitted to dev.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import chain, pairwise

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tasks.classification.linear_models import Linear, Table

Words = Sequence[str]
Item = Sequence[Words]
"""A text, or the two texts of a pair."""
Solve = Callable[[Table, Sequence[int]], Linear]
"""Function from the features of some texts, and their indices, to weights and biases of the outputs."""
MAX_NGRAMS, MAX_WEIGHTS, MAX_LABELS = 100_000, 4_000_000, 200
"""Bounds of the n-grams and of their weights, one per label. There is no such model for more labels."""
MAX_WORDS, MAX_SCORES, MAX_COUNTED = 5_000_000, 20_000_000, 3_000_000
"""Bounds of training: words of texts, texts times labels, and n-grams that are counted at a time."""


class NgramModel(nn.Module):
    """TF-IDF of words and pairs of neighbouring words, in lower case -> outputs. It has no gradient."""

    idf: Tensor
    weights: Tensor
    bias: Tensor

    def __init__(self, names: Sequence[str], num_outputs: int, pairs: bool) -> None:
        """Create a model whose weights are 0.

        Args:
            names: F words and pairs of words, in the order of the weights.
            num_outputs: Number K of outputs.
            pairs: Read pairs of texts, with weights of u * v and of |u - v|.
        """
        super().__init__()
        self.names, self.pairs = list(names), pairs
        self._number = {name: number for number, name in enumerate(self.names)}
        self.register_buffer("idf", torch.zeros(len(self.names)))
        self.register_buffer("weights", torch.zeros((1 + pairs) * len(self.names), num_outputs))
        self.register_buffer("bias", torch.zeros(num_outputs))

    @classmethod
    def fit(
        cls, items: Sequence[Item], labels: Sequence[Iterable[int]], num_outputs: int, solve: Solve, *, pairs: bool
    ) -> NgramModel:
        """Fit a model to texts, or to evenly spaced ones of them if they are many.

        Args:
            items: Texts or pairs.
            labels: Indices of the labels of each. Some text of every label is among those that it is fitted to.
            num_outputs: Number of outputs.
            solve: Linear model of features, see ``linear_models``.
            pairs: Whether each item is a pair.
        """
        from scipy.sparse import csr_matrix

        kept = _sample(items, labels, num_outputs)
        counts = _document_counts((items[index] for index in kept), min(MAX_NGRAMS, MAX_WEIGHTS // num_outputs))
        model = cls(list(counts), num_outputs, pairs)
        seen = torch.tensor(list(counts.values()), dtype=torch.float64)
        model.idf = (1 + torch.log((1 + len(kept)) / (1 + seen))).float()
        columns, starts, values = model._rows([items[index] for index in kept])
        table = csr_matrix((values, columns, [*starts, len(columns)]), shape=(len(kept), len(model.weights)))
        weights, bias = (torch.from_numpy(found).float() for found in solve(table, kept))
        model.weights, model.bias = weights.contiguous(), bias
        return model

    def forward(self, items: Sequence[Item]) -> Tensor:
        """The outputs of B texts or pairs, (B, K), computed on the CPU, where the words are."""
        columns, starts, values = self._rows(items)
        index, offsets = torch.tensor(columns, dtype=torch.long), torch.tensor(starts, dtype=torch.long)
        scales, weights = torch.from_numpy(values).float(), self.weights.cpu()  # not every GPU adds up bags of rows
        found = F.embedding_bag(index, weights, offsets, mode="sum", per_sample_weights=scales)
        return found.to(self.bias.device) + self.bias

    def _rows(self, items: Iterable[Item]) -> tuple[array[int], array[int], npt.NDArray[np.float64]]:
        """The features of texts or pairs: their columns, where those of each text start, and their values."""
        idf = self.idf.cpu().double().numpy()
        columns, starts, values = array("q"), array("q"), array("d")
        for item in items:
            features = self._features(item, idf)
            starts.append(len(columns))
            columns.extend(features)
            values.extend(features.values())
        return columns, starts, np.array(values)

    def _features(self, item: Item, idf: npt.NDArray[np.float64]) -> dict[int, float]:
        vectors = [self._vector(words, idf) for words in item]
        if not self.pairs:
            return vectors[0]
        first, second = vectors
        both = {number: first[number] * second[number] for number in first if number in second}
        apart = {number: abs(first.get(number, 0.0) - second.get(number, 0.0)) for number in first | second}
        return {**both, **{len(self.names) + number: value for number, value in apart.items()}}

    def _vector(self, words: Words, idf: npt.NDArray[np.float64]) -> dict[int, float]:
        """The TF-IDF of the n-grams of a text that have weights, by number; its length is 1, or 0 without any."""
        counts = Counter(self._number[name] for name in _ngrams(words) if name in self._number)
        vector = (1 + np.log(list(counts.values()))) * idf[list(counts)] if counts else np.zeros(0)
        return dict(zip(counts, (vector / np.linalg.norm(vector)).tolist(), strict=True))


def _ngrams(words: Words) -> Iterable[str]:
    """The words of a text and its pairs of neighbouring words, in lower case."""
    lower = [word.lower() for word in words]
    return chain(lower, map(" ".join, pairwise(lower)))


def _document_counts(items: Iterable[Item], most: int) -> dict[str, int]:
    """The number of texts or pairs that each n-gram occurs in, of the most frequent ones, most frequent first.

    The rarest are forgotten on the way if there are too many to count (lossy counting, Manku & Motwani 2002).
    """
    counts: Counter[str] = Counter()
    for item in items:
        counts.update(set(chain.from_iterable(map(_ngrams, item))))
        if len(counts) > MAX_COUNTED:
            counts = Counter({name: count for name, count in counts.items() if count > 1})
    return dict(sorted(counts.items(), key=lambda found: (-found[1], found[0]))[:most])


def _sample(items: Sequence[Item], labels: Sequence[Iterable[int]], num_outputs: int) -> list[int]:
    """Indices of evenly spaced texts, as many as the bounds allow, and of the first text of each label."""
    num_words = sum(len(words) for item in items for words in item)
    number = min(len(items), len(items) * MAX_WORDS // num_words, MAX_SCORES // num_outputs)
    first = {label: index for index, found in reversed(list(enumerate(labels))) for label in found}
    return sorted({*(index * len(items) // number for index in range(number)), *first.values()})
