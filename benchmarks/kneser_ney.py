"""Perplexity of an interpolated modified Kneser-Ney n-gram model, the baseline of the forward language model.

Trains on the train stream of a corpus directory and scores its held-out stream. The classes are those of the corpus's
vocabulary. The predictions are those of the forward model: every word of a sentence and its boundary token, each given
the words before it. A word outside the vocabulary is the unknown class, both in the history and as the target, so both
models are distributions over the same classes.

    python benchmarks/kneser_ney.py CORPUS [--order 5] [--across_sentences] [--max_train_words N] [--json FILE]
    python benchmarks/kneser_ney.py [CORPUS] --self_check

Runs on one core and takes about a microsecond and 130 bytes of memory per training word.
Formulas: Chen and Goodman (1998), section 4.1.6 and equations 26 and 27.
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

BOUNDARY = 0
UNKNOWN = 1
DEFAULT_DISCOUNTS = (0.0, 0.5, 1.0, 1.5)

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
    """(4,): what counts 0, 1, 2 and 3 or more lose."""
    totals: Floats
    """By history: sum of the counts."""
    backoff: Floats
    """By history: share of the mass that goes to the next lower order."""


def history_lengths(stream: Ints, longest: int, across_sentences: bool) -> Ints:
    """Length of the history at each position of a stream in classes, at most ``longest``."""
    positions = np.arange(len(stream))
    if across_sentences:
        return np.minimum(positions, longest)
    last_boundary = np.maximum.accumulate(np.where(stream == BOUNDARY, positions, 0))
    before = np.concatenate([[0], last_boundary[:-1]])  # an end of sentence sees the boundary that began it
    lengths: Ints = np.minimum(positions - before, longest)
    return lengths


def chen_goodman_discounts(counts: Ints) -> Floats:
    """D1, D2 and D3+ from the counts of counts, after a 0. Fixed values if a tiny corpus leaves them undefined."""
    n1, n2, n3, n4 = (int(np.count_nonzero(counts == k)) for k in (1, 2, 3, 4))
    if min(n1, n2, n3, n4) > 0:
        y = n1 / (n1 + 2 * n2)
        discounts = (0.0, 1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3)
        if all(0 < discounts[k] <= k for k in (1, 2, 3)):
            return np.array(discounts)
    return np.array(DEFAULT_DISCOUNTS)


def make_order(keys: Ints, counts: Ints, num_histories: int, num_classes: int) -> Order:
    """Add the discounts and the sums by history to the n-grams of an order. Unigrams share the history 0."""
    histories = keys // num_classes
    discounts = chen_goodman_discounts(counts)
    totals = np.bincount(histories, weights=counts, minlength=num_histories)
    lost = np.bincount(histories, weights=discounts[np.minimum(counts, 3)], minlength=num_histories)
    backoff = lost / np.maximum(totals, 1)
    return Order(keys, counts, discounts, totals.astype(np.float64), backoff)


def group(keys: Ints) -> tuple[Ints, Ints, Ints, Ints]:
    """Distinct keys in order, their counts, one position of each, and the rank at every position."""
    order = np.argsort(keys)
    ordered = keys[order]
    is_new = np.ones(len(keys), dtype=bool)
    is_new[1:] = ordered[1:] != ordered[:-1]
    starts = np.flatnonzero(is_new)
    ranks = np.empty(len(keys), dtype=np.int64)
    ranks[order] = np.cumsum(is_new) - 1
    return ordered[starts], np.diff(np.append(starts, len(keys))), order[starts], ranks


class KneserNey:
    """An interpolated modified Kneser-Ney model over class indices."""

    def __init__(self, orders: Sequence[Order], num_classes: int) -> None:
        """Keep the orders 1, 2, ... in this sequence."""
        self.orders = list(orders)
        self.num_classes = num_classes

    @classmethod
    def fit(cls, stream: Ints, num_classes: int, order: int = 5, across_sentences: bool = False) -> KneserNey:
        """Count a stream of classes: boundary, sentence, boundary, sentence, ..., boundary."""
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

    def probabilities(self, contexts: Ints, lengths: Ints, targets: Ints) -> Floats:
        """Probability of each target.

        Args:
            contexts: (Q, order - 1), the classes before each target, the nearest one last.
            lengths: (Q,), how many of them count.
            targets: (Q,).

        Returns:
            (Q,) in (0, 1].
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
        """Probability of every class of a stream except its first boundary: (len(stream) - 1,)."""
        longest = len(self.orders) - 1
        lengths = history_lengths(stream, longest, across_sentences)[1:]
        padded = np.concatenate([np.zeros(longest, dtype=np.int64), stream])
        contexts = np.empty((len(stream) - 1, longest), dtype=np.int64)
        for k in range(longest):
            contexts[:, k] = padded[k + 1 : k + len(stream)]
        return self.probabilities(contexts, lengths, stream[1:])

    def distribution(self, history: Sequence[int]) -> Floats:
        """Probabilities of all classes after a history: (num_classes,)."""
        longest = len(self.orders) - 1
        kept = list(history)[len(history) - min(len(history), longest) :]
        context = np.array([BOUNDARY] * (longest - len(kept)) + kept, dtype=np.int64)
        contexts = np.tile(context, (self.num_classes, 1))
        return self.probabilities(contexts, np.full(self.num_classes, len(kept)), np.arange(self.num_classes))

    def _names(self, histories: Ints) -> Ints:
        """Indices of (Q, n-1) histories; -1 if unseen in training. The empty history is 0."""
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


class PlainKneserNey:
    """The same model in dictionaries, one n-gram at a time: slow, the reference of the fast one."""

    def __init__(self, stream: Sequence[int], num_classes: int, order: int, across_sentences: bool) -> None:
        """Count."""
        self.order, self.num_classes = order, num_classes
        self.counts: list[dict[tuple[int, ...], int]] = [defaultdict(int) for _ in range(order + 1)]
        left: dict[tuple[int, ...], set[int | None]] = defaultdict(set)
        for t in range(1, len(stream)):
            history = plain_history(stream, t, order, across_sentences)
            for n in range(1, min(order, len(history) + 1) + 1):
                gram = (*history[len(history) - n + 1 :], stream[t])
                self.counts[n][gram] += 1
                start = t - n + 1
                begins = start == 0 if across_sentences else n > 1 and gram[0] == BOUNDARY
                left[gram].add(None if begins else stream[start - 1])
        for n in range(1, order):
            for gram in self.counts[n]:
                if across_sentences or n == 1 or gram[0] != BOUNDARY:
                    self.counts[n][gram] = len(left[gram])
        self.discounts = [chen_goodman_discounts(np.array(list(c.values()), dtype=np.int64)) for c in self.counts]

    def probability(self, history: tuple[int, ...], target: int) -> float:
        """Interpolate from the longest history to the shortest."""
        followers = {g: c for g, c in self.counts[len(history) + 1].items() if g[:-1] == history}
        lower = self.probability(history[1:], target) if history else 1 / self.num_classes
        if not followers:
            return lower
        discounts, total = self.discounts[len(history) + 1], sum(followers.values())
        count = followers.get((*history, target), 0)
        backoff = sum(discounts[min(c, 3)] for c in followers.values()) / total
        return float((count - discounts[min(count, 3)]) / total + backoff * lower)


def plain_history(stream: Sequence[int], t: int, order: int, across_sentences: bool) -> tuple[int, ...]:
    """The classes that the prediction at position t conditions on."""
    start = max(0, t - order + 1)
    if not across_sentences:
        start = max(start, max(k for k in range(t) if stream[k] == BOUNDARY))
    return tuple(stream[start:t])


def random_stream(seed: int, num_classes: int = 9, sentences: int = 60) -> Ints:
    """A small stream with repetitions, for checks."""
    rng = np.random.default_rng(seed)
    pieces = [[BOUNDARY]]
    for _ in range(sentences):
        words = 1 + np.minimum(rng.geometric(0.45, rng.integers(1, 8)) - 1, num_classes - 3)
        pieces += [words.tolist(), [BOUNDARY]]
    return np.array([w for piece in pieces for w in piece], dtype=np.int64)


def self_check() -> float:
    """Largest difference between fast and plain probabilities, and of sums from 1, on tiny random text."""
    worst = 0.0
    train, held_out, num_classes = random_stream(0), random_stream(1, sentences=15), 9
    for order in (1, 2, 3, 5):
        for across in (False, True):
            fast = KneserNey.fit(train, num_classes, order, across)
            plain = PlainKneserNey(train.tolist(), num_classes, order, across)
            histories = [plain_history(held_out.tolist(), t, order, across) for t in range(1, len(held_out))]
            expected = [plain.probability(h, int(w)) for h, w in zip(histories, held_out[1:], strict=True)]
            worst = max(worst, float(np.abs(fast.stream_probabilities(held_out, across) - expected).max()))
            worst = max(worst, *(abs(float(fast.distribution(h).sum()) - 1) for h in histories))
    return worst


def sums_to_one(model: KneserNey, stream: Ints, across_sentences: bool, samples: int = 20) -> float:
    """Largest distance from 1 of the sum over all classes, after some histories of a stream."""
    lengths = history_lengths(stream, len(model.orders) - 1, across_sentences)
    places = np.random.default_rng(0).integers(1, len(stream), samples)
    return max(abs(float(model.distribution(stream[t - lengths[t] : t].tolist()).sum()) - 1) for t in places)


def read_streams(directory: Path) -> tuple[Ints, Ints, int]:
    """Train and held-out classes of a corpus directory, and the number of classes."""
    from elmo_lite.corpus.corpus import Corpus

    corpus = Corpus.open(directory)
    classes = np.asarray(corpus.class_of_word, dtype=np.int64)
    return classes[corpus.train], classes[corpus.held_out], len(corpus.vocabulary)


def evaluate(train: Ints, held_out: Ints, num_classes: int, order: int, across_sentences: bool) -> dict[str, Any]:
    """Train, score, and collect the figures: times in seconds, memory in GiB."""
    start = time.perf_counter()
    model = KneserNey.fit(train, num_classes, order, across_sentences)
    trained = time.perf_counter()
    p = model.stream_probabilities(held_out, across_sentences)
    nats = -float(np.log(p).mean())
    num_words = int(np.count_nonzero(held_out != BOUNDARY))
    unknown = held_out[1:] == UNKNOWN
    return {
        "order": order,
        "across_sentences": across_sentences,
        "classes": num_classes,
        "train_words": int(np.count_nonzero(train != BOUNDARY)),
        "predictions": len(p),
        "perplexity": math.exp(nats),
        "nats": nats,
        "perplexity_of_known_classes": math.exp(-float(np.log(p[~unknown]).mean())),
        "out_of_vocabulary_share": int(np.count_nonzero(unknown)) / max(num_words, 1),
        "ngrams": [len(o.keys) for o in model.orders],
        "discounts": [[round(float(d), 4) for d in o.discounts[1:]] for o in model.orders],
        "sum_error": sums_to_one(model, held_out, across_sentences),
        "train_seconds": trained - start,
        "score_seconds": time.perf_counter() - trained,
        "peak_memory_gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
    }


def format_table(figures: dict[str, Any]) -> str:
    """Format one figure per line."""
    width = max(map(len, figures))
    return "\n".join(
        f"{k:<{width}}  {v:,.4f}" if isinstance(v, float) else f"{k:<{width}}  {v}" for k, v in figures.items()
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark and return the exit status, 0 on success."""
    parser = argparse.ArgumentParser(description="Interpolated modified Kneser-Ney perplexity of a corpus directory.")
    parser.add_argument("corpus", nargs="?", type=Path, help="directory written by `elmo-lite corpus`")
    parser.add_argument("--order", type=int, default=5, help="longest n-gram (default 5)")
    parser.add_argument("--across_sentences", action="store_true", help="let the history run over sentence boundaries")
    parser.add_argument("--max_train_words", type=int, help="train on the first so many words and boundaries only")
    parser.add_argument(
        "--self_check", action="store_true", help="compare with a slow implementation on tiny text first"
    )
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    options = parser.parse_args(arguments)
    if options.corpus is None and not options.self_check:
        parser.error("expected a corpus directory or --self_check, found neither")
    if options.order < 1:
        parser.error(f"--order: expected 1 or more, found {options.order}")
    if options.self_check:
        worst = self_check()
        print(f"self check: largest difference {worst:.1e}")
        if worst > 1e-9:
            print("self check failed: expected less than 1e-9", file=sys.stderr)
            return 1
    if options.corpus is not None:
        train, held_out, num_classes = read_streams(options.corpus)
        train = train[: None if options.max_train_words is None else options.max_train_words + 1]
        figures = {"corpus": str(options.corpus)}
        figures |= evaluate(train, held_out, num_classes, options.order, options.across_sentences)
        print(format_table(figures))
        print(json.dumps(figures))
        if options.json is not None:
            options.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
