"""Division of a text into a training part and a held-out part.

Whole documents are held out where enough of them make up what was asked for. Else stretches of lines are: they are
shorter than documents, so that a text of any size, even a single document, gives up about the share that was asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from elmo_lite.corpus.streams import Int64Array, Stream

MAX_HELD_OUT_WORDS = 1_000_000
"""Maximum size of the held-out part. More words do not make the perplexity more precise."""
DEFAULT_SHARE = 0.01
DEFAULT_MIN_WORDS = 10_000
"""Minimum size of the held-out part by default: with fewer words, chance moves the perplexity by several percent."""
DEFAULT_MAX_SHARE = 0.1

_ENOUGH = 10
"""Minimum number of documents to hold out; fewer would be measured by their subjects more than by the language."""
_STRETCHES = 32
"""Number of stretches of lines to hold out."""
Unit = Literal["documents", "lines"]


@dataclass
class Part:
    """The training part or the held-out part: segments of a stream."""

    stream: Stream
    segments: Int64Array
    """(segments, 2): first position of each segment, and the position after its last."""
    counts: Int64Array
    """(num_words + 1,): occurrences by provisional word id."""

    @classmethod
    def whole(cls, stream: Stream, num_words: int) -> Part:
        """All of a stream."""
        return cls(stream, stream.segments(), stream.counts_of(num_words))

    def sizes(self) -> dict[str, int]:
        """Numbers of words, sentences and documents, whole or in part."""
        starts = self.stream.segments()[:, 0]
        documents = np.unique(np.searchsorted(starts, self.segments[:, 0], side="right"))
        return {"words": int(self.counts[1:].sum()), "sentences": int(self.counts[0]), "documents": len(documents)}


def default_share(num_words: int) -> float:
    """The default fraction to hold out: 1 %, but 10,000 words of a text below a million, and at most a tenth."""
    return min(max(DEFAULT_SHARE, DEFAULT_MIN_WORDS / max(1, num_words)), DEFAULT_MAX_SHARE)


def divide(stream: Stream, num_words: int, share: float | None) -> tuple[Part, Part, Unit]:
    """Divide a text into a training part and a held-out part, which is spread evenly over the text.

    Args:
        stream: The text.
        num_words: Number of distinct words.
        share: Approximate fraction of the text to hold out, in (0, 1), at most a million words. None means
            ``default_share``.

    Returns:
        The training part, the held-out part, and what is held out: whole documents, or stretches of lines.
    """
    target = min((share or default_share(stream.length)) * stream.length, MAX_HELD_OUT_WORDS)
    unit: Unit = "documents"
    segments = stream.segments()
    is_held_out = choose_held_out(segments[:, 1] - segments[:, 0], target)
    if not _are_enough(segments[is_held_out], target):
        unit, segments = "lines", _stretches(stream, max(1, int(target / _STRETCHES)))
        is_held_out = choose_held_out(segments[:, 1] - segments[:, 0], target)
    counts = stream.counts_of(num_words)
    held_out_counts = np.zeros_like(counts)
    for ids in stream.chunks(segments[is_held_out]):
        found = np.bincount(ids)
        held_out_counts[: len(found)] += found
    train = Part(stream, segments[~is_held_out], counts - held_out_counts)
    return train, Part(stream, segments[is_held_out], held_out_counts), unit


def _are_enough(documents: Int64Array, target: float) -> bool:
    """Whether held-out documents are many, and about as long together as was asked for."""
    total = int((documents[:, 1] - documents[:, 0]).sum())
    return len(documents) >= _ENOUGH and 0.5 * target <= total <= 1.5 * target


def _stretches(stream: Stream, length: int) -> Int64Array:
    """(stretches, 2): positions of pieces of about ``length`` words that begin and end with a sentence and document."""
    edges = stream.segments().ravel()
    cuts = (stream.next_sentence(position) for position in range(length - 1, stream.length, length))
    edges = np.unique(np.concatenate([edges, np.fromiter(cuts, dtype=np.int64)]))
    return np.stack([edges[:-1], edges[1:]], axis=1)


def choose_held_out(lengths: Int64Array, target: float) -> npt.NDArray[np.bool_]:
    """Choose the documents or stretches to hold out, spread evenly over the text.

    Document i is ranked by i times the golden ratio, modulo 1. These values fill the unit interval evenly, so that the
    choice is deterministic and as good as a random one. A single document is not held out.

    Args:
        lengths: (documents,) number of words in each document.
        target: Approximate number of words to hold out.

    Returns:
        (documents,) bool, True for held-out documents.
    """
    chosen = np.zeros(len(lengths), dtype=bool)
    if len(lengths) < 2:
        return chosen
    order = np.argsort(np.arange(1, len(lengths) + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15))
    # A document longer than the target would take more than its share.
    order = order[lengths[order] <= max(target, float(lengths.min()))][: len(lengths) - 1]
    total = np.cumsum(lengths[order])
    chosen[order[: int(np.searchsorted(total, target)) + 1]] = True
    return chosen
