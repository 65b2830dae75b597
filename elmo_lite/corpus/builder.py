"""Building of corpus directories.

Text is read in blocks. Words are numbered in order of first occurrence, then renumbered by frequency. Memory holds the
distinct words and the positions of documents; the word ids are kept in a temporary file beside the result.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from elmo_lite.corpus.blocks import EncodedBlock, Numbering, encode_blocks
from elmo_lite.corpus.corpus import FORMAT_VERSION
from elmo_lite.corpus.division import Part, divide
from elmo_lite.corpus.streams import Stream
from elmo_lite.corpus.writer import write_files
from elmo_lite.errors import CorpusError, require, require_range
from elmo_lite.files import describe_file, put_in_place, remove_leftovers, scratch_directory
from elmo_lite.hardware import cpu_count
from elmo_lite.locks import hold
from elmo_lite.metadata import write_json
from elmo_lite.text.blocks import Block
from elmo_lite.text.characters import LONGEST_WIDTH, MAX_CHARACTERS, SHORTEST_WIDTH
from elmo_lite.text.samples import check_beginnings, warn_of_beginnings
from elmo_lite.text.sources import Source, find_sources
from elmo_lite.text.tokenization import Tokenization

_SMALL_INPUT = 4 << 20
"""Size of text in bytes below which a pool of processes costs more time than it saves."""
_MAX_WINDOWS = 61
"""Maximum number of processes of a pool on Windows."""


@dataclass(frozen=True, kw_only=True)
class CorpusSettings:
    """Settings that determine the content of a corpus, together with its text."""

    tokenization: Tokenization = field(default_factory=Tokenization)
    held_out_share: float | None = None
    """Fraction of the text to hold out, in (0, 1); None means the default for its size (``division.default_share``)."""
    vocabulary_size: int | None = None
    """Number of classes; 0 means all words, None the default for their counts (``unknown_words.default_size``)."""
    max_characters: int = MAX_CHARACTERS
    text_field: str | None = None
    keep_empty_lines: bool = False
    numbered_lines: bool = False

    def __post_init__(self) -> None:
        """Check ranges."""
        share = self.held_out_share
        require(share is None or 0 < share < 1, "held_out_share", "a number in (0, 1)", share)
        require_range(self.max_characters, "max_characters", SHORTEST_WIDTH, LONGEST_WIDTH)
        size = self.vocabulary_size
        require(size is None or size == 0 or size >= 3, "vocabulary_size", "at least 3, or 0 for all words", size)


def build_corpus(
    inputs: Iterable[str],
    out: Path,
    settings: CorpusSettings,
    *,
    held_out: Iterable[str] | None = None,
    num_processes: int | None = None,
    overwrite: bool = False,
    progress: bool = True,
) -> dict[str, Any]:
    """Write a corpus directory and return its metadata.

    Args:
        inputs: Paths, globs or names of hub data sets.
        out: Directory to write. It is written under a temporary name and renamed when complete.
        settings: Settings of the corpus.
        held_out: Inputs of the held-out part. Defaults to a fraction of the text.
        num_processes: Number of processes. Defaults to the number of CPUs. The result does not depend on it.
        overwrite: Whether to replace an existing corpus directory. Anything else is never replaced. Defaults to False.
        progress: Whether to show a progress bar on a terminal. Defaults to True.

    Raises:
        ConfigError: A setting is out of range, or another process uses ``out``.
        CorpusError: An input cannot be used, there are no words, or ``out`` exists.
        ModuleNotFoundError: The segmenter of the tokenisation is not installed.
    """
    require(num_processes is None or num_processes >= 1, "num_processes", "1 or more", num_processes)
    settings.tokenization.load()
    numbered = settings.numbered_lines
    sources = find_sources(inputs, numbered_lines=numbered)
    held_out_sources = find_sources(held_out, numbered_lines=numbered) if held_out is not None else []
    _check_distinct(sources, held_out_sources)
    check_beginnings(sources + held_out_sources, settings.text_field)
    warn_of_beginnings(sources + held_out_sources)
    with hold(out):
        remove_leftovers(out)
        _check_out(out, overwrite)
        with scratch_directory(out) as scratch:
            builder = _Builder(scratch, settings, _processes(sources + held_out_sources, num_processes), progress)
            meta = builder.build(sources, held_out_sources)
            put_in_place(scratch, out)
    return meta


class _Builder:
    def __init__(self, directory: Path, settings: CorpusSettings, num_processes: int, progress: bool) -> None:
        self.directory = directory
        self.settings = settings
        self.num_processes = num_processes
        self.hides_progress = None if progress else True  # None shows it on a terminal only
        self.numbers = Numbering()

    def build(self, sources: list[Source], held_out_sources: list[Source]) -> dict[str, Any]:
        with tempfile.TemporaryFile(dir=self.directory) as one, tempfile.TemporaryFile(dir=self.directory) as two:
            text = self._read(sources, Stream(one))
            if held_out_sources:
                held_out_text = self._read(held_out_sources, Stream(two))
                train, held_out = (Part.whole(stream, len(self.numbers)) for stream in (text, held_out_text))
                unit = "inputs"
            else:
                train, held_out, unit = divide(text, len(self.numbers), self.settings.held_out_share)
            parts = (train, held_out)
            for part, names in zip(parts, (sources, held_out_sources), strict=True):
                if not part.counts[1:].any() and (names or part is train):
                    raise CorpusError(f"{', '.join(s.name for s in names):.200}: expected words, found only blanks")
            words = list(self.numbers)
            self.numbers.clear()
            size, width = self.settings.vocabulary_size, self.settings.max_characters
            facts = write_files(self.directory, words, *parts, vocabulary_size=size, max_characters=width)
        return self._write_meta({"held_out_unit": unit, **facts}, sources, held_out_sources)

    def _read(self, sources: list[Source], stream: Stream) -> Stream:
        """Tokenise sources one after the other, in one pool of processes."""
        settings = self.settings
        with tqdm(
            total=sum(s.stored_size for s in sources),
            unit="B",
            unit_scale=True,
            desc="corpus",
            disable=self.hides_progress,
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

    def _add_source(self, stream: Stream, blocks: Iterable[EncodedBlock]) -> None:
        """Append the blocks of a source, which begins a document."""
        stream.starts.append(stream.length)
        for block in blocks:
            stream.starts.extend(stream.length + start for start in block.documents)
            self._add(stream, block.words, block.ids)

    def _add(self, stream: Stream, words: bytes, ids: bytes) -> None:
        """Append a block and map its word numbers to provisional word ids."""
        distinct = words.decode().split("\n") if words else []
        table = np.zeros(len(distinct) + 1, dtype=np.int32)
        table[1:] = np.fromiter(map(self.numbers.__getitem__, distinct), dtype=np.int32, count=len(distinct))
        stream.add(table[np.frombuffer(ids, dtype=np.int32)], len(self.numbers))

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


def _input_facts(source: Source) -> dict[str, Any]:
    return {"path": source.name, "size": source.stored_size, "sha256": source.sha256}


def _reporting(blocks: Iterable[Block], source: Source, bar: tqdm[Any]) -> Iterator[Block]:
    """Yield the blocks and update the progress bar."""
    seen = 0
    for block in blocks:
        bar.update(source.position - seen)
        seen = source.position
        yield block
    bar.update(source.position - seen)


def _processes(sources: list[Source], num_processes: int | None) -> int:
    has_sizes = all(s.kind != "hub" and not s.is_standard_input for s in sources)
    is_small = has_sizes and sum(s.stored_size for s in sources) < _SMALL_INPUT
    number = 1 if is_small else num_processes or cpu_count()
    return min(number, _MAX_WINDOWS) if sys.platform == "win32" else number


def _check_out(out: Path, overwrite: bool) -> None:
    if out.is_symlink() or out.exists():
        if not overwrite:
            raise CorpusError(f"{out}: exists already (replace it with --overwrite)")
        if not (out / "meta.json").is_file():
            raise CorpusError(f"{out}: exists and is not a corpus directory, so it is not overwritten")


def _check_distinct(train: list[Source], held_out: list[Source]) -> None:
    """Check that no input is given twice, or held out and trained on, under whatever name."""
    seen: dict[object, str] = {}
    for source in train:
        if (first := seen.get(_identity(source))) is not None:
            raise CorpusError(f"{source.name}: expected distinct inputs, found the same as {first}")
        seen[_identity(source)] = source.name
    for source in held_out:
        if _identity(source) in seen:
            raise CorpusError(f"{source.name}: expected held-out text that is not trained on, found it in both")


def _identity(source: Source) -> object:
    """A value that inputs have in common if they are the same file or data set."""
    if source.is_standard_input or (source.kind == "hub" and not os.path.exists(source.name)):
        return source.name
    found = os.stat(source.name)
    return (found.st_dev, found.st_ino) if found.st_ino else os.path.realpath(source.name)
