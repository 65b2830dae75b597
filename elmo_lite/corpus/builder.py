"""Writes a corpus directory: text by blocks, words numbered as they come, at the end renumbered by falling count.

Memory holds the distinct words and where documents begin; the text passes through a temporary file beside the result.
"""

from __future__ import annotations

import os
import tempfile
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from elmo_lite.corpus.blocks import EncodedBlock, Numbering, encode_blocks
from elmo_lite.corpus.corpus import FORMAT_VERSION
from elmo_lite.errors import CorpusError, require
from elmo_lite.files import describe_file, put_in_place, scratch_directory, write_json
from elmo_lite.text.characters import MAX_CHARACTERS, encode_words
from elmo_lite.text.sources import Block, Source, find_sources
from elmo_lite.text.tokenization import Tokenization
from elmo_lite.text.vocabulary import UNKNOWN, Vocabulary

MAX_HELD_OUT_WORDS = 1_000_000
"""A share of the documents stops here: a perplexity on more words is no better known."""
MAX_CUT_SHARE = 0.001
"""Share of running words that the character width may cut before another is suggested."""

_SMALL_INPUT = 4 << 20  # bytes below which starting processes costs more than it saves
_CHUNK = 1 << 20  # word ids or words of a step over long files

Int64Array = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class CorpusSettings:
    """What decides the content of a corpus, beside its text."""

    tokenization: Tokenization = field(default_factory=Tokenization)
    held_out_share: float = 0.01
    vocabulary_size: int | None = 30000
    max_characters: int = MAX_CHARACTERS
    text_field: str = "text"
    keep_empty_lines: bool = False

    def __post_init__(self) -> None:
        """Check ranges."""
        require(0 < self.held_out_share < 1, "held_out_share", "a share in (0, 1)", self.held_out_share)
        require(self.max_characters >= 3, "max_characters", "at least 3", self.max_characters)
        size = self.vocabulary_size
        require(size is None or size >= 3, "vocabulary_size", "at least 3, or 0 for all words", size)


@dataclass
class _Stream:
    """Text as provisional word ids in a temporary file: sentences, each ended by 0."""

    file: IO[bytes]
    length: int = 0
    counts: Int64Array = field(default_factory=lambda: np.zeros(1 << 16, dtype=np.int64))
    starts: array[int] = field(default_factory=lambda: array("q"))
    """Positions where documents begin, rising, with repetitions."""

    def add(self, ids: npt.NDArray[np.int32], num_words: int) -> None:
        self.file.write(ids.tobytes())
        self.length += len(ids)
        while len(self.counts) <= num_words:
            self.counts = np.concatenate([self.counts, np.zeros_like(self.counts)])
        found = np.bincount(ids)
        self.counts[: len(found)] += found

    def segments(self) -> Int64Array:
        """(documents, 2): begin and end of each document."""
        starts = np.frombuffer(self.starts, dtype=np.int64)
        edges = np.unique(np.concatenate([np.array([0, self.length]), starts]))
        return np.stack([edges[:-1], edges[1:]], axis=1)

    def chunks(self, segments: Int64Array) -> Iterator[npt.NDArray[np.int32]]:
        """The word ids of segments, in pieces."""
        self.file.flush()
        is_first = np.ones(len(segments), dtype=bool)
        is_first[1:] = segments[1:, 0] != segments[:-1, 1]  # neighbours are read as one
        starts = segments[is_first, 0]
        for start, end in zip(starts, segments[np.roll(is_first, -1), 1], strict=True):
            self.file.seek(4 * start)
            for position in range(start, end, _CHUNK):
                yield np.frombuffer(self.file.read(4 * min(_CHUNK, end - position)), dtype=np.int32)


@dataclass
class _Part:
    """The training or the held-out part: documents of a stream."""

    stream: _Stream
    segments: Int64Array
    counts: Int64Array  # (num_words + 1,) by provisional id

    def facts(self) -> dict[str, int]:
        return {
            "words": int(self.counts[1:].sum()),
            "sentences": int(self.counts[0]),
            "documents": len(self.segments),
        }


def build_corpus(
    inputs: Iterable[str],
    out: Path,
    settings: CorpusSettings,
    *,
    held_out: Iterable[str] | None = None,
    num_processes: int | None = None,
    overwrite: bool = False,
) -> dict[str, Any]:
    """Write a corpus directory and return its meta data.

    Args:
        inputs: Paths, globs or hub data set names.
        out: The directory; written beside it and renamed when complete.
        settings: Tokenisation, widths and sizes.
        held_out: Inputs of the held-out part; where None, a share of the documents.
        num_processes: Of the pool; None for one per CPU. Any number gives the same bytes.
        overwrite: Replace a corpus directory that exists; anything else that exists is never replaced.

    Raises:
        ConfigError: a setting out of range.
        CorpusError: an input that cannot be used, no words at all, or ``out`` exists.
    """
    require(num_processes is None or num_processes >= 1, "num_processes", "1 or more", num_processes)
    _check_out(out, overwrite)
    sources = find_sources(inputs)
    held_out_sources = find_sources(held_out) if held_out is not None else []
    _check_disjoint(sources, held_out_sources)
    with scratch_directory(out) as scratch:
        builder = _Builder(scratch, settings, _processes(sources + held_out_sources, num_processes))
        meta = builder.build(sources, held_out_sources)
        put_in_place(scratch, out)
    return meta


class _Builder:
    def __init__(self, directory: Path, settings: CorpusSettings, num_processes: int) -> None:
        self.directory = directory
        self.settings = settings
        self.num_processes = num_processes
        self.numbers = Numbering()

    def build(self, sources: list[Source], held_out_sources: list[Source]) -> dict[str, Any]:
        with tempfile.TemporaryFile(dir=self.directory) as one, tempfile.TemporaryFile(dir=self.directory) as two:
            text = self._read(sources, _Stream(one))
            if held_out_sources:
                held_out_text = self._read(held_out_sources, _Stream(two))
                parts = self._whole(text), self._whole(held_out_text)
            else:
                parts = self._divide(text)
            for part, names in zip(parts, (sources, held_out_sources), strict=True):
                if not part.counts[1:].any() and (names or part is parts[0]):
                    raise CorpusError(f"{', '.join(s.name for s in names):.200}: expected words, found only blanks")
            facts = self._write(*parts)
        return self._write_meta(facts, sources, held_out_sources)

    def _read(self, sources: list[Source], stream: _Stream) -> _Stream:
        """Tokenise sources one after the other, by one pool of processes."""
        settings = self.settings
        with tqdm(
            total=sum(s.stored_size for s in sources), unit="B", unit_scale=True, desc="corpus", disable=None
        ) as bar:
            blocks = (
                (number, block)
                for number, source in enumerate(sources)
                for block in _reporting(source.blocks(settings.text_field), source, bar)
            )
            encoded = encode_blocks(
                blocks, settings.tokenization, settings.text_field, settings.keep_empty_lines, self.num_processes
            )
            for _, of_source in groupby(encoded, key=itemgetter(0)):
                self._add_source(stream, (block for _, block in of_source))
        return stream

    def _add_source(self, stream: _Stream, blocks: Iterable[EncodedBlock]) -> None:
        """Append a source's blocks; where it has no blank lines, 1,000 lines are a document."""
        first, begin = len(stream.starts), stream.length
        stream.starts.append(begin)
        thousands = array("q")
        for block in blocks:
            stream.starts.extend(stream.length + start for start in block.documents)
            thousands.extend(stream.length + start for start in block.thousands)
            self._add(stream, block.words, block.ids)
        if all(start in (begin, stream.length) for start in stream.starts[first:]):
            stream.starts.extend(thousands)

    def _add(self, stream: _Stream, words: bytes, ids: bytes) -> None:
        """Append a block, its own numbers turned into provisional word ids."""
        distinct = words.decode().split("\n") if words else []
        table = np.zeros(len(distinct) + 1, dtype=np.int32)
        table[1:] = np.fromiter(map(self.numbers.__getitem__, distinct), dtype=np.int32, count=len(distinct))
        stream.add(table[np.frombuffer(ids, dtype=np.int32)], len(self.numbers))

    def _counts(self, stream: _Stream) -> Int64Array:
        counts = np.zeros(len(self.numbers) + 1, dtype=np.int64)
        known = stream.counts[: len(counts)]
        counts[: len(known)] = known
        return counts

    def _whole(self, stream: _Stream) -> _Part:
        return _Part(stream, stream.segments(), self._counts(stream))

    def _divide(self, stream: _Stream) -> tuple[_Part, _Part]:
        """Hold out a share of the documents, spread evenly over the text."""
        segments, counts = stream.segments(), self._counts(stream)
        is_held_out = choose_held_out(segments[:, 1] - segments[:, 0], self.settings.held_out_share)
        held_out_counts = np.zeros_like(counts)
        for ids in stream.chunks(segments[is_held_out]):
            found = np.bincount(ids)
            held_out_counts[: len(found)] += found
        return (
            _Part(stream, segments[~is_held_out], counts - held_out_counts),
            _Part(stream, segments[is_held_out], held_out_counts),
        )

    def _write(self, train: _Part, held_out: _Part) -> dict[str, Any]:
        """Write every file but meta.json, with word ids by falling count."""
        words = list(self.numbers)
        self.numbers.clear()
        order = _falling(words, train.counts[1:])
        rank = np.zeros(len(words) + 1, dtype=np.int32)
        rank[order + 1] = np.arange(1, len(words) + 1, dtype=np.int32)
        words = [words[index] for index in order]
        counts, held_out_counts = (
            np.concatenate([part.counts[:1], part.counts[1:][order]]) for part in (train, held_out)
        )
        _write_stream(self.directory / "train.npy", train, rank)
        _write_stream(self.directory / "held_out.npy", held_out, rank)
        np.save(self.directory / "counts.npy", counts)
        with open(self.directory / "words.txt", "wb") as file:
            file.writelines(f"{word}\n".encode() for word in words)
        self._write_char_ids(words)
        vocabulary = self._vocabulary(words, counts)
        vocabulary.save(self.directory / "vocabulary.txt")
        outside = np.array([word == UNKNOWN or vocabulary.class_of(word) == 1 for word in words], dtype=bool)
        lengths = np.fromiter((len(word.encode()) for word in words), dtype=np.int64, count=len(words))
        return {
            "train": train.facts(),
            "held_out": held_out.facts(),
            "distinct_words": len(words),
            "vocabulary_size": len(vocabulary),
            "out_of_vocabulary_share": {
                "train": _share(outside, counts[1:]),
                "held_out": _share(outside, held_out_counts[1:]),
            },
            **cut_facts(lengths, counts[1:], self.settings.max_characters),
        }

    def _vocabulary(self, words: list[str], counts: Int64Array) -> Vocabulary:
        known = words[: int(np.count_nonzero(counts[1:]))]  # those of the held-out part alone come last
        return Vocabulary.from_counts(known, self.settings.vocabulary_size or len(known) + 2)

    def _write_char_ids(self, words: list[str]) -> None:
        width = self.settings.max_characters
        with open(self.directory / "char_ids.npy", "wb") as file:
            _write_header(file, "<i2", (len(words), width))
            for start in range(0, len(words), 1 << 16):
                file.write(encode_words(words[start : start + (1 << 16)], width).tobytes())

    def _write_meta(self, facts: dict[str, Any], train: list[Source], held_out: list[Source]) -> dict[str, Any]:
        meta = {
            "format_version": FORMAT_VERSION,
            "tokenization": self.settings.tokenization.to_dict(),
            "max_characters": self.settings.max_characters,
            "keep_empty_lines": self.settings.keep_empty_lines,
            "inputs": [_input_facts(source) for source in train],
            "held_out_inputs": [_input_facts(source) for source in held_out],
            **facts,
            "files": {path.name: describe_file(path) for path in sorted(self.directory.iterdir())},
        }
        write_json(self.directory / "meta.json", meta)
        return meta


def choose_held_out(lengths: Int64Array, share: float) -> npt.NDArray[np.bool_]:
    """Which documents are held out: spread evenly, about the share of the text, at most a million words.

    Multiples of the golden ratio, modulo 1, fill the unit interval evenly; taking documents in the order of theirs is
    deterministic and as good as a random draw. None is held out of a single document.

    Args:
        lengths: (documents,) words of each.
        share: In (0, 1).

    Returns:
        (documents,) bool.
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


def cut_facts(lengths: Int64Array, counts: Int64Array, max_characters: int) -> dict[str, Any]:
    """Share of running words cut by the character width, and the width that cuts at most 0.1 %.

    Args:
        lengths: (num_words,) bytes of each distinct word.
        counts: (num_words,) occurrences.
        max_characters: The width, two marks included.
    """
    share = _share(lengths > max_characters - 2, counts)
    suggested = None
    if share > MAX_CUT_SHARE:
        by_length = np.bincount(lengths, weights=counts)
        longer = by_length.sum() - np.cumsum(by_length)  # running words longer than each length
        suggested = int(np.argmax(longer <= MAX_CUT_SHARE * by_length.sum())) + 2
    return {"cut_words_share": share, "suggested_max_characters": suggested}


def summary(meta: dict[str, Any]) -> str:
    """What a corpus holds, for the screen."""
    lines = [
        f"{name:9} {facts['words']:>13,} words {facts['sentences']:>11,} sentences {facts['documents']:>9,} documents"
        f"  {100 * meta['out_of_vocabulary_share'][part]:.2f} % outside the vocabulary"
        for name, part in (("train", "train"), ("held out", "held_out"))
        for facts in [meta[part]]
    ]
    lines.append(f"{meta['distinct_words']:,} distinct words, {meta['vocabulary_size']:,} classes to predict")
    cut = f"{100 * meta['cut_words_share']:.3f} % of words are cut at {meta['max_characters']} characters"
    if (width := meta["suggested_max_characters"]) is not None:
        cut += f" (more than {100 * MAX_CUT_SHARE} %: --max_characters {width} would do)"
    if not meta["held_out"]["words"]:
        lines.append("nothing is held out: the text is a single document (give --held_out FILE)")
    return "\n".join([*lines, cut])


def _falling(words: list[str], counts: Int64Array) -> Int64Array:
    """Indices of words by falling count, ties by code points."""
    by_spelling = np.array(sorted(range(len(words)), key=words.__getitem__), dtype=np.int64)
    return by_spelling[np.argsort(-counts[by_spelling], kind="stable")]


def _share(which: npt.NDArray[np.bool_], counts: Int64Array) -> float:
    return float(counts[which].sum() / max(1, counts.sum()))


def _write_stream(path: Path, part: _Part, rank: npt.NDArray[np.int32]) -> None:
    length = 1 + int((part.segments[:, 1] - part.segments[:, 0]).sum())
    with open(path, "wb") as file:
        _write_header(file, "<i4", (length,))
        file.write(np.zeros(1, dtype="<i4").tobytes())
        for ids in part.stream.chunks(part.segments):
            file.write(rank[ids].astype("<i4", copy=False).tobytes())


def _write_header(file: IO[bytes], dtype: str, shape: tuple[int, ...]) -> None:
    # Written piece by piece rather than through a memory map, whose pages would count as this process's memory.
    np.lib.format.write_array_header_1_0(file, {"descr": dtype, "fortran_order": False, "shape": shape})


def _input_facts(source: Source) -> dict[str, Any]:
    return {"path": source.name, "size": source.stored_size, "sha256": source.sha256}


def _reporting(blocks: Iterable[Block], source: Source, bar: tqdm[Any]) -> Iterator[Block]:
    """Pass blocks on and move the bar."""
    seen = 0
    for block in blocks:
        bar.update(source.position - seen)
        seen = source.position
        yield block
    bar.update(source.position - seen)


def _processes(sources: list[Source], num_processes: int | None) -> int:
    is_small = sum(s.stored_size for s in sources) < _SMALL_INPUT and all(s.kind != "hub" for s in sources)
    return 1 if is_small else num_processes or os.cpu_count() or 1


def _check_out(out: Path, overwrite: bool) -> None:
    if out.is_symlink() or out.exists():
        if not overwrite:
            raise CorpusError(f"{out}: exists already (replace it with --overwrite)")
        if not (out / "meta.json").is_file():
            raise CorpusError(f"{out}: exists and is no corpus directory, so it is not overwritten")


def _check_disjoint(train: list[Source], held_out: list[Source]) -> None:
    seen = {os.path.realpath(source.name) for source in train}
    for source in held_out:
        if os.path.realpath(source.name) in seen:
            raise CorpusError(f"{source.name}: expected held-out text that is not trained on, found it in both")
