"""Every sequence that has words once, with its like, in batches that are bounded."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elmo_lite.text.length_batches import batches_by_length

LENGTHS = st.lists(st.integers(0, 12), max_size=30)


@given(LENGTHS, st.integers(1, 40), st.none() | st.integers(1, 6))
def test_bounds(lengths: list[int], max_positions: int, max_sequences: int | None) -> None:
    batches = list(batches_by_length(lengths, max_positions, max_sequences))
    order = [index for batch in batches for index in batch]
    assert sorted(order) == [index for index, length in enumerate(lengths) if length]
    assert [lengths[index] for index in order] == sorted(filter(None, lengths))
    for batch in batches:
        longest = lengths[batch[-1]] + 1  # and its boundary
        assert len(batch) == 1 or len(batch) * longest <= max_positions
        assert max_sequences is None or len(batch) <= max_sequences


@given(LENGTHS, st.integers(1, 40), st.none() | st.integers(1, 6))
def test_no_batch_could_take_the_next_sequence_too(
    lengths: list[int], max_positions: int, max_sequences: int | None
) -> None:
    batches = list(batches_by_length(lengths, max_positions, max_sequences))
    for batch, following in zip(batches, batches[1:], strict=False):
        positions = (len(batch) + 1) * (lengths[following[0]] + 1)
        assert positions > max_positions or len(batch) == max_sequences


@pytest.mark.parametrize("first", ["", "from elmo_lite import Elmo; "])
def test_the_public_name_is_the_function(first: str) -> None:
    """Whatever was imported before: a module that has been imported becomes an attribute of its package."""
    code = f"{first}from elmo_lite import batches_by_length; print(*batches_by_length([3, 1, 0, 2], 8))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[1, 3] [0]\n"
