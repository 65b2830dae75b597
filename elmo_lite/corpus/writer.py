"""The files of a corpus directory, with word ids in descending order of frequency."""

from __future__ import annotations

from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from elmo_lite.corpus.corpus import BOUNDARY_ID
from elmo_lite.corpus.division import Part
from elmo_lite.corpus.streams import Int64Array
from elmo_lite.corpus.unknown_words import default_size, expected_unknown_share
from elmo_lite.text.characters import encode_words
from elmo_lite.text.vocabulary import UNKNOWN, UNKNOWN_CLASS, Vocabulary

MAX_CUT_SHARE = 0.001
"""Maximum fraction of running words to truncate. If more are truncated, another width is suggested."""

_CHUNK = 1 << 16
"""Number of words encoded at a time."""


def write_files(
    directory: Path, words: list[str], train: Part, held_out: Part, *, vocabulary_size: int | None, max_characters: int
) -> dict[str, Any]:
    """Write all files of a corpus directory except ``meta.json``.

    Args:
        directory: Directory to write to.
        words: Distinct words. Provisional word id k is ``words[k - 1]``.
        train: The training part.
        held_out: The held-out part.
        vocabulary_size: Number of classes, special ones included. 0 means all words of the training part, None the
            default for their counts.
        max_characters: Number of characters per word, C, BOW and EOW included.

    Returns:
        Metadata for ``meta.json``: sizes, unknown words and truncated words.
    """
    order = _by_frequency(words, train.counts[1:])
    rank = np.zeros(len(words) + 1, dtype=np.int32)
    rank[order + 1] = np.arange(1, len(words) + 1, dtype=np.int32)
    words = [words[index] for index in order]
    counts, held_out_counts = (np.concatenate([part.counts[:1], part.counts[1:][order]]) for part in (train, held_out))
    _write_stream(directory / "train.npy", train, rank)
    _write_stream(directory / "held_out.npy", held_out, rank)
    np.save(directory / "counts.npy", counts)
    with open(directory / "words.txt", "wb") as file:
        file.writelines(f"{word}\n".encode() for word in words)
    _write_char_ids(directory / "char_ids.npy", words, max_characters)
    known = words[: int(np.count_nonzero(counts[1:]))]  # words found only in the held-out part come last
    is_class = np.fromiter((word != UNKNOWN for word in known), dtype=bool, count=len(known))
    class_counts = counts[1 : len(known) + 1][is_class]
    size = default_size(class_counts) if vocabulary_size is None else vocabulary_size or len(class_counts) + 2
    vocabulary = Vocabulary.from_counts(known, size)
    vocabulary.save(directory / "vocabulary.txt")
    outside = [word == UNKNOWN or vocabulary.class_of(word) == UNKNOWN_CLASS for word in words]
    lengths = np.fromiter((len(word.encode()) for word in words), dtype=np.int64, count=len(words))
    return {
        "train": train.sizes(),
        "held_out": held_out.sizes(),
        "distinct_words": len(words),
        "vocabulary_size": len(vocabulary),
        "out_of_vocabulary_share": {
            "train": _share(np.array(outside, dtype=bool), counts[1:]),
            "held_out": _share(np.array(outside, dtype=bool), held_out_counts[1:]),
        },
        "expected_unknown_share": expected_unknown_share(
            class_counts, len(vocabulary), int(counts[1:].sum() - class_counts.sum())
        ),
        **cut_words(lengths, counts[1:], max_characters),
    }


def cut_words(lengths: Int64Array, counts: Int64Array, max_characters: int) -> dict[str, Any]:
    """Fraction of running words that are truncated, and the smallest width that truncates at most 0.1 % of them.

    Args:
        lengths: (num_words,) number of bytes of each distinct word.
        counts: (num_words,) occurrences of each distinct word.
        max_characters: Number of characters per word, BOW and EOW included.

    Returns:
        Metadata for ``meta.json``. The suggested width is None if ``max_characters`` is enough.
    """
    share = _share(lengths > max_characters - 2, counts)
    suggested = None
    if share > MAX_CUT_SHARE:
        by_length = np.bincount(lengths, weights=counts)
        longer = by_length.sum() - np.cumsum(by_length)  # running words longer than each length
        suggested = int(np.argmax(longer <= MAX_CUT_SHARE * by_length.sum())) + 2
    return {"cut_words_share": share, "suggested_max_characters": suggested}


def _by_frequency(words: list[str], counts: Int64Array) -> Int64Array:
    """Indices of words in descending order of frequency, ties by code points."""
    by_spelling = np.array(sorted(range(len(words)), key=words.__getitem__), dtype=np.int64)
    return by_spelling[np.argsort(-counts[by_spelling], kind="stable")]


def _share(which: npt.NDArray[np.bool_], counts: Int64Array) -> float:
    return float(counts[which].sum() / max(1, counts.sum()))


def _write_stream(path: Path, part: Part, rank: npt.NDArray[np.int32]) -> None:
    """Write the word ids of a part after a boundary id. ``rank`` holds the final id of each provisional id."""
    length = 1 + int((part.segments[:, 1] - part.segments[:, 0]).sum())
    with open(path, "wb") as file:
        _write_header(file, "<i4", (length,))
        file.write(np.array([BOUNDARY_ID], dtype="<i4").tobytes())
        for ids in part.stream.chunks(part.segments):
            file.write(rank[ids].astype("<i4", copy=False).tobytes())


def _write_char_ids(path: Path, words: list[str], width: int) -> None:
    with open(path, "wb") as file:
        _write_header(file, "<i2", (len(words), width))
        for start in range(0, len(words), _CHUNK):
            file.write(encode_words(words[start : start + _CHUNK], width).tobytes())


def _write_header(file: IO[bytes], dtype: str, shape: tuple[int, ...]) -> None:
    # Arrays are not written through a memory map, since its pages would count as memory of this process.
    np.lib.format.write_array_header_1_0(file, {"descr": dtype, "fortran_order": False, "shape": shape})
