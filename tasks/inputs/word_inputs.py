"""The word representation x_k of a task: a word vector and a character-based vector, concatenated."""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from elmo_lite import CharCNN, CheckpointError, ConfigError
from elmo_lite.errors import require, require_range
from elmo_lite.fields import from_settings
from elmo_lite.nn import WIDEST
from elmo_lite.text import MAX_CHARACTERS, encode_words, longest_word
from tasks.inputs.batch import Batch
from tasks.inputs.static_vectors import read_vectors
from tasks.modules.dropout import VariationalDropout

CHAR_DIM = 16
UNKNOWN_ROW = 0


@dataclass(frozen=True, kw_only=True)
class WordInputConfig:
    """Word vectors of the task itself, beside the contextual ones."""

    words: str = "trainable"
    """Word vectors: none; trainable, for vectors of the training words, learned with the task; or a file (GloVe,
    word2vec, fastText)."""
    word_dim: int = 100
    """Width of trainable vectors; those of a file have their own."""
    chars: bool = True
    """Add a character CNN that is trained with the task."""
    char_filters: int = 64
    """Number of filters of the character CNN, and width of its vectors."""
    char_width: int = 3
    """Width of a filter in bytes, in 1..50."""
    dropout: float = 0.5
    """Dropout probability of both vectors, in [0, 1)."""
    train_vectors: bool = True
    """Train the vectors of a file, instead of keeping them fixed."""
    unknown_rate: float = 0.5
    """Probability in [0, 1] that a word seen once is read as unknown in training; trainable vectors only."""
    extra_words: int = 20000
    """Number of words to keep of a file beside those of the data, from its beginning, for use on other text."""

    def __post_init__(self) -> None:
        """Check ranges."""
        for name in ("word_dim", "char_filters"):
            require_range(getattr(self, name), name, 1, WIDEST)
        require(1 <= self.char_width <= MAX_CHARACTERS, "char_width", f"1..{MAX_CHARACTERS}", self.char_width)
        require(0 <= self.dropout < 1, "dropout", "a probability in [0, 1)", self.dropout)
        require(0 <= self.unknown_rate <= 1, "unknown_rate", "a probability in [0, 1]", self.unknown_rate)
        require(self.extra_words >= 0, "extra_words", "0 or more", self.extra_words)
        require(self.words != "", "words", "none, trainable or a file of vectors", self.words)

    @property
    def has_file(self) -> bool:
        """Whether the word vectors come from a file."""
        return self.words not in ("none", "trainable")

    @property
    def learns_vectors(self) -> bool:
        """Whether the word vectors are trained."""
        return self.words == "trainable" or (self.has_file and self.train_vectors)


@dataclass(frozen=True)
class _Saved:
    """The settings that ``WordInputs.to_files`` returns."""

    config: WordInputConfig
    width: int

    def __post_init__(self) -> None:
        """Check the range of the width."""
        require_range(self.width, "width", 0, WIDEST)


class WordInputs(nn.Module):
    """Word vectors and character CNN vectors, concatenated.

    A word is looked up as spelt, then in lower case. If neither is found, it has the learned vector of the unknown
    word. With trainable vectors, that vector is learned from words seen once (Lample et al. 2016, section 4.1); with a
    file, from words that the file lacks.
    """

    vectors: Tensor
    rare: Tensor

    def __init__(self, config: WordInputConfig, words: Sequence[str], width: int) -> None:
        """Build the module with untrained parameters; see ``build`` and ``from_files``.

        Args:
            config: Settings.
            words: N distinct words that have a vector of their own.
            width: Width of a word vector; 0 for no word vectors.
        """
        super().__init__()
        self.config = config
        self.words = list(words)
        self.width = width
        self._row_of = {word: row for row, word in enumerate(self.words, UNKNOWN_ROW + 1)}
        if len(self._row_of) != len(self.words):
            raise CheckpointError("words of a task model: expected distinct ones, found a word twice")
        # The variance is 1 / width.
        vectors = torch.empty(len(self.words), width).uniform_(-1, 1) * math.sqrt(3 / max(width, 1))
        if config.learns_vectors:
            self.vectors = nn.Parameter(vectors)  # (N, width)
        else:
            self.register_buffer("vectors", vectors)
        self.unknown = nn.Parameter(torch.zeros(width))
        # Words seen once; used only in training.
        self.register_buffer("rare", torch.zeros(len(self.words) + 1, dtype=torch.bool), persistent=False)
        self.char_cnn = _char_cnn(config) if config.chars else None
        self.dropout = VariationalDropout(config.dropout)

    @classmethod
    def build(
        cls, config: WordInputConfig, sentences: Iterable[Sequence[str]], others: Iterable[Sequence[str]] = ()
    ) -> WordInputs:
        """Build a module for a data set.

        Args:
            config: Settings.
            sentences: Training sentences.
            others: Sentences to score or tag later; vectors of their words are kept too, if they come from a file.

        Raises:
            CorpusError: The file of vectors is missing or damaged.
            ConfigError: The file has none of the words.
        """
        counts = Counter(word for word in chain.from_iterable(sentences) if _is_storable(word))
        if config.has_file:
            inputs = cls._with_file_vectors(config, [*counts, *chain.from_iterable(others)])
        elif config.words == "trainable":
            inputs = cls(config, list(counts), config.word_dim)
        else:
            return cls(config, [], 0)
        inputs.rare[1:] = torch.tensor([counts[word] == 1 for word in inputs.words], dtype=torch.bool)
        return inputs

    @classmethod
    def _with_file_vectors(cls, config: WordInputConfig, words: Iterable[str]) -> WordInputs:
        wanted = [word for word in dict.fromkeys(words) if _is_storable(word)]
        found = read_vectors(config.words, wanted, config.extra_words)
        found = {word: vector for word, vector in found.items() if _is_storable(word)}
        if not any(form in found for word in wanted for form in (word, word.lower())):
            raise ConfigError(f"words: expected vectors of words of the data, found none in {config.words}")
        vectors = torch.from_numpy(np.stack(list(found.values())))
        inputs = cls(config, list(found), vectors.shape[1])
        with torch.no_grad():
            inputs.vectors.copy_(vectors)
            inputs.unknown.copy_(vectors.mean(dim=0))
        return inputs

    @property
    def dim(self) -> int:
        """Width of x_k; 0 with neither word nor character vectors."""
        return self.width + (self.config.char_filters if self.char_cnn is not None else 0)

    def forward(self, batch: Batch) -> Tensor:
        """x_k of a batch, (B, T, dim), zero at padding; each distinct word is computed once."""
        number = {word: index for index, word in enumerate(dict.fromkeys(chain.from_iterable(batch.words)))}
        index = torch.full(batch.mask.shape, len(number))  # the zero row
        for row, sentence in enumerate(batch.words):
            index[row, : len(sentence)] = torch.tensor([number[word] for word in sentence])
        distinct = F.pad(self._of_words(list(number)), (0, 0, 0, 1))  # (K + 1, dim)
        return self.dropout(F.embedding(index.to(distinct.device), distinct))  # type: ignore[no-any-return]

    def _of_words(self, words: list[str]) -> Tensor:
        """x_k of K words, (K, dim), without dropout."""
        parts = [self._looked_up(words)]
        if self.char_cnn is not None:
            char_ids = encode_words(words, MAX_CHARACTERS)
            on_device = torch.from_numpy(char_ids).to(self.unknown.device)
            parts.append(self.char_cnn(on_device, longest_word(char_ids)))  # found here, so that no GPU is waited for
        return torch.cat(parts, dim=1)

    def _looked_up(self, words: list[str]) -> Tensor:
        """Word vectors of K words, (K, width)."""
        rows = torch.tensor([self._row(word) for word in words], device=self.unknown.device)
        if self.training and self.config.words == "trainable":
            unread = self.rare[rows] & (torch.rand(len(rows), device=rows.device) < self.config.unknown_rate)
            rows = rows.masked_fill(unread, UNKNOWN_ROW)
        known = rows != UNKNOWN_ROW
        if len(self.vectors) == 0:
            return self.unknown.expand(len(rows), -1)
        return torch.where(known[:, None], F.embedding((rows - 1).clamp(min=0), self.vectors), self.unknown)

    def _row(self, word: str) -> int:
        row = self._row_of.get(word)
        return self._row_of.get(word.lower(), UNKNOWN_ROW) if row is None else row

    def to_files(self) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """Return the settings in JSON types, and the tensors, that ``from_files`` needs besides ``words``.

        The settings have the name of the file of vectors without its folder, since the file is not read again.
        """
        name = Path(self.config.words).name if self.config.has_file else self.config.words
        settings = {**dataclasses.asdict(self.config), "words": name}
        return {"config": settings, "width": self.width}, self.state_dict()

    @classmethod
    def from_files(cls, settings: Any, words: Sequence[str], tensors: Mapping[str, Tensor] | None = None) -> WordInputs:
        """Rebuild a module. If ``tensors`` is None, its parameters are loaded later, with those of the whole model.

        Raises:
            CheckpointError: A setting is unknown or missing, a word occurs twice, or the tensors do not match.
        """
        try:
            saved = from_settings(_Saved, settings)
            inputs = cls(saved.config, words, saved.width)
            if tensors is not None:
                inputs.load_state_dict(dict(tensors))
        except (ConfigError, RuntimeError) as error:
            raise CheckpointError(f"word inputs of a task model: {' '.join(str(error).split())}") from None
        return inputs


def _char_cnn(config: WordInputConfig) -> CharCNN:
    return CharCNN(
        embedding_dim=CHAR_DIM,
        filters=[(config.char_width, config.char_filters)],
        num_highway=0,
        activation="relu",
        max_characters=MAX_CHARACTERS,
        output_dim=config.char_filters,
        projection=False,
    )


def _is_storable(word: str) -> bool:
    """Whether a word fits on one line of a UTF-8 file; other words are read as unknown."""
    try:
        word.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return word.splitlines() == [word]
