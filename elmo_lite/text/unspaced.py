r"""Words in runs of a script without spaces, as a segmenter finds them, between the pieces that the rules find.

A piece is one character with its marks. A word is one or more whole pieces, so offsets are exact and marks stay with
their letter, whatever the segmenter does. It reads the composed text (NFC).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from tokenizers import Regex
from tokenizers.pre_tokenizers import Split as SplitByPattern

from elmo_lite.text.normalization import to_nfc
from elmo_lite.text.segmenters import Segmenter, Split, load_segmenter

HAN, KANA, THAI = r"\p{Han}", r"\p{Hiragana}\p{Katakana}", r"\p{Thai}"
LAO_KHMER_BURMESE = r"\p{Lao}\p{Khmer}\p{Myanmar}"
UNSPACED = rf"{HAN}\p{{Hiragana}}{THAI}{LAO_KHMER_BURMESE}"
"""Scripts in which a character is a word without a segmenter, for a character class of Oniguruma."""
_SHARED = r"\x{3006}\x{30FC}\x{FF70}\x{FF9E}\x{FF9F}"
"""Letters of Japanese that no script has: the closing mark, long-vowel marks, half-width voicing marks."""
_SCRIPTS: dict[Segmenter, str] = {
    "jieba": HAN,
    "sudachi": HAN + KANA + _SHARED,
    "pythainlp": THAI,
    "icu": UNSPACED + KANA + _SHARED,
}
"""Characters that each segmenter reads."""

Span = tuple[int, int]
_LONGEST = 512
"""Number of characters that a segmenter reads at a time, which bounds those whose time grows with the square of it."""


def unspaced_with(segmenter: Segmenter | None) -> str:
    """The scripts whose characters are pieces of their own: Katakana too where a segmenter reads it."""
    return UNSPACED if segmenter is None else UNSPACED + _SCRIPTS[segmenter]


@cache
def runs_of(scripts: str) -> SplitByPattern:
    """A pre-tokeniser that finds the runs of letters and digits of some scripts, and nothing else.

    Args:
        scripts: Content of a character class of Oniguruma.
    """
    letters = rf"[{scripts}]&&[\p{{L}}\p{{N}}]"
    return SplitByPattern(Regex(rf"[{letters}][[{letters}]\p{{M}}]*"), behavior="removed", invert=True)


def merge_pieces(text: str, pieces: Sequence[Span], segmenter: Segmenter) -> list[Span]:
    """Merge the pieces of each run that the segmenter can read into its words.

    Args:
        text: A text without blanks.
        pieces: Spans of its pieces, in order.
        segmenter: Name of the segmenter.

    Returns:
        Spans of the words, in order. Pieces that reach beyond a run, such as addresses, stay as they are.

    Raises:
        ModuleNotFoundError: There is a run, and the segmenter is not installed.
    """
    merged: list[Span] = []
    position = 0
    for _, (start, end) in runs_of(_SCRIPTS[segmenter]).pre_tokenize_str(text):
        first = position
        while first < len(pieces) and pieces[first][0] < start:
            first += 1
        merged += pieces[position:first]
        position = first
        while position < len(pieces) and pieces[position][1] <= end:
            position += 1
        merged += _words(text, pieces[first:position], load_segmenter(segmenter))
    return merged + list(pieces[position:])


def _words(text: str, pieces: Sequence[Span], split: Split) -> list[Span]:
    """The words of adjacent pieces."""
    spelled = [to_nfc(text[start:end]) for start, end in pieces]
    ends = _word_ends("".join(spelled), split)
    words: list[Span] = []
    begin, length = 0, 0
    for number, (piece, word) in enumerate(zip(pieces, spelled, strict=True), 1):
        length += len(word)
        if length in ends or number == len(pieces):
            words.append((pieces[begin][0], piece[1]))
            begin = number
    return words


def _word_ends(text: str, split: Split) -> set[int]:
    """Ends of the words of a run of any length. Each character is a word where a segmenter changes the text."""
    ends: set[int] = set()
    start = 0
    while start < len(text):
        window = text[start : start + _LONGEST]
        words = split(window)
        if "".join(words) != window:
            words = list(window)
        if start + _LONGEST < len(text) and len(words) > 1 and len(words[-1]) <= _LONGEST // 2:
            words.pop()  # the end of the window may have cut it; the next window begins with it
        for word in words:
            start += len(word)
            ends.add(start)
    return ends
