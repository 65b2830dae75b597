"""Input of AllenNLP's ELMo: character ids and lengths of sentences, with BOS and EOS added."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from elmo_lite.errors import CorpusError
from elmo_lite.text.characters import (
    MAX_CHARACTERS,
    NO_TOKEN,
    CharIds,
    begin_sentence_row,
    encode_words,
    end_sentence_row,
)

BEGIN_SPELLING, END_SPELLING = "<S>", "</S>"
"""Spellings of the boundary tokens BOS and EOS, as in AllenNLP."""


def batch_to_ids(batch: Sequence[Sequence[str]], max_characters: int = MAX_CHARACTERS) -> Tensor:
    """Convert a batch of sentences to character ids.

    Args:
        batch: B lists of words; ``<S>`` and ``</S>`` are the boundary tokens BOS and EOS.
        max_characters: Width C of the model's options. Defaults to 50, the only width in AllenNLP.

    Returns:
        (B, T, C) int64, 0 at padding.

    Raises:
        CorpusError: A sentence is not a list of words; its position is named.
    """
    for number, sentence in enumerate(batch):
        if isinstance(sentence, str | bytes) or not all(isinstance(word, str) for word in sentence):
            found = f"{type(sentence).__name__} {sentence!r}"[:80]
            raise CorpusError(f"sentence {number}: expected a list of words, found {found}")
    ids = np.full((len(batch), max(map(len, batch), default=0), max_characters), NO_TOKEN, dtype=np.int64)
    for row, sentence in zip(ids, batch, strict=True):
        row[: len(sentence)] = char_ids(sentence, max_characters)
    return torch.from_numpy(ids)


def char_ids(words: Sequence[str], max_characters: int) -> CharIds:
    """Character ids (T, C) of words; ``<S>`` and ``</S>`` are encoded as BOS and EOS."""
    # A lone surrogate cannot be encoded in UTF-8 and is dropped.
    ids = encode_words([word.encode("utf-8", "ignore").decode("utf-8") for word in words], max_characters)
    for place, word in enumerate(words):
        if word in (BEGIN_SPELLING, END_SPELLING):
            ids[place] = (begin_sentence_row if word == BEGIN_SPELLING else end_sentence_row)(max_characters)
    return ids


def lengths_of(mask: Tensor, name: str) -> Tensor:
    """Number of tokens (B,) in each row of a mask (B, T).

    Raises:
        CorpusError: Padding precedes a token; the position is named, with ``name`` for the input.
    """
    lengths = mask.sum(dim=1)
    behind = torch.arange(mask.shape[1], device=mask.device) >= lengths[:, None]
    if bool((mask & behind).any()):
        row = int((mask & behind).any(dim=1).nonzero()[0])
        place = int((~mask[row]).nonzero()[0])
        raise CorpusError(f"{name}: sentence {row}: expected padding at its end only, found it at word {place}")
    return lengths


def enclose(tokens: Tensor, lengths: Tensor, begin: Tensor, end: Tensor) -> tuple[Tensor, Tensor]:
    """Add BOS before and EOS after the tokens of each row.

    Args:
        tokens: Character ids or token vectors (B, T, D) of any dtype.
        lengths: Number of tokens (B,) of each row, in [0, T].
        begin: Ids or vector (D,) of BOS.
        end: Ids or vector (D,) of EOS.

    Returns:
        Tokens (B, T + 2, D) and their mask (B, T + 2).
    """
    enclosed = F.pad(tokens, (0, 0, 1, 1))
    enclosed[:, 0] = begin
    enclosed[torch.arange(len(tokens), device=tokens.device), lengths + 1] = end
    return enclosed, torch.arange(enclosed.shape[1], device=tokens.device) < lengths[:, None] + 2
