"""Which documents are held out."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elmo_lite.corpus.streams import choose_held_out


@given(st.lists(st.integers(0, 1000), max_size=200), st.floats(0.001, 0.9))
@settings(deadline=None)
def test_some_documents_are_held_out_never_all(lengths: list[int], share: float) -> None:
    """At least one of two or more, at least one left."""
    chosen = choose_held_out(np.array(lengths, dtype=np.int64), share)
    assert chosen.shape == (len(lengths),)
    if len(lengths) < 2:
        assert not chosen.any()
    else:
        assert 0 < chosen.sum() < len(lengths)


def test_the_share_is_kept_and_spread() -> None:
    """About the share of the text, in every tenth of it, at most a million words."""
    lengths = np.random.default_rng(0).integers(100, 2000, 5000)
    chosen = choose_held_out(lengths, 0.02)
    assert lengths[chosen].sum() / lengths.sum() == pytest.approx(0.02, rel=0.05)
    assert all(5 <= part.sum() <= 15 for part in np.array_split(chosen, 10))
    many = np.tile(lengths, 10)
    assert 1_000_000 <= many[choose_held_out(many, 0.5)].sum() < 1_002_000


def test_a_giant_document_is_not_held_out() -> None:
    """One that is most of the text stays in training."""
    lengths = np.array([10, 100_000, 10, 10])
    assert not choose_held_out(lengths, 0.01)[1]
