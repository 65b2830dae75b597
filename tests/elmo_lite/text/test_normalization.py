"""NFC of words, long and short."""

import unicodedata

from hypothesis import given, settings
from hypothesis import strategies as st

from elmo_lite.text.normalization import to_nfc

MARKS = [character for character in map(chr, range(0x20000)) if unicodedata.combining(character)]
LETTERS = "aeoé가각\u1100\u1161\u11a8か\u0344\u0958\u2126\U0001d15e"


@given(st.text(st.one_of(st.sampled_from(MARKS), st.sampled_from(LETTERS), st.characters()), max_size=150))
@settings(deadline=None, max_examples=300)
def test_long_words_are_composed_as_unicodedata_does(word: str) -> None:
    assert to_nfc(word) == unicodedata.normalize("NFC", word)
    assert to_nfc(word * 3) == unicodedata.normalize("NFC", word * 3)


def test_marks_out_of_order_take_time_that_grows_with_their_number() -> None:
    """An insertion sort of 400,000 marks would take minutes."""
    found = to_nfc("a" + "\u0301" * 200_000 + "\u0323" * 200_000)
    assert found == "\u1ea1" + "\u0323" * 199_999 + "\u0301" * 200_000
