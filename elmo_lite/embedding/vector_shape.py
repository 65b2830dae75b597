"""What a file of vectors holds, and the interface of its writers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating[Any]]
DType = Literal["float32", "float16"]


@dataclass(frozen=True)
class VectorShape:
    """The sizes, the data type and the origin of the vectors of a file."""

    num_sentences: int
    num_words: int
    num_bytes: int
    """Total length of the words in UTF-8 bytes."""
    num_layers: int | None
    """Number of layers L if all layers are written, None if one vector per word or sentence is written."""
    dim: int
    """Width of a vector, 2D."""
    dtype: DType
    is_pooled: bool = False
    """Whether there is one vector per sentence instead of one per word."""
    metadata: Mapping[str, str] = field(default_factory=dict)
    """Model, layers, dtype and tokenisation (as JSON), which every format keeps."""

    @property
    def flat(self) -> tuple[int, ...]:
        """Shape of the vectors of all sentences in one array: (words, 2D), (words, L, 2D) or (sentences, 2D)."""
        rows = self.num_sentences if self.is_pooled else self.num_words
        return (rows, self.dim) if self.num_layers is None else (rows, self.num_layers, self.dim)

    @property
    def vector_bytes(self) -> int:
        """Total size of the vectors in bytes."""
        return int(np.prod(self.flat, dtype=np.int64)) * np.dtype(self.dtype).itemsize


class VectorWriter(Protocol):
    """Interface of a writer, which takes sentences in order."""

    def write(self, words: list[str], vectors: Floats) -> None:
        """Add a sentence of T words with its vectors, (L, T, 2D) or (T, 2D), or with its one vector (2D,)."""

    def close(self) -> None:
        """Write buffered data and close the file."""


def flat_bytes(vectors: Floats) -> bytes:
    """The vectors of a sentence in the order of ``VectorShape.flat``."""
    return (vectors.swapaxes(0, 1) if vectors.ndim == 3 else vectors).tobytes()
