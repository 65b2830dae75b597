"""Batches of sequences of similar length."""

from __future__ import annotations

from collections.abc import Iterator, Sequence


def batches_by_length(
    lengths: Sequence[int], max_positions: int, max_sequences: int | None = None
) -> Iterator[list[int]]:
    """Sort sequences by length and cut the order into batches; empty ones are left out.

    Args:
        lengths: words of each sequence.
        max_positions: rows times (longest + 1, for the boundary) of a batch at most; one sequence may be longer alone.
        max_sequences: rows at most; no bound where None.

    Yields:
        Numbers of the sequences of each batch, the shortest first.
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
