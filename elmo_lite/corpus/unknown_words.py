"""Words outside the vocabulary: how many classes a corpus gets by default, and how often new text has other words.

A language model learns the probability of the unknown word from training words that have no class. If every training
word has one, the unknown word is never a target, and its probability on new text falls to nothing. The estimates are
those of Good (1953, "The population frequencies of species and the estimation of population parameters"): with N_r
words that occur r times among N, new text has words that were never seen at a rate of N_1 / N, and a word that was seen
r times at a rate of (r + 1) N_{r+1} / (N_r N).
"""

from __future__ import annotations

import numpy as np

from elmo_lite.corpus.streams import Int64Array

MAX_CLASSES = 30_000
"""Maximum number of classes by default, the two special ones included."""
_RELIABLE = 5
"""Maximum number of occurrences that are discounted."""


def default_size(counts: Int64Array) -> int:
    """The default number of classes: those of the words that occur at least twice, at most ``MAX_CLASSES``.

    The words that occur once are then the unknown word. In training they are as frequent as words that were never seen
    are in new text, whatever the size of the corpus. If no word occurs twice, all have a class.

    Args:
        counts: (num_words,) occurrences of the distinct words, in descending order.
    """
    repeated = int(np.count_nonzero(counts >= 2)) or len(counts)
    return min(repeated + 2, MAX_CLASSES)


def expected_unknown_share(counts: Int64Array, size: int, num_unknown: int = 0) -> float:
    """The expected fraction of the words of new text that have no class, by Good's estimates.

    Args:
        counts: (num_words,) occurrences of the distinct words, in descending order.
        size: Number of classes, the two special ones included, which the most frequent words have.
        num_unknown: Number of words that the text itself marks as unknown. Defaults to 0.

    Returns:
        The fraction, in [0, 1]; 0 if there are no words.
    """
    total = int(counts.sum()) + num_unknown
    if not total:
        return 0.0
    never_seen = int((counts == 1).sum())
    return min(1.0, (never_seen + _expected_again(counts, counts[size - 2 :]) + num_unknown) / total)


def unseen_share_of_unknown(counts: Int64Array, left_out: Int64Array, num_unknown: int = 0) -> float:
    """Of the words of new text that have no class, the expected fraction of spellings never seen, by Good's estimates.

    Args:
        counts: (num_words,) occurrences of the distinct words.
        left_out: Occurrences of those among them that have no class.
        num_unknown: Number of words that the text itself marks as unknown, whose spelling nobody knows. Defaults to 0.

    Returns:
        The fraction, in (0, 1]: a text where no word occurs once counts as if one did.
    """
    unseen = max(1, int((counts == 1).sum())) + num_unknown
    return unseen / (unseen + _expected_again(counts, left_out))


def _expected_again(counts: Int64Array, left_out: Int64Array) -> float:
    """How often the words of ``left_out`` are expected in new text of the same size."""
    times, numbers = np.unique(left_out, return_counts=True)
    return float(sum(number * _discounted(counts, int(r)) for r, number in zip(times, numbers, strict=True)))


def _discounted(counts: Int64Array, r: int) -> float:
    """Good's estimate of how often a word that occurs r times would occur in new text of the same size.

    Above ``_RELIABLE`` it is r, as by Katz (1987), "Estimation of probabilities from sparse data".
    """
    if r > _RELIABLE:
        return r
    once_more = int((counts == r + 1).sum())
    return min(r, (r + 1) * once_more / int((counts == r).sum())) if once_more else r
