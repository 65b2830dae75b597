"""What an index of occurrences was built from: its metadata (``index.json``)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from elmo_lite.errors import ConfigError, CorpusError, require, require_range
from elmo_lite.fields import checked_files, from_settings
from elmo_lite.metadata import CHECKSUM, check_checksum, read_json, write_json

FORMAT_VERSION = 1
INDEX = "index.json"
FILES = (
    "counts.npy",
    "norms.npy",
    "occurrences.npy",
    "sentence_offsets.npy",
    "sentences.jsonl",
    "token_norms.npy",
    "token_vectors.npy",
    "words.txt",
)
"""Files of an index beside its metadata and its LSTM layers."""
MAX_OCCURRENCES = 10_000
"""Default number of occurrences of one word that are indexed."""
_MAX_LAYERS = 64


def layer_file(layer: int) -> str:
    """Name of the file of an LSTM layer, from 1."""
    return f"layer_{layer}.npy"


@dataclass(frozen=True)
class Selection:
    """The words that are indexed."""

    words: tuple[str, ...]
    """Words that are indexed in any case."""
    min_count: int | None = None
    """Index all words with at least this number of occurrences as well. Defaults to no others."""
    max_occurrences: int = MAX_OCCURRENCES
    """Maximum number of occurrences of one word, spread evenly over the text; 0 for all."""

    def __post_init__(self) -> None:
        """Check the numbers."""
        require(self.min_count is None or self.min_count >= 1, "--min_count", "1 or more", self.min_count)
        require_range(self.max_occurrences, "--max_occurrences", 0, 2**31 - 1)

    def includes(self, word: str, count: int) -> bool:
        """Whether a word with a number of occurrences is indexed."""
        return word in self.words or (self.min_count is not None and count >= self.min_count)

    def number_of(self, count: int) -> int:
        """How many of the occurrences of an included word are indexed."""
        return min(count, self.max_occurrences) if self.max_occurrences else count

    def covers(self, other: Selection, counts: Mapping[str, int]) -> bool:
        """Whether an index of this selection holds what one of another selection of the same text would hold.

        Args:
            other: The other selection.
            counts: Number of occurrences of each word.
        """
        return (
            self.max_occurrences == other.max_occurrences
            and (other.min_count is None or (self.min_count is not None and self.min_count <= other.min_count))
            and all(self.includes(word, counts.get(word, 0)) for word in other.words)
        )

    def with_words_of(self, other: Selection) -> Selection:
        """This selection with the words of another one as well."""
        least = min((n for n in (self.min_count, other.min_count) if n is not None), default=None)
        return Selection(tuple(dict.fromkeys((*other.words, *self.words))), least, self.max_occurrences)


@dataclass(frozen=True)
class Metadata:
    """The content of ``index.json``."""

    encoder: str
    """``encoder_hash`` of the encoder."""
    text: dict[str, Any]
    """What was read, by its hashes; empty if it cannot be compared, as a pipe."""
    selection: Selection
    num_layers: int
    """Number of layers L, token layer included."""
    num_occurrences: int
    """Number of occurrences N."""
    files: dict[str, Any] = field(default_factory=dict)
    """Size and SHA-256 of each file, by name."""
    format_version: int = FORMAT_VERSION

    def __post_init__(self) -> None:
        """Check the numbers."""
        require(self.format_version == FORMAT_VERSION, "format_version", str(FORMAT_VERSION), self.format_version)
        require_range(self.num_layers, "num_layers", 2, _MAX_LAYERS)
        require_range(self.num_occurrences, "num_occurrences", 1, 2**31 - 1)

    @property
    def file_names(self) -> tuple[str, ...]:
        """Names of all files beside ``index.json``."""
        return (*FILES, *map(layer_file, range(1, self.num_layers)))

    def write(self, directory: Path) -> None:
        """Write ``index.json``."""
        write_json(directory / INDEX, asdict(self), with_checksum=True)

    @classmethod
    def read(cls, directory: Path) -> Metadata:
        """Read ``index.json``.

        Raises:
            CorpusError: There is no such file, or it is damaged or of another version.
            CheckpointError: Its content was changed.
        """
        path = directory / INDEX
        try:
            content = read_json(path, CorpusError)
        except (FileNotFoundError, NotADirectoryError):
            raise CorpusError(f"{directory}: expected an index of occurrences, found no {INDEX}") from None
        try:
            require(isinstance(content, dict), "index", "an object", content)
            check_checksum(path, content)
            metadata = from_settings(cls, {key: value for key, value in content.items() if key != CHECKSUM})
            checked_files(metadata.files, metadata.file_names, needed=metadata.file_names)
        except ConfigError as error:
            raise CorpusError(f"{path}: {error}") from None
        return metadata
