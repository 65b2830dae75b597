"""Words as rows of bytes: the published scheme, its edges, and the way back."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from elmo_lite.text import characters


def decode_word(row: Any) -> str:
    """The word of a row of character ids; a byte that is cut off shows as U+FFFD."""
    ids = np.asarray(row)
    return bytes((ids[(ids >= 1) & (ids <= 256)] - 1).astype(np.uint8)).decode("utf-8", "replace")


def plain_row(word: str, max_characters: int) -> list[int]:
    """The scheme, written down once more: begin, bytes + 1, end, padding."""
    byte_ids = [byte + 1 for byte in word.encode("utf-8", "surrogatepass")[: max_characters - 2]]
    return ([259, *byte_ids, 260] + [261] * max_characters)[:max_characters]


def test_published_ids() -> None:
    """Numbers that files of others rely on."""
    assert characters.encode_words(["ab"], 6).tolist() == [[259, 98, 99, 260, 261, 261]]
    assert characters.begin_sentence_row(5).tolist() == [259, 257, 260, 261, 261]
    assert characters.end_sentence_row(5).tolist() == [259, 258, 260, 261, 261]
    assert characters.encode_words(["é"], 5).tolist() == [[259, 0xC3 + 1, 0xA9 + 1, 260, 261]]
    assert characters.NUM_CHAR_IDS == 262


@given(st.lists(st.text(max_size=30), max_size=6), st.integers(3, 60))
@settings(deadline=None)
def test_rows_follow_the_scheme(words: list[str], max_characters: int) -> None:
    """Any words, lone surrogates and empty ones included, any width from 3."""
    rows = characters.encode_words(words, max_characters)
    assert rows.dtype == np.int16
    assert rows.shape == (len(words), max_characters)
    assert rows.tolist() == [plain_row(word, max_characters) for word in words]


@given(st.text(st.characters(codec="utf-8"), max_size=12))
@settings(deadline=None)
def test_words_that_fit_come_back(word: str) -> None:
    """12 characters are at most 48 bytes: nothing is cut."""
    assert decode_word(characters.encode_words([word], 50)[0]) == word


@pytest.mark.parametrize("word", ["x" * 10_000, "ж" * 10_000, "👍🏽" * 2_000, "क्षि" * 2_000])
def test_long_words_are_cut_at_the_width(word: str) -> None:
    """A letter cut in the middle shows as U+FFFD, nothing fails."""
    row = characters.encode_words([word], 50)[0]
    assert row[0] == characters.BEGIN_WORD
    assert row[-1] == characters.END_WORD
    assert decode_word(row).rstrip("\ufffd") == word[: len(decode_word(row).rstrip("\ufffd"))]


def test_a_word_spelled_like_a_boundary_is_a_word() -> None:
    """Only rows of their own stand for boundaries."""
    rows = characters.encode_words(["<S>", "</S>"], 50)
    assert not np.array_equal(rows[0], characters.begin_sentence_row(50))
    assert decode_word(rows[1]) == "</S>"


def test_mask_is_true_where_a_token_stands() -> None:
    """Rows of zeros are no token."""
    char_ids = torch.zeros(2, 3, 5, dtype=torch.int16)
    char_ids[0, :2] = torch.from_numpy(characters.encode_words(["a", ""], 5))
    assert characters.token_mask(char_ids).tolist() == [[True, True, False], [False, False, False]]
