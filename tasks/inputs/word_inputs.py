"""The word representation x_k of a task: vectors of a word, its spelling and its characters, concatenated."""

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
from elmo_lite.errors import require_range
from elmo_lite.fields import from_settings
from elmo_lite.nn import WIDEST
from elmo_lite.text import MAX_CHARACTERS, encode_words, longest_word
from tasks.inputs.batch import Batch
from tasks.inputs.known_rows import KnownRows, Rows
from tasks.inputs.spelling import NUM_FEATURES, Spelling, frequent_features
from tasks.inputs.static_vectors import read_vectors
from tasks.inputs.word_input_config import WordInputConfig
from tasks.modules.dropout import VariationalDropout

CHAR_DIM = 16
UNKNOWN_ROW = 0


@dataclass(frozen=True)
class _Saved:
    """The settings that ``WordInputs.to_files`` returns."""

    config: WordInputConfig
    width: int

    def __post_init__(self) -> None:
        """Check the range of the width."""
        require_range(self.width, "width", 0, WIDEST)


class WordInputs(nn.Module):
    """Word vectors, vectors of spelling and character CNN vectors, concatenated.

    A word is looked up as spelt, then in lower case. If neither is found, it has the learned vector of the unknown
    word. With trainable vectors, that vector is learned from words seen once (Lample et al. 2016, section 4.1); with a
    file, from words that the file lacks.
    """

    vectors: Tensor
    rare: Tensor

    def __init__(self, config: WordInputConfig, words: Sequence[str], width: int, spellings: Sequence[str]) -> None:
        """Build the module with untrained parameters; see ``build`` and ``from_files``.

        Args:
            config: Settings.
            words: N distinct words that have a vector of their own.
            width: Width of a word vector; 0 for no word vectors.
            spellings: Distinct features of spelling that have a vector.
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
        self.spelling = Spelling(spellings, config.spelling_dim, config.dropout) if config.spelling else None
        self.char_cnn = _char_cnn(config) if config.chars else None
        self.dropout = VariationalDropout(config.dropout)
        self._known = KnownRows()

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
        spellings = frequent_features(counts) if config.spelling else []
        if config.has_file:
            inputs = cls._with_file_vectors(config, [*counts, *chain.from_iterable(others)], spellings)
        elif config.words == "trainable":
            inputs = cls(config, list(counts), config.word_dim, spellings)
        else:
            return cls(config, [], 0, spellings)
        inputs.rare[1:] = torch.tensor([counts[word] == 1 for word in inputs.words], dtype=torch.bool)
        return inputs

    @classmethod
    def _with_file_vectors(cls, config: WordInputConfig, words: Iterable[str], spellings: list[str]) -> WordInputs:
        wanted = [word for word in dict.fromkeys(words) if _is_storable(word)]
        found = read_vectors(config.words, wanted, config.extra_words)
        found = {word: vector for word, vector in found.items() if _is_storable(word)}
        if not any(form in found for word in wanted for form in (word, word.lower())):
            raise ConfigError(f"words: expected vectors of words of the data, found none in {config.words}")
        vectors = torch.from_numpy(np.stack(list(found.values())))
        inputs = cls(config, list(found), vectors.shape[1], spellings)
        with torch.no_grad():
            inputs.vectors.copy_(vectors)
            inputs.unknown.copy_(vectors.mean(dim=0))
        return inputs

    @property
    def dim(self) -> int:
        """Width of x_k; 0 without any of its vectors."""
        of_spelling = 0 if self.spelling is None else self.config.spelling_dim
        return self.width + of_spelling + (0 if self.char_cnn is None else self.config.char_filters)

    @property
    def lists(self) -> dict[str, list[str]]:
        """The "words" and the "spellings" that have a vector, each in the order of the rows."""
        return {"words": self.words, "spellings": [] if self.spelling is None else self.spelling.names}

    def forward(self, batch: Batch) -> Tensor:
        """x_k of a batch, (B, T, dim), zero at padding; each distinct word is computed once."""
        words = list(dict.fromkeys(chain.from_iterable(batch.words)))
        described = self._known.of(words, self._describe)
        number = {word: index for index, word in enumerate(words)}
        index = np.full(batch.mask.shape, len(words))  # the zero row
        is_word = np.arange(index.shape[1]) < np.array([[len(sentence)] for sentence in batch.words])
        index[is_word] = [number[word] for sentence in batch.words for word in sentence]
        distinct = F.pad(self._of_words(described), (0, 0, 0, 1))  # (K + 1, dim)
        return self.dropout(F.embedding(torch.from_numpy(index).to(distinct.device), distinct))  # type: ignore[no-any-return]

    def _describe(self, words: Sequence[str]) -> Rows:
        """Of K words the rows of their vectors, those of their features, and their character ids, (K, 1 + F + C)."""
        parts = [np.array([[self._row(word)] for word in words], dtype=np.int32)]
        if self.spelling is not None:
            parts.append(self.spelling.rows(words))
        if self.char_cnn is not None:
            parts.append(encode_words(words, MAX_CHARACTERS).astype(np.int32))
        return np.concatenate(parts, axis=1)

    def _of_words(self, described: Rows) -> Tensor:
        """x_k of K words, (K, dim), without dropout, from what ``_describe`` returns."""
        on_device = torch.from_numpy(described).to(self.unknown.device)
        parts = [self._looked_up(on_device[:, 0].long())]
        if self.spelling is not None:
            parts.append(self.spelling(on_device[:, 1 : 1 + NUM_FEATURES]))
        if self.char_cnn is not None:
            longest = longest_word(described[:, -MAX_CHARACTERS:])  # found here, so that no GPU is waited for
            parts.append(self.char_cnn(on_device[:, -MAX_CHARACTERS:], longest))
        return torch.cat(parts, dim=1)

    def _looked_up(self, rows: Tensor) -> Tensor:
        """Word vectors (K, width) at rows (K,)."""
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
        """Return the settings in JSON types, and the tensors, that ``from_files`` needs besides ``lists``.

        The settings have the name of the file of vectors without its folder, since the file is not read again.
        """
        name = Path(self.config.words).name if self.config.has_file else self.config.words
        settings = {**dataclasses.asdict(self.config), "words": name}
        return {"config": settings, "width": self.width}, self.state_dict()

    @classmethod
    def from_files(
        cls, settings: Any, lists: Mapping[str, Sequence[str]], tensors: Mapping[str, Tensor] | None = None
    ) -> WordInputs:
        """Rebuild a module. If ``tensors`` is None, its parameters are loaded later, with those of the whole model.

        Raises:
            CheckpointError: A setting is unknown or missing, a word occurs twice, or the tensors do not match.
        """
        try:
            saved = from_settings(_Saved, settings)
            inputs = cls(saved.config, lists.get("words", ()), saved.width, lists.get("spellings", ()))
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
