"""Files of vectors, written sentence by sentence in constant memory.

    .h5, .hdf5     one data set "0", "1", ... per sentence, the array that ``Elmo.embed`` returns; "words" (the words of
                   all sentences as strings) and "offsets": the words of sentence i are words[offsets[i]:offsets[i + 1]]
    .parquet       one row per sentence: "words", and "vectors" (a list of 2D values per word) or, for all layers,
                   "layer_0", "layer_1", ...
    .safetensors   "vectors" (words, 2D) or, for all layers, (words, L, 2D), of all sentences, and "offsets" as above;
                   "words" (the UTF-8 bytes of all words) and "word_offsets": word j is
                   words[word_offsets[j]:word_offsets[j + 1]]

Sentences are numbered from 0 in the order of the lines; an empty line is a sentence without words.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

from elmo_lite.embedding.hdf5 import SafeFile

Floats = npt.NDArray[np.floating[Any]]
DType = Literal["float32", "float16"]

BUFFER_BYTES = 1 << 25
"""Size of the vectors in bytes that are buffered before a Parquet row group is written."""


@dataclass(frozen=True)
class VectorShape:
    """The sizes and the data type of the vectors of a file."""

    num_sentences: int
    num_words: int
    num_bytes: int
    """Total length of the words in UTF-8 bytes."""
    num_layers: int | None
    """Number of layers L if all layers are written, None if one vector per word is written."""
    dim: int
    """Width of a vector, 2D."""
    dtype: DType

    @property
    def vector_bytes(self) -> int:
        """Total size of the vectors in bytes."""
        return self.num_words * (self.num_layers or 1) * self.dim * np.dtype(self.dtype).itemsize


class VectorWriter(Protocol):
    """Interface of a writer, which takes sentences in order."""

    def write(self, words: list[str], vectors: Floats) -> None:
        """Add a sentence of T words with its vectors, (L, T, 2D) or (T, 2D)."""

    def close(self) -> None:
        """Write buffered data and close the file."""


class HDF5Vectors:
    """An HDF5 file with one data set per sentence."""

    def __init__(self, path: Path, shape: VectorShape) -> None:
        """Create the file."""
        import h5py

        # The newer format stays fast with a million data sets in a group.
        self.safe = SafeFile(path)
        self.file = h5py.File(self.safe, "w", libver=("v110", "latest"))
        self.words = self.file.create_dataset("words", (shape.num_words,), dtype=h5py.string_dtype("utf-8"))
        self.offsets = self.file.create_dataset("offsets", (shape.num_sentences + 1,), dtype=np.int64)
        self.waiting: list[str] = []
        self.ends = [0]
        self.written = [0, 0]

    def write(self, words: list[str], vectors: Floats) -> None:
        """Add a sentence."""
        self.file.create_dataset(str(self.written[1] + len(self.ends) - 1), data=vectors)
        self.waiting += words
        self.ends.append(self.ends[-1] + len(words))
        if len(self.waiting) + len(self.ends) > 1 << 16:
            self._flush()
        self.safe.check()

    def _flush(self) -> None:
        """Write the buffered words and offsets: writing them one by one would take as long as the vectors."""
        first_word, first_offset = self.written
        if self.waiting:
            self.words[first_word : first_word + len(self.waiting)] = self.waiting
        self.offsets[first_offset : first_offset + len(self.ends)] = self.ends
        self.written = [first_word + len(self.waiting), first_offset + len(self.ends) - 1]
        self.waiting, self.ends = [], self.ends[-1:]

    def close(self) -> None:
        """Write buffered data and close the file."""
        try:
            self._flush()
        finally:
            self.file.close()
            self.safe.close()
        self.safe.check()


class ParquetVectors:
    """A Parquet file with one row per sentence, in row groups of a few dozen megabytes."""

    def __init__(self, path: Path, shape: VectorShape) -> None:
        """Create the file."""
        import pyarrow as pa
        from pyarrow import parquet

        self.pa = pa
        self.shape = shape
        numbers = pa.list_(pa.list_(pa.float16() if shape.dtype == "float16" else pa.float32(), shape.dim))
        names = ["vectors"] if shape.num_layers is None else [f"layer_{k}" for k in range(shape.num_layers)]
        self.schema = pa.schema([("words", pa.list_(pa.string())), *((name, numbers) for name in names)])
        # Vectors hardly compress, and statistics about them are of no use.
        self.file = parquet.ParquetWriter(
            path, self.schema, compression="none", use_dictionary=False, write_statistics=False
        )
        self.rows: list[tuple[list[str], Floats]] = []
        self.size = 0

    def write(self, words: list[str], vectors: Floats) -> None:
        """Add a sentence."""
        self.rows.append((words, vectors))
        self.size += vectors.nbytes + 64
        if self.size > BUFFER_BYTES:
            self._flush()

    def _flush(self) -> None:
        pa = self.pa
        words = [row[0] for row in self.rows]
        offsets = pa.array(np.cumsum([0, *map(len, words)]), type=pa.int32())
        layers: list[list[Floats]] = [[vectors] for _, vectors in self.rows]
        if self.shape.num_layers is not None:
            layers = [list(vectors) for _, vectors in self.rows]
        columns = [
            pa.ListArray.from_arrays(
                offsets,
                pa.FixedSizeListArray.from_arrays(
                    pa.array(np.concatenate([row[k].reshape(-1) for row in layers])), self.shape.dim
                ),
            )
            for k in range(self.shape.num_layers or 1)
        ]
        self.file.write_table(pa.table([pa.array(words, type=pa.list_(pa.string())), *columns], schema=self.schema))
        self.rows, self.size = [], 0

    def close(self) -> None:
        """Write buffered data and close the file."""
        try:
            if self.rows:
                self._flush()
        finally:
            self.file.close()


class SafetensorsVectors:
    """A safetensors file with four flat tensors, each written in place sentence by sentence."""

    def __init__(self, path: Path, shape: VectorShape) -> None:
        """Create the file and write the header, which needs all sizes in advance."""
        middle = () if shape.num_layers is None else (shape.num_layers,)
        float_name = {"float32": "F32", "float16": "F16"}[shape.dtype]
        tensors = [
            ("offsets", "I64", (shape.num_sentences + 1,), 8 * (shape.num_sentences + 1)),
            ("word_offsets", "I64", (shape.num_words + 1,), 8 * (shape.num_words + 1)),
            ("vectors", float_name, (shape.num_words, *middle, shape.dim), shape.vector_bytes),
            ("words", "U8", (shape.num_bytes,), shape.num_bytes),
        ]
        header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
        end = 0
        for name, kind, sizes, num_bytes in tensors:
            header[name] = {"dtype": kind, "shape": list(sizes), "data_offsets": [end, end + num_bytes]}
            end += num_bytes
        text = json.dumps(header, separators=(",", ":")).encode()
        text += b" " * (-len(text) % 8)
        begin = 8 + len(text)
        self.file = path.open("wb")
        self.file.write(len(text).to_bytes(8, "little") + text)
        self.file.truncate(begin + end)
        self.place = {name: begin + header[name]["data_offsets"][0] for name, *_ in tensors}
        self.num_words = self.num_bytes = 0
        self._put("offsets", bytes(8))
        self._put("word_offsets", bytes(8))

    def write(self, words: list[str], vectors: Floats) -> None:
        """Add a sentence."""
        encoded = [word.encode() for word in words]
        ends = self.num_bytes + np.cumsum([len(word) for word in encoded], dtype="<i8")
        self.num_words += len(words)
        self._put("offsets", self.num_words.to_bytes(8, "little"))
        if words:
            self.num_bytes = int(ends[-1])
            self._put("word_offsets", ends.tobytes())
            self._put("vectors", (vectors.swapaxes(0, 1) if vectors.ndim == 3 else vectors).tobytes())
            self._put("words", b"".join(encoded))

    def _put(self, name: str, data: bytes) -> None:
        self.file.seek(self.place[name])
        self.file.write(data)
        self.place[name] += len(data)

    def close(self) -> None:
        """Close the file."""
        self.file.close()


WRITERS: dict[str, type[HDF5Vectors] | type[ParquetVectors] | type[SafetensorsVectors]] = {
    ".h5": HDF5Vectors,
    ".hdf5": HDF5Vectors,
    ".parquet": ParquetVectors,
    ".safetensors": SafetensorsVectors,
}
"""Writers by file suffix."""
