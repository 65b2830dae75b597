"""Interpolated modified Kneser-Ney n-gram models over the classes of a corpus.

They predict what the forward model predicts: every word of a sentence and its boundary token, each from the words
before it. A word outside the vocabulary is the unknown class, in the history and as the target. A model takes about a
microsecond and 130 bytes for each training word. Formulas: Chen and Goodman (1998), section 4.1.6 and equations 26 and
27. Orders 1 and 2 are the unigram and the bigram model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from elmo_lite.text.vocabulary import BOUNDARY_CLASS

DEFAULT_DISCOUNTS = (0.0, 0.5, 1.0, 1.5)
"""What counts 0, 1, 2 and 3 or more lose where a tiny corpus leaves Chen and Goodman's discounts undefined."""

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Order:
    """The n-grams of one order n. An n-gram is identified by its rank in ``keys``, a unigram by its class."""

    keys: Ints
    """Sorted: name of the first n-1 classes * number of classes + last class. For n = 1 the classes themselves."""
    counts: Ints
    """Of each n-gram: occurrences at the highest order, below it distinct classes to its left."""
    discounts: Floats
    """What counts 0, 1, 2 and 3 or more lose, (4,)."""
    totals: Floats
    """By history: sum of the counts."""
    backoff: Floats
    """By history: share of the mass that goes to the next lower order."""


def history_lengths(stream: Ints, longest: int, across_sentences: bool) -> Ints:
    """Length of the history at each position of a stream.

    Args:
        stream: Classes (S,) ``0 w w 0 w 0``, with the boundary class 0 before, between and after sentences.
        longest: Largest length.
        across_sentences: Whether histories run over sentence boundaries.

    Returns:
        Lengths (S,) in 0..``longest``.
    """
    positions = np.arange(len(stream))
    if across_sentences:
        return np.minimum(positions, longest)
    last_boundary = np.maximum.accumulate(np.where(stream == BOUNDARY_CLASS, positions, 0))
    before = np.concatenate([[0], last_boundary[:-1]])  # an end of sentence sees the boundary that began it
    lengths: Ints = np.minimum(positions - before, longest)
    return lengths


def chen_goodman_discounts(counts: Ints) -> Floats:
    """Discounts of counts 0, 1, 2 and 3 or more, (4,), from counts (N,) by the numbers of counts of one to four."""
    n1, n2, n3, n4 = (int(np.count_nonzero(counts == k)) for k in (1, 2, 3, 4))
    if min(n1, n2, n3, n4) > 0:
        y = n1 / (n1 + 2 * n2)
        discounts = (0.0, 1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3)
        if all(0 < discounts[k] <= k for k in (1, 2, 3)):
            return np.array(discounts)
    return np.array(DEFAULT_DISCOUNTS)


def make_order(keys: Ints, counts: Ints, num_histories: int, num_classes: int) -> Order:
    """An order from its n-grams: discounts, and sums by history. Unigrams share the history 0."""
    histories = keys // num_classes
    discounts = chen_goodman_discounts(counts)
    totals = np.bincount(histories, weights=counts, minlength=num_histories)
    lost = np.bincount(histories, weights=discounts[np.minimum(counts, 3)], minlength=num_histories)
    backoff = lost / np.maximum(totals, 1)
    return Order(keys, counts, discounts, totals.astype(np.float64), backoff)


def group(keys: Ints) -> tuple[Ints, Ints, Ints, Ints]:
    """Distinct keys in ascending order, their counts, one position of each, and the rank at every position."""
    order = np.argsort(keys)
    ordered = keys[order]
    is_new = np.ones(len(keys), dtype=bool)
    is_new[1:] = ordered[1:] != ordered[:-1]
    starts = np.flatnonzero(is_new)
    ranks = np.empty(len(keys), dtype=np.int64)
    ranks[order] = np.cumsum(is_new) - 1
    return ordered[starts], np.diff(np.append(starts, len(keys))), order[starts], ranks


class KneserNey:
    """An interpolated modified Kneser-Ney model of classes."""

    def __init__(self, orders: Sequence[Order], num_classes: int) -> None:
        """Make a model of orders 1, 2, ...; see ``fit``."""
        self.orders = list(orders)
        self.num_classes = num_classes

    @classmethod
    def fit(cls, stream: Ints, num_classes: int, order: int = 5, across_sentences: bool = False) -> KneserNey:
        """Count a stream.

        Args:
            stream: Classes (S,) ``0 w w 0 w 0``, with the boundary class 0 before, between and after sentences.
                Reversed streams give the backward model.
            num_classes: Number of classes V.
            order: Length of the longest n-gram, 1 or more. Defaults to 5.
            across_sentences: Whether histories run over sentence boundaries. Defaults to False.
        """
        lengths = history_lengths(stream, order - 1, across_sentences)
        orders: list[Order] = []
        names, keys, counts = stream, np.arange(num_classes), np.bincount(stream[1:], minlength=num_classes)
        num_histories = 1
        for n in range(1, order + 1):
            if n < order:
                places = np.flatnonzero(lengths >= n)
                next_keys, next_counts, examples, ranks = group(names[places - 1] * num_classes + stream[places])
                counts = cls._continuations(counts, names, places[examples], n, across_sentences)
            orders.append(make_order(keys, counts, num_histories, num_classes))
            if n < order:
                num_histories = len(keys)
                names = np.full(len(stream), -1)
                names[places] = ranks
                keys, counts = next_keys, next_counts
        return cls(orders, num_classes)

    @staticmethod
    def _continuations(counts: Ints, names: Ints, examples: Ints, n: int, across_sentences: bool) -> Ints:
        """Distinct left neighbours of each n-gram; ``examples`` holds one place of each n-gram of order n + 1.

        An n-gram at the beginning of a sentence has no left neighbour and keeps its count,
        unless histories cross sentences.
        """
        left = np.bincount(names[examples], minlength=len(counts))
        if not across_sentences:
            return np.where(left == 0, counts, left)
        if 1 < n <= len(names):  # the very beginning of the stream counts as one more neighbour
            left[names[n - 1]] += 1
        return left

    @property
    def num_ngrams(self) -> int:
        """Number of n-grams of all orders that were seen."""
        return sum(int(np.count_nonzero(order.counts)) for order in self.orders)

    def probabilities(self, contexts: Ints, lengths: Ints, targets: Ints) -> Floats:
        """Probability of each target.

        Args:
            contexts: Classes before each target, (Q, order - 1), the nearest one last.
            lengths: Number of classes of each context that count, (Q,).
            targets: Target classes (Q,).

        Returns:
            Probabilities (Q,) in (0, 1].
        """
        p = np.full(len(targets), 1 / self.num_classes)
        for n, order in enumerate(self.orders, start=1):
            histories = self._names(contexts[:, contexts.shape[1] - (n - 1) :])
            known = np.flatnonzero((lengths >= n - 1) & (histories >= 0))
            known = known[order.totals[histories[known]] > 0]
            chosen = histories[known]
            counts = self._counts(n, chosen, targets[known])
            kept = counts - order.discounts[np.minimum(counts, 3)]
            p[known] = kept / order.totals[chosen] + order.backoff[chosen] * p[known]
        return p

    def stream_probabilities(self, stream: Ints, across_sentences: bool = False) -> Floats:
        """Probabilities (S - 1,) of the classes of a stream (S,), without its first boundary."""
        longest = len(self.orders) - 1
        lengths = history_lengths(stream, longest, across_sentences)[1:]
        padded = np.concatenate([np.zeros(longest, dtype=np.int64), stream])
        contexts = np.empty((len(stream) - 1, longest), dtype=np.int64)
        for k in range(longest):
            contexts[:, k] = padded[k + 1 : k + len(stream)]
        return self.probabilities(contexts, lengths, stream[1:])

    def distribution(self, history: Sequence[int]) -> Floats:
        """Probabilities (V,) of all classes after a history, of which the last ``order`` - 1 classes count."""
        longest = len(self.orders) - 1
        kept = list(history)[len(history) - min(len(history), longest) :]
        context = np.array([BOUNDARY_CLASS] * (longest - len(kept)) + kept, dtype=np.int64)
        contexts = np.tile(context, (self.num_classes, 1))
        return self.probabilities(contexts, np.full(self.num_classes, len(kept)), np.arange(self.num_classes))

    def _names(self, histories: Ints) -> Ints:
        """Indices (Q,) of histories (Q, n - 1); -1 if unseen in training. The empty history is 0."""
        if histories.shape[1] == 0:
            return np.zeros(len(histories), dtype=np.int64)
        names = histories[:, 0]
        for n in range(2, histories.shape[1] + 1):
            names = self._find(n, names, histories[:, n - 1])
        return names

    def _find(self, n: int, histories: Ints, last: Ints) -> Ints:
        keys = self.orders[n - 1].keys
        wanted = histories * self.num_classes + last
        ranks = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
        return np.where((histories >= 0) & (keys[ranks] == wanted), ranks, -1)

    def _counts(self, n: int, histories: Ints, targets: Ints) -> Ints:
        ranks = self._find(n, histories, targets)
        return np.where(ranks >= 0, self.orders[n - 1].counts[ranks], 0)


def perplexity(probabilities: Floats) -> float:
    """Perplexity of predictions with these probabilities: exp of their mean negative logarithm."""
    return float(np.exp(-np.log(probabilities).mean()))
