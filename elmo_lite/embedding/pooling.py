"""One vector per sentence: the mean or the maximum of the vectors of its words."""

from __future__ import annotations

from typing import Literal

import numpy as np

from elmo_lite.embedding.runner import FloatArray
from elmo_lite.errors import require

Pool = Literal["mean", "max"]


def check_pooling(pool: str, layers: object) -> None:
    """Check that there is one vector per word to pool, and the way to pool it.

    Raises:
        ConfigError: The pooling is unknown, or ``layers`` is "all".
    """
    require(pool in ("mean", "max"), "pool", "mean or max", pool)
    require(layers != "all", "layers", "mean, top or a number for sentence vectors", layers)


def pooled(words: FloatArray, pool: Pool) -> FloatArray:
    """Pool the vectors of a sentence, (T, 2D), to one, (2D,), which is zero for a sentence without words."""
    if not len(words):
        return np.zeros(words.shape[1], dtype=np.float32)
    found: FloatArray = np.mean(words, axis=0) if pool == "mean" else np.max(words, axis=0)
    return found
