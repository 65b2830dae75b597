"""Corpus directories: word ids, distinct words with their counts and character ids, and the classes to predict.

``Corpus`` reads a directory, ``elmo_lite.corpus.builder`` writes it. Opening compares the SHA-256 of every file, which
takes about a second per gigabyte; arrays are memory-mapped.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from elmo_lite.corpus.array_file import open_array
from elmo_lite.errors import ConfigError, CorpusError, one_line, require
from elmo_lite.fields import checked_files
from elmo_lite.files import check_file, remove_leftovers
from elmo_lite.metadata import read_bytes, read_json
from elmo_lite.text.characters import LONGEST_WIDTH, SHORTEST_WIDTH
from elmo_lite.text.saved_data_sets import is_saved_data_set
from elmo_lite.text.tokenization import Tokenization
from elmo_lite.text.vocabulary import BOUNDARY_CLASS, Vocabulary

FORMAT_VERSION = 1
FILES = ("char_ids.npy", "counts.npy", "held_out.npy", "train.npy", "vocabulary.txt", "words.txt")
"""Files of a corpus directory beside its metadata."""
BOUNDARY_ID = 0
"""Word id of the boundary token before, between and after sentences."""

_PARTS = {"train": "to train on", "held_out": "held out"}
Int32Array = npt.NDArray[np.int32]


class Corpus:
    """An opened corpus directory."""

    def __init__(self, directory: Path, meta: dict[str, Any]) -> None:
        """Initialise without checks. Use ``Corpus.open`` instead."""
        self.directory = directory
        self.meta = meta

    def __repr__(self) -> str:
        """Path, sizes and settings in one line."""
        sizes = {part: self.meta.get(part) or {} for part in ("train", "held_out")}
        words = [f"{sizes[part].get('words', 0):,} words {name}" for part, name in _PARTS.items()]
        return f"Corpus({self.directory}: {', '.join(words)}, tokenisation {self.tokenization})"

    @classmethod
    def open(cls, directory: str | Path) -> Corpus:
        """Open a directory that ``elmo-lite corpus`` wrote.

        Raises:
            CorpusError: There is no such corpus, its format version differs, or a file is missing or damaged.
        """
        directory = Path(directory)
        if not directory.exists():
            remove_leftovers(directory)  # it made way for a new one when its process was killed
        meta = _read_meta(directory / "meta.json")
        for name, facts in meta["files"].items():
            check_file(directory / name, facts, error=CorpusError)
        return cls(directory, meta)

    @cached_property
    def words(self) -> list[str]:
        """Distinct words in descending order of frequency. Word id k is ``words[k - 1]``."""
        path = self.directory / "words.txt"
        try:
            return read_bytes(path, CorpusError).decode("utf-8").split("\n")[:-1]
        except UnicodeDecodeError as error:
            raise CorpusError(f"{path}: expected words in UTF-8, found {one_line(error)}") from None

    @cached_property
    def counts(self) -> npt.NDArray[np.int64]:
        """(num_words + 1,): occurrences of each word id in the training part. Index 0 holds the number of sentences."""
        return open_array(self.directory / "counts.npy", np.int64)

    @cached_property
    def char_ids(self) -> npt.NDArray[np.int16]:
        """(num_words, C): character ids of word id k in row k - 1. Memory-mapped."""
        return open_array(self.directory / "char_ids.npy", np.int16)

    @cached_property
    def train(self) -> Int32Array:
        """Word ids ``0 w w 0 w 0`` of the training part. Memory-mapped."""
        return open_array(self.directory / "train.npy", np.int32)

    @cached_property
    def held_out(self) -> Int32Array:
        """Word ids of the held-out part, a single 0 if nothing is held out. Memory-mapped."""
        return open_array(self.directory / "held_out.npy", np.int32)

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """Classes that a language model of this corpus predicts."""
        return Vocabulary.load(self.directory / "vocabulary.txt")

    @cached_property
    def tokenization(self) -> Tokenization:
        """Tokenisation of the text."""
        return Tokenization.from_dict(self.meta["tokenization"])

    @property
    def max_characters(self) -> int:
        """Number of characters per word, C."""
        return int(self.meta["max_characters"])

    @cached_property
    def class_of_word(self) -> Int32Array:
        """(num_words + 1,): class of each word id. Id 0 has the class of the boundary token."""
        classes = np.empty(len(self.words) + 1, dtype=np.int32)
        classes[BOUNDARY_ID] = BOUNDARY_CLASS
        classes[1:] = np.fromiter(map(self.vocabulary.class_of, self.words), dtype=np.int32, count=len(self.words))
        return classes


def is_corpus_directory(path: str | Path) -> bool:
    """Whether an input is a directory to be opened as a corpus. One that ``save_to_disk`` wrote is a data set."""
    return Path(path).is_dir() and not is_saved_data_set(path)


def _read_meta(path: Path) -> dict[str, Any]:
    try:
        meta = read_json(path, CorpusError)
    except (FileNotFoundError, NotADirectoryError):
        raise CorpusError(f"{path.parent}: expected a corpus directory, found no {path.name}") from None
    version = meta.get("format_version") if isinstance(meta, dict) else None
    if version != FORMAT_VERSION or type(version) is not int:
        raise CorpusError(f"{path}: expected format_version {FORMAT_VERSION}, found {version!r:.80}")
    try:
        width = meta.get("max_characters")
        is_width = type(width) is int and SHORTEST_WIDTH <= width <= LONGEST_WIDTH
        require(is_width, "max_characters", f"an integer in {SHORTEST_WIDTH}..{LONGEST_WIDTH}", width)
        train = meta.get("train")
        words = train.get("words") if isinstance(train, dict) else None
        require(type(words) is int and words >= 0, "train.words", "0 or more", words)
        Tokenization.from_dict(meta.get("tokenization"))
        checked_files(meta.get("files"), FILES, needed=FILES)
    except ConfigError as error:
        raise CorpusError(f"{path}: {error}") from None
    return dict(meta)
