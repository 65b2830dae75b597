"""Settings that suit the size of a text and the number of passes over it, as docs/recipe.md measures them."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

from elmo_lite.pretraining.config import PretrainConfig

WORDS_OF_TEN_PASSES = 1_000_000
"""Size of a text that is read ten times; one ten times as large is read four times."""
PASSES_WITHOUT_DROPOUT = 4.0
LARGEST_DROPOUT = 0.5


def suited_epochs(num_words: int) -> int:
    """Number of passes over a training text if neither steps, nor a time, nor passes are given."""
    passes = 10 * math.pow(WORDS_OF_TEN_PASSES / max(1, num_words), 0.4)
    return max(1, min(20, round(passes)))


def suited_dropout(passes: float) -> float:
    """Dropout of a run that reads its text ``passes`` times, 0 or more: 0.15 more for each doubling above four."""
    doublings = math.log2(max(passes, PASSES_WITHOUT_DROPOUT) / PASSES_WITHOUT_DROPOUT)
    return min(LARGEST_DROPOUT, round(0.15 * doublings, 2))


def with_dropout(config: PretrainConfig, passes: float) -> PretrainConfig:
    """Settings with the dropout that suits a number of passes, unless they have one."""
    return _with(config, suited_dropout(passes)) if config.model.dropout is None else config


def with_dropout_of(config: PretrainConfig, stored: Mapping[str, Any]) -> PretrainConfig:
    """Settings with the dropout of a stored run, unless they have one."""
    return _with(config, stored["model"]["dropout"]) if config.model.dropout is None else config


def _with(config: PretrainConfig, dropout: float) -> PretrainConfig:
    return dataclasses.replace(config, model=dataclasses.replace(config.model, dropout=dropout))
