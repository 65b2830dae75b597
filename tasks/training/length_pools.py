"""Order of a data set's sentences in training: random, and yet with little padding."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch

POOL_BATCHES = 50
"""Batches' worth of sentences that are sorted together; more of them means less padding and less chance."""


class LengthPools:
    """Batches of sentences of similar length, in another order in every epoch.

    Sentences are shuffled, cut into pools, sorted by length within a pool, cut into batches; the batches are shuffled.
    Epoch n has the same order in every run with the same seed.
    """

    def __init__(self, lengths: Sequence[int], batch_size: int, seed: int) -> None:
        """Order sentences of ``lengths`` words into batches of ``batch_size``."""
        self.lengths, self.batch_size, self.seed = lengths, batch_size, seed
        self.epoch = 0

    def __len__(self) -> int:
        """Batches of an epoch."""
        return -(-len(self.lengths) // self.batch_size)

    def __iter__(self) -> Iterator[list[int]]:
        """The numbers of the sentences of each batch of the next epoch."""
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + self.epoch)
        self.epoch += 1
        order = torch.randperm(len(self.lengths), generator=generator).tolist()
        size = self.batch_size * POOL_BATCHES
        batches: list[list[int]] = []
        for start in range(0, len(order), size):
            pool = sorted(order[start : start + size], key=self.lengths.__getitem__)
            batches += [pool[first : first + self.batch_size] for first in range(0, len(pool), self.batch_size)]
        for index in torch.randperm(len(batches), generator=generator).tolist():
            yield batches[index]
