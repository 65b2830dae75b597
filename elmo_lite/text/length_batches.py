"""Batches of sequences of similar length."""

from __future__ import annotations

from collections.abc import Iterator, Sequence


def batches_by_length(
    lengths: Sequence[int], max_positions: int, max_sequences: int | None = None
) -> Iterator[list[int]]:
    """Sort sequences by length and divide them into batches. Empty sequences are left out.

    Args:
        lengths: Number of words in each sequence.
        max_positions: Maximum size of a batch: number of sequences times (longest length + 1 for the boundary token).
            A longer sequence is a batch of its own.
        max_sequences: Maximum number of sequences in a batch. Defaults to no limit.

    Yields:
        Indices of the sequences of each batch, in ascending order of length.
    """
    batch: list[int] = []
    for index in sorted((i for i, length in enumerate(lengths) if length), key=lengths.__getitem__):
        full = (len(batch) + 1) * (lengths[index] + 1) > max_positions or len(batch) == max_sequences
        if batch and full:
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch
