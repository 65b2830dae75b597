"""The order of sentences in training: random, with little padding."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch

POOL_BATCHES = 50
"""Number of batches in a pool of sentences sorted by length; a larger pool has less padding and less randomness."""


class LengthPools:
    """Batches of sentences of similar length, in a different order in every epoch.

    Sentences are shuffled, split into pools, sorted by length within each pool, and split into batches. The batches are
    shuffled. Epoch n has the same order in every run with the same seed.
    """

    def __init__(self, lengths: Sequence[int], batch_size: int, seed: int) -> None:
        """Order sentences of ``lengths`` words into batches of ``batch_size``."""
        self.lengths, self.batch_size, self.seed = lengths, batch_size, seed
        self.epoch = 0

    def __len__(self) -> int:
        """Number of batches of an epoch."""
        return -(-len(self.lengths) // self.batch_size)

    def __iter__(self) -> Iterator[list[int]]:
        """Yield the sentence indices of each batch of the next epoch."""
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
