"""An index of occurrences: a directory with the vectors, places and sentences of words of a text.

    index.json               format version, what was indexed, size and SHA-256 of the files; its own checksum
    words.txt, counts.npy    (V): the most frequent words of the text and all indexed ones, and their occurrences in it
    token_vectors.npy        (V, D): the token layer of these words, float16
    token_norms.npy          (V): their lengths, float32
    occurrences.npy          (N, 3): sentence, position in the sentence and word of each occurrence, all from 0, int32
    layer_1.npy, ...         (N, 2D): one LSTM layer at the occurrences, float16
    norms.npy                (L - 1, N): lengths of these vectors, float32
    sentences.jsonl          words and place of each sentence that holds an occurrence
    sentence_offsets.npy     (S + 1): where each line of it begins, in bytes, int64

All vectors are normalised to length 1, so that float16 holds them whatever their size. Arrays are memory-mapped.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from elmo_lite.corpus.array_file import Number, open_array
from elmo_lite.embedding.layer_choice import LayerChoice
from elmo_lite.embedding.runner import FloatArray
from elmo_lite.errors import CorpusError
from elmo_lite.files import check_file, remove_leftovers
from elmo_lite.metadata import read_bytes
from elmo_lite.neighbors.index_metadata import Metadata, layer_file

_TWICE = np.sqrt(2, dtype=np.float32)
"""Length of a token vector of length 1 that is repeated, as layer 0 is."""

Rows = npt.NDArray[np.intp] | slice


@dataclass(frozen=True)
class Occurrence:
    """A word in its sentence."""

    words: list[str]
    position: int
    """Position of the word in the sentence, from 0."""
    place: str = ""
    """Where the sentence stands; empty for a sentence outside of the text."""

    @property
    def word(self) -> str:
        """The word."""
        return self.words[self.position]


class OccurrenceIndex:
    """An opened index."""

    def __init__(self, directory: Path, metadata: Metadata) -> None:
        """Initialise without checks. Use ``OccurrenceIndex.open`` instead."""
        self.directory = directory
        self.metadata = metadata
        self.num_layers = metadata.num_layers

    def __len__(self) -> int:
        """The number of occurrences N."""
        return self.metadata.num_occurrences

    @classmethod
    def open(cls, directory: Path) -> OccurrenceIndex:
        """Open an index and compare the SHA-256 of its files.

        Raises:
            CorpusError: There is no such index, or it is damaged.
        """
        if not directory.exists():
            remove_leftovers(directory)  # it made way for a new one when its process was killed
        metadata = Metadata.read(directory)
        for name, facts in metadata.files.items():
            check_file(directory / name, facts, error=CorpusError)
        index = cls(directory, metadata)
        index._check_shapes()
        return index

    def _check_shapes(self) -> None:
        """Compare the shapes of the arrays with one another, and row numbers with them."""
        num, num_words, layers = len(self), len(self.words), self._layers
        width = self.token_vectors.shape[-1]
        norms = (self._array("token_norms.npy", np.float32), self._array("norms.npy", np.float32))
        arrays: tuple[npt.NDArray[Any], ...] = (self.occurrences, self.counts, self.token_vectors, *norms, *layers)
        expected = [(num, 3), (num_words,), (num_words, width), (num_words,), (len(layers), num)]
        expected += [(num, 2 * width)] * len(layers)
        found = [array.shape for array in arrays]
        last = self.occurrences.max(axis=0).tolist() if found == expected else [0] * 3
        if found != expected or last[0] > len(self._offsets) - 2 or last[2] >= num_words:
            raise CorpusError(f"{self.directory}: expected arrays that fit one another, found other shapes")

    @cached_property
    def words(self) -> list[str]:
        """(V): the most frequent words of the text and all indexed ones, in descending order of frequency."""
        return read_bytes(self.directory / "words.txt", CorpusError).decode("utf-8").split("\n")[:-1]

    @cached_property
    def counts(self) -> npt.NDArray[np.int64]:
        """(V): occurrences of each word in the text."""
        return self._array("counts.npy", np.int64)

    @cached_property
    def token_vectors(self) -> npt.NDArray[np.float16]:
        """(V, D): token layer of each word, of length 1."""
        return self._array("token_vectors.npy", np.float16)

    @cached_property
    def occurrences(self) -> npt.NDArray[np.int32]:
        """(N, 3): sentence, position and word of each occurrence, from 0."""
        return self._array("occurrences.npy", np.int32)

    @cached_property
    def _norms(self) -> npt.NDArray[np.float32]:
        """(L, N): length of the vector of each layer."""
        token = self._array("token_norms.npy", np.float32)[self.occurrences[:, 2]]
        return np.concatenate([token[None] * _TWICE, self._array("norms.npy", np.float32)])

    @cached_property
    def _layers(self) -> list[npt.NDArray[np.float16]]:
        return [self._array(layer_file(layer), np.float16) for layer in range(1, self.num_layers)]

    def rows_of(self, words: Iterable[str], min_count: int | None = None) -> npt.NDArray[np.intp]:
        """The occurrences of some words, in the order of the text.

        Args:
            words: The words.
            min_count: Take all words with at least this number of occurrences as well. Defaults to no others.
        """
        wanted = set(words)
        chosen = np.fromiter((word in wanted for word in self.words), dtype=bool, count=len(self.words))
        if min_count is not None:
            chosen |= self.counts >= min_count
        return np.flatnonzero(chosen[self.occurrences[:, 2]])

    def vectors(self, layer: LayerChoice, rows: Rows) -> FloatArray:
        """Vectors of one layer, or the mean of all layers, at some occurrences: (R, 2D), of length 1, float32.

        Args:
            layer: Number of the layer in 0..L-1, or "mean".
            rows: The occurrences.
        """
        if layer != "mean":
            return self._unit(int(layer), rows)
        total = sum(self._norms[k, rows, None] * self._unit(k, rows) for k in range(self.num_layers))
        return unit(np.asarray(total))

    def _unit(self, layer: int, rows: Rows) -> FloatArray:
        if layer == 0:  # the vector of the word, once for each direction
            token = self.token_vectors[self.occurrences[rows, 2]].astype(np.float32)
            repeated: FloatArray = np.concatenate([token, token], axis=1) / _TWICE
            return repeated
        return self._layers[layer - 1][rows].astype(np.float32)

    def occurrence(self, row: int) -> Occurrence:
        """One occurrence with its sentence."""
        sentence, position, _ = self.occurrences[row].tolist()
        start, end = self._offsets[sentence : sentence + 2].tolist()
        words, place = json.loads(self._sentences[start:end].tobytes())
        return Occurrence(words, position, place)

    @cached_property
    def _offsets(self) -> npt.NDArray[np.int64]:
        return self._array("sentence_offsets.npy", np.int64)

    @cached_property
    def _sentences(self) -> npt.NDArray[np.uint8]:
        return np.memmap(self.directory / "sentences.jsonl", dtype=np.uint8, mode="r")

    def _array(self, name: str, dtype: type[Number]) -> npt.NDArray[Number]:
        return open_array(self.directory / name, dtype)


def unit(vectors: FloatArray) -> FloatArray:
    """Vectors normalised to length 1; a vector of zeros stays one. Shape (..., D)."""
    norms = np.linalg.norm(vectors, axis=-1, keepdims=True)
    found: FloatArray = np.divide(vectors, norms, out=np.zeros_like(vectors), where=norms > 0)
    return found
