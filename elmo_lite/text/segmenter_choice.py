"""The segmenter for a text: that of the script without spaces in which most of it is written, if one is installed."""

from __future__ import annotations

import logging
from typing import NamedTuple

from elmo_lite.text.segmenters import Segmenter, is_installed
from elmo_lite.text.unspaced import HAN, KANA, LAO_KHMER_BURMESE, THAI, runs_of

log = logging.getLogger("elmo_lite")

LEAST_SHARE = 0.05
"""Fraction of the letters of a text below which a script without spaces is no reason for a segmenter."""
_LEAST_KANA = 0.05
"""Fraction of Han, Hiragana and Katakana that are Hiragana or Katakana from which a text is Japanese."""


class _Language(NamedTuple):
    name: str
    segmenters: tuple[Segmenter, ...]
    extra: str


_CHINESE = _Language("Chinese", ("jieba", "icu"), "chinese")
_JAPANESE = _Language("Japanese", ("sudachi", "icu"), "japanese")
_THAI = _Language("Thai", ("pythainlp", "icu"), "thai")
_OTHERS = _Language("Lao, Khmer or Burmese", ("icu",), "icu")


def choose_segmenter(text: str) -> Segmenter | None:
    """Choose a segmenter by a sample of text, and log what was chosen, or that none is installed.

    Args:
        text: The sample.

    Returns:
        The first installed segmenter of the language; None if there is none, or if less than ``LEAST_SHARE`` of the
        letters belong to scripts without spaces.
    """
    language = _language_of(text)
    if language is None:
        return None
    for segmenter in language.segmenters:
        if is_installed(segmenter):
            log.info("%s text: words are found by %s, which using the model needs too", language.name, segmenter)
            return segmenter
    log.warning(
        "%s text: each character is a word, as no package that finds words is installed; to find them: "
        "pip install 'elmo_lite[%s]'",
        language.name,
        language.extra,
    )
    return None


def _language_of(text: str) -> _Language | None:
    """The language with most letters of its own; None if nearly all letters are those of scripts with spaces."""
    text = text.encode("utf-8", "replace").decode()
    han, kana, thai, others = (_count(text, scripts) for scripts in (HAN, KANA, THAI, LAO_KHMER_BURMESE))
    is_japanese = kana > 0 and kana >= _LEAST_KANA * (han + kana)
    sizes = {_JAPANESE if is_japanese else _CHINESE: han + kana, _THAI: thai, _OTHERS: others}
    language = max(sizes, key=sizes.__getitem__)
    num_letters = sum(map(str.isalpha, text))
    return language if sizes[language] > 0 and sizes[language] >= LEAST_SHARE * num_letters else None


def _count(text: str, scripts: str) -> int:
    """Number of letters of some scripts."""
    return sum(sum(map(str.isalpha, run)) for run, _ in runs_of(scripts).pre_tokenize_str(text))
