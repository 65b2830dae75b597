"""Words that the character width cuts."""

import numpy as np

from elmo_lite.corpus.writer import cut_words


def test_a_width_is_suggested_where_many_words_are_cut() -> None:
    """The smallest that cuts at most 0.1 % of running words."""
    lengths, counts = np.array([3, 60, 80]), np.array([9970, 20, 10])
    assert cut_words(lengths, counts, 50) == {"cut_words_share": 0.003, "suggested_max_characters": 62}
    assert cut_words(lengths, counts, 62) == {"cut_words_share": 0.001, "suggested_max_characters": None}
