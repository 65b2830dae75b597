"""The probability of the unknown class, divided over the spellings that it stands for."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

from elmo_lite.corpus.corpus import Corpus
from elmo_lite.corpus.unknown_words import unseen_share_of_unknown
from elmo_lite.text.vocabulary import UNKNOWN, UNKNOWN_CLASS, Vocabulary


class SpellingShares:
    """Shares of the words of a corpus that have no class, and one share of all other spellings together.

    The other spellings get u, the fraction of the unknown words of new text that the corpus lacks, as Good estimates it
    (``corpus.unknown_words``). A word of the corpus with count c gets (1 - u) c / C, where C is the sum of the counts
    of all words without a class. The shares add up to 1, and are assumed to be the same in any context.
    """

    def __init__(self, counts: dict[str, int], unseen: float) -> None:
        """Divide by counts.

        Args:
            counts: Occurrences of each word without a class.
            unseen: The share u of all other spellings, in (0, 1]; 1 if there are no counts.
        """
        self.counts = counts
        self.unseen = unseen if counts else 1.0
        self._log_unit = math.log1p(-unseen) - math.log(sum(counts.values())) if counts and unseen < 1 else -math.inf

    @classmethod
    def from_corpus(cls, corpus: Corpus, vocabulary: Vocabulary) -> SpellingShares:
        """Divide by the counts of the training part of a corpus."""
        words, counts = corpus.words, np.asarray(corpus.counts)[1:]
        has_no_class = [place for place, word in enumerate(words) if vocabulary.class_of(word) == UNKNOWN_CLASS]
        marked = sum(int(counts[place]) for place in has_no_class if words[place] == UNKNOWN)
        left_out = {words[place]: int(counts[place]) for place in has_no_class if words[place] != UNKNOWN}
        left_out = {word: count for word, count in left_out.items() if count}  # others occur in the held-out part alone
        seen = np.array([count for word, count in zip(words, counts, strict=True) if count and word != UNKNOWN])
        return cls(left_out, unseen_share_of_unknown(seen, np.array(list(left_out.values()), dtype=np.int64), marked))

    def of(self, word: str) -> tuple[Literal["unknown", "spelling", "unseen"], float]:
        """What is scored in the place of a word without a class, and the log of its share in nats.

        The mark ``<unk>`` is no spelling: it keeps the whole class.
        """
        if word == UNKNOWN:
            return "unknown", 0.0
        if count := self.counts.get(word):
            return "spelling", self._log_unit + math.log(count)
        return "unseen", math.log(self.unseen)
