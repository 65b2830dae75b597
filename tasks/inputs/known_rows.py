"""Rows of numbers that describe words, each made once."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

MOST_KEPT = 2**16
"""Maximum number of words whose rows are kept."""
LONGEST_KEPT = 100
"""Maximum number of characters of such a word, so that memory is bounded."""

Rows = npt.NDArray[np.int32]


class KnownRows:
    """The rows of words that were asked for before.

    A word of a training set is asked for in every epoch, and a frequent one in every batch of a prediction. Threads may
    share the object: the row of a word is the same whoever makes it.
    """

    def __init__(self) -> None:
        """Start without rows."""
        self._row_of: dict[str, npt.NDArray[np.int32]] = {}

    def __len__(self) -> int:
        """Number of words whose rows are kept."""
        return len(self._row_of)

    def of(self, words: Sequence[str], describe: Callable[[Sequence[str]], Rows]) -> Rows:
        """The rows (K, W) of K words, one or more.

        Args:
            words: K words.
            describe: Function from words to their rows, which depend on the word alone. It is called for new words.
        """
        known = self._row_of
        missing = [word for word in words if word not in known]
        if len(known) + len(missing) > MOST_KEPT:
            known, missing = {}, list(words)
            self._row_of = known
        new = dict(zip(missing, describe(missing), strict=True)) if missing else {}
        known.update((word, row.copy()) for word, row in new.items() if len(word) <= LONGEST_KEPT)
        return np.stack([known[word] if word in known else new[word] for word in words])
