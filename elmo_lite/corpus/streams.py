"""Provisional word ids in a temporary file while a corpus is built, and the documents of each part."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO

import numpy as np
import numpy.typing as npt

Int64Array = npt.NDArray[np.int64]

MAX_HELD_OUT_WORDS = 1_000_000
"""Maximum size of the held-out part. More words do not make the perplexity more precise."""

_CHUNK = 1 << 20
"""Number of word ids read at a time."""


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


@dataclass
class Part:
    """The training part or the held-out part: some documents of a stream."""

    stream: Stream
    segments: Int64Array
    counts: Int64Array
    """(num_words + 1,): occurrences by provisional word id."""

    @classmethod
    def whole(cls, stream: Stream, num_words: int) -> Part:
        """All documents of a stream."""
        return cls(stream, stream.segments(), stream.counts_of(num_words))

    def sizes(self) -> dict[str, int]:
        """Numbers of words, sentences and documents."""
        return {
            "words": int(self.counts[1:].sum()),
            "sentences": int(self.counts[0]),
            "documents": len(self.segments),
        }


def divide(stream: Stream, num_words: int, held_out_share: float) -> tuple[Part, Part]:
    """Divide documents into a training part and a held-out part, which is spread evenly over the text."""
    segments, counts = stream.segments(), stream.counts_of(num_words)
    is_held_out = choose_held_out(segments[:, 1] - segments[:, 0], held_out_share)
    held_out_counts = np.zeros_like(counts)
    for ids in stream.chunks(segments[is_held_out]):
        found = np.bincount(ids)
        held_out_counts[: len(found)] += found
    return (
        Part(stream, segments[~is_held_out], counts - held_out_counts),
        Part(stream, segments[is_held_out], held_out_counts),
    )


def choose_held_out(lengths: Int64Array, share: float) -> npt.NDArray[np.bool_]:
    """Choose the documents to hold out, spread evenly over the text.

    Document i is ranked by i times the golden ratio, modulo 1. These values fill the unit interval evenly, so that the
    choice is deterministic and as good as a random one. A single document is not held out.

    Args:
        lengths: (documents,) number of words in each document.
        share: Approximate fraction of the text to hold out, in (0, 1). At most a million words are held out.

    Returns:
        (documents,) bool, True for held-out documents.
    """
    chosen = np.zeros(len(lengths), dtype=bool)
    if len(lengths) < 2:
        return chosen
    target = min(share * float(lengths.sum()), MAX_HELD_OUT_WORDS)
    order = np.argsort(np.arange(1, len(lengths) + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15))
    # A document longer than the target would take more than its share.
    order = order[lengths[order] <= max(target, float(lengths.min()))][: len(lengths) - 1]
    total = np.cumsum(lengths[order])
    chosen[order[: int(np.searchsorted(total, target)) + 1]] = True
    return chosen
