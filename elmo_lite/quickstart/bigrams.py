"""Unigram and bigram baselines, to compare the perplexity of a model with."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Classes = npt.NDArray[np.integer]


def unigram_perplexity(train: Classes, held_out: Classes, num_classes: int) -> float:
    """Perplexity of a unigram model with add-one smoothing.

    Args:
        train: Classes (N,) of a stream that starts with a boundary token.
        held_out: Classes (M,) of such a stream, of which all but the first are predicted.
        num_classes: Number of classes V.
    """
    counts = np.bincount(train[1:], minlength=num_classes) + 1
    return _perplexity(counts[held_out[1:]] / counts.sum())


def bigram_perplexity(train: Classes, held_out: Classes, num_classes: int) -> float:
    """Perplexity of an interpolated Kneser-Ney bigram model.

    p(w | v) = max(c(v w) - d, 0) / c(v) + d N(v .) / c(v) * (N(. w) + 1) / (N(. .) + V), where N counts distinct pairs
    and d = n1 / (n1 + 2 n2), with n1 and n2 the numbers of pairs seen once and twice (Kneser and Ney 1995; Chen and
    Goodman 1999, section 2.7). The added 1 gives classes without a pair a probability. For an unseen ``v``,
    p(w | v) is the last factor alone.

    Args:
        train: Classes (N,) of a stream that starts and ends with a boundary token. Reversed streams give the backward
            model.
        held_out: Classes (M,) of such a stream, of which all but the first are predicted from the previous one.
        num_classes: Number of classes V.
    """
    pairs, pair_counts = np.unique(_pairs(train, num_classes), return_counts=True)
    once, twice = (np.count_nonzero(pair_counts == times) for times in (1, 2))
    discount = once / (once + 2 * twice) if once else 0.5
    histories, followers = np.divmod(pairs, num_classes)
    history_counts = np.bincount(histories, weights=pair_counts, minlength=num_classes)
    continuations = (np.bincount(followers, minlength=num_classes) + 1) / (len(pairs) + num_classes)
    kinds = np.bincount(histories, minlength=num_classes)

    wanted = _pairs(held_out, num_classes)
    before, after = np.divmod(wanted, num_classes)
    place = np.minimum(np.searchsorted(pairs, wanted), len(pairs) - 1)
    counted = np.where(pairs[place] == wanted, pair_counts[place] - discount, 0.0)
    totals = history_counts[before]
    seen = totals > 0
    totals = np.where(seen, totals, 1.0)
    share_left = np.where(seen, discount * kinds[before] / totals, 1.0)
    return _perplexity(counted / totals + share_left * continuations[after])


def _pairs(stream: Classes, num_classes: int) -> npt.NDArray[np.int64]:
    """Pairs (N - 1,) of adjacent classes, each encoded as one integer."""
    wide = stream.astype(np.int64)
    return wide[:-1] * num_classes + wide[1:]


def _perplexity(probabilities: npt.NDArray[np.float64]) -> float:
    return float(np.exp(-np.mean(np.log(probabilities))))
