"""Provisional word ids in a temporary file while a corpus is built, and the positions of its documents."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO

import numpy as np
import numpy.typing as npt

from elmo_lite.corpus.corpus import BOUNDARY_ID

Int64Array = npt.NDArray[np.int64]

_CHUNK = 1 << 20
"""Number of word ids read at a time."""
_NEAR = 1 << 10
"""Number of word ids read at a time in search of the end of a sentence."""


@dataclass
class Stream:
    """Provisional word ids in a temporary file, each sentence followed by the boundary id."""

    file: IO[bytes]
    length: int = 0
    counts: Int64Array = field(default_factory=lambda: np.zeros(1 << 16, dtype=np.int64))
    """Occurrences by word id. Longer than the number of words."""
    starts: array[int] = field(default_factory=lambda: array("q"))
    """Positions where documents begin, in ascending order, with repetitions."""

    def add(self, ids: npt.NDArray[np.int32], num_words: int) -> None:
        """Append word ids in 0..num_words."""
        self.file.write(ids.tobytes())
        self.length += len(ids)
        while len(self.counts) <= num_words:
            self.counts = np.concatenate([self.counts, np.zeros_like(self.counts)])
        found = np.bincount(ids)
        self.counts[: len(found)] += found

    def counts_of(self, num_words: int) -> Int64Array:
        """(num_words + 1,): occurrences by word id."""
        counts = np.zeros(num_words + 1, dtype=np.int64)
        known = self.counts[: len(counts)]
        counts[: len(known)] = known
        return counts

    def segments(self) -> Int64Array:
        """(documents, 2): first position of each document, and the position after its last."""
        starts = np.frombuffer(self.starts, dtype=np.int64)
        edges = np.unique(np.concatenate([np.array([0, self.length]), starts]))
        return np.stack([edges[:-1], edges[1:]], axis=1)

    def chunks(self, segments: Int64Array) -> Iterator[npt.NDArray[np.int32]]:
        """The word ids of segments, in pieces."""
        self.file.flush()
        is_first = np.ones(len(segments), dtype=bool)
        is_first[1:] = segments[1:, 0] != segments[:-1, 1]  # adjacent segments are read as one
        starts = segments[is_first, 0]
        for start, end in zip(starts, segments[np.roll(is_first, -1), 1], strict=True):
            self.file.seek(4 * start)
            for position in range(start, end, _CHUNK):
                yield np.frombuffer(self.file.read(4 * min(_CHUNK, end - position)), dtype=np.int32)

    def next_sentence(self, position: int) -> int:
        """The first position after ``position`` where a sentence begins, or the length of the stream."""
        self.file.flush()
        while position < self.length:
            self.file.seek(4 * position)
            ids = np.frombuffer(self.file.read(4 * _NEAR), dtype=np.int32)
            boundaries = np.flatnonzero(ids == BOUNDARY_ID)
            if len(boundaries):
                return position + int(boundaries[0]) + 1
            position += len(ids)
        return self.length
