"""Every sentence once an epoch, with its like, in an order of chance that comes back with the seed."""

import random

import pytest

from tasks.training.length_pools import POOL_BATCHES, LengthPools

LENGTHS = random.Random(0).choices(range(1, 60), k=1001)


def padding(batches: list[list[int]]) -> float:
    """Share of the positions that hold no word."""
    positions = sum(len(batch) * max(LENGTHS[index] for index in batch) for batch in batches)
    return 1 - sum(LENGTHS) / positions


@pytest.mark.parametrize("size", [1, 7, 1001, 5000])
def test_every_sentence_once(size: int) -> None:
    pools = LengthPools(LENGTHS, size, seed=0)
    batches = list(pools)
    assert sorted(index for batch in batches for index in batch) == list(range(1001))
    assert len(batches) == len(pools) and max(map(len, batches)) <= size


def test_the_order_follows_seed_and_epoch() -> None:
    first, again, other = (LengthPools(LENGTHS, 8, seed) for seed in (3, 3, 4))
    epochs = [list(first), list(first)]
    assert [list(again), list(again)] == epochs
    assert epochs[0] != epochs[1] and list(other) != epochs[0]


def test_batches_have_little_padding_and_come_in_any_order() -> None:
    batches = list(LengthPools(LENGTHS, 8, seed=0))
    assert padding(batches) < 0.1 < padding([list(range(i, min(i + 8, 1001))) for i in range(0, 1001, 8)])
    firsts = [LENGTHS[batch[0]] for batch in batches]
    assert firsts != sorted(firsts)


def test_pools_are_shuffled() -> None:
    """A sentence has other neighbours in another epoch."""
    lengths = [5] * (2 * POOL_BATCHES * 4)
    pools = LengthPools(lengths, 4, seed=0)
    assert {frozenset(batch) for batch in pools}.isdisjoint({frozenset(batch) for batch in pools})
