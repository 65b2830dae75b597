"""Words as rows of character ids, in the scheme of the published ELMo models.

A character is a byte of the word in UTF-8. Ids 0-255 are bytes, 256 and 257 are BOS and EOS (begin and end of the
sentence), 258 and 259 are BOW and EOW (begin and end of the word), and 260 is padding. Every id is shifted by one, so
that 0 means "no token".
(Format of https://github.com/allenai/bilm-tf: data.py, UnicodeCharsVocabulary.)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import torch

CharIds = npt.NDArray[np.int16]

NUM_CHAR_IDS = 262
MAX_CHARACTERS = 50
"""Default number of characters per word, C, as in the published models."""
SHORTEST_WIDTH, LONGEST_WIDTH = 3, 4096
"""Bounds of the number of characters per word."""
NO_TOKEN = 0
BEGIN_SENTENCE = 256 + 1
END_SENTENCE = 257 + 1
BEGIN_WORD = 258 + 1
END_WORD = 259 + 1
PADDING = 260 + 1


def _row(byte_ids: Sequence[int], max_characters: int) -> CharIds:
    """Character ids of one token: BOW, ids, EOW, padding. Returns (C,)."""
    row = np.full(max_characters, PADDING, dtype=np.int16)
    row[0] = BEGIN_WORD
    row[1 : len(byte_ids) + 1] = byte_ids
    row[len(byte_ids) + 1] = END_WORD
    return row


def begin_sentence_row(max_characters: int = MAX_CHARACTERS) -> CharIds:
    """Character ids of BOS, the token before the first word of a sentence. Returns (C,)."""
    return _row([BEGIN_SENTENCE], max_characters)


def end_sentence_row(max_characters: int = MAX_CHARACTERS) -> CharIds:
    """Character ids of EOS, the token after the last word of a sentence. Returns (C,)."""
    return _row([END_SENTENCE], max_characters)


def longest_word(char_ids: npt.NDArray[np.integer[Any]]) -> int:
    """Number of characters of the longest of words (N, C), BOW and EOW included; 0 without words."""
    return int((char_ids != PADDING).sum(axis=1).max(initial=0))


def encode_words(words: Iterable[str], max_characters: int = MAX_CHARACTERS) -> CharIds:
    """Character ids of words. A word longer than ``max_characters`` - 2 bytes is truncated.

    Args:
        words: N words. Spellings such as ``<S>`` are ordinary words, as boundary tokens have rows of their own.
        max_characters: Number of characters per word, C, BOW and EOW included; at least 3. Defaults to 50.

    Returns:
        (N, C) int16 in 1..261.
    """
    keep = max_characters - 2
    # A lone surrogate cannot be UTF-8; "surrogatepass" keeps such a word distinct instead of failing.
    encoded = [word.encode("utf-8", "surrogatepass")[:keep] for word in words]
    if not encoded:
        return np.empty((0, max_characters), dtype=np.int16)
    lengths = np.fromiter((len(word) for word in encoded), dtype=np.int64, count=len(encoded))
    rows = np.full((len(encoded), max_characters), PADDING, dtype=np.int16)
    rows[:, 0] = BEGIN_WORD
    columns = np.arange(keep)
    rows[:, 1:-1][columns < lengths[:, None]] = np.frombuffer(b"".join(encoded), dtype=np.uint8).astype(np.int16) + 1
    rows[np.arange(len(encoded)), lengths + 1] = END_WORD
    return rows


def encode_sentences(sentences: Sequence[Sequence[str]], max_characters: int = MAX_CHARACTERS) -> CharIds:
    """Character ids of a batch of sentences.

    Args:
        sentences: B lists of words.
        max_characters: Number of characters per word, C, BOW and EOW included; at least 3. Defaults to 50.

    Returns:
        (B, T, C) int16. Rows of zeros are padding.
    """
    shape = (len(sentences), max(map(len, sentences), default=0), max_characters)
    ids = np.full(shape, NO_TOKEN, dtype=np.int16)
    for row, sentence in zip(ids, sentences, strict=True):
        row[: len(sentence)] = encode_words(sentence, max_characters)
    return ids


def token_mask(char_ids: torch.Tensor) -> torch.Tensor:
    """Mask of the positions that hold a token.

    Args:
        char_ids: (..., C) character ids.

    Returns:
        (...) bool, False at padding.
    """
    return (char_ids > NO_TOKEN).any(dim=-1)
