"""Modified Kneser-Ney in dictionaries, one n-gram at a time: the slow reference of the fast one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from elmo_lite.ladder.kneser_ney import Ints, chen_goodman_discounts
from elmo_lite.text.vocabulary import BOUNDARY_CLASS


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
                begins = start == 0 if across_sentences else n > 1 and gram[0] == BOUNDARY_CLASS
                left[gram].add(None if begins else stream[start - 1])
        for n in range(1, order):
            for gram in self.counts[n]:
                if across_sentences or n == 1 or gram[0] != BOUNDARY_CLASS:
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
        start = max(start, max(k for k in range(t) if stream[k] == BOUNDARY_CLASS))
    return tuple(stream[start:t])


def random_stream(seed: int, num_classes: int = 9, sentences: int = 60) -> Ints:
    """A small stream with repetitions, for checks."""
    rng = np.random.default_rng(seed)
    pieces = [[BOUNDARY_CLASS]]
    for _ in range(sentences):
        words = 1 + np.minimum(rng.geometric(0.45, rng.integers(1, 8)) - 1, num_classes - 3)
        pieces += [words.tolist(), [BOUNDARY_CLASS]]
    return np.array([w for piece in pieces for w in piece], dtype=np.int64)
