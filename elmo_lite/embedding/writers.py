"""Files of vectors, written sentence by sentence in constant memory.

    .h5, .hdf5     one data set "0", "1", ... per sentence, the array that ``Elmo.embed`` returns; "words" (the words of
                   all sentences as strings) and "offsets": the words of sentence i are words[offsets[i]:offsets[i + 1]]
    .parquet       one row per sentence: "words", and "vectors" (a list of 2D values per word) or, for all layers,
                   "layer_0", "layer_1", ...; files of a cluster begin with "id", "file" and "line"
    .safetensors   "vectors" (words, 2D) or, for all layers, (words, L, 2D), of all sentences, and "offsets" as above;
                   "words" (the UTF-8 bytes of all words) and "word_offsets": word j is
                   words[word_offsets[j]:word_offsets[j + 1]]
    .npz           the same arrays, and "metadata"

With one vector per sentence, "vectors" is (sentences, 2D) in .h5, .safetensors and .npz, and a list of 2D values in
.parquet. Model, layers, dtype and tokenisation are attributes of the .h5 file, metadata of the .parquet schema and of
the .safetensors header, and JSON in .npz.

Sentences are numbered from 0 in the order of the lines; an empty line is a sentence without words.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from elmo_lite.embedding.flat_writers import NumpyVectors, SafetensorsVectors
from elmo_lite.embedding.hdf5 import SafeFile
from elmo_lite.embedding.vector_shape import Floats, VectorShape

BUFFER_BYTES = 1 << 25
"""Size of the vectors in bytes that are buffered before a Parquet row group is written."""


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
        self.pooled = self.file.create_dataset("vectors", shape.flat, dtype=shape.dtype) if shape.is_pooled else None
        self.file.attrs.update(shape.metadata)
        self.waiting: list[str] = []
        self.ends = [0]
        self.written = [0, 0]

    def write(self, words: list[str], vectors: Floats) -> None:
        """Add a sentence."""
        number = self.written[1] + len(self.ends) - 1
        if self.pooled is not None:
            self.pooled[number] = vectors
        else:
            self.file.create_dataset(str(number), data=vectors)
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

    def __init__(self, path: Path, shape: VectorShape, with_places: bool = False) -> None:
        """Create the file.

        Args:
            path: The file.
            shape: What it holds; the numbers of sentences and words are not needed.
            with_places: Begin each row with "id", "file" and "line". Defaults to words and vectors alone.
        """
        import pyarrow as pa
        from pyarrow import parquet

        self.pa = pa
        self.shape = shape
        vector = pa.list_(pa.float16() if shape.dtype == "float16" else pa.float32(), shape.dim)
        numbers = vector if shape.is_pooled else pa.list_(vector)
        names = ["vectors"] if shape.num_layers is None else [f"layer_{k}" for k in range(shape.num_layers)]
        self.places = [("id", pa.int64()), ("file", pa.string()), ("line", pa.int64())] if with_places else []
        fields = [*self.places, ("words", pa.list_(pa.string())), *((name, numbers) for name in names)]
        self.schema = pa.schema(fields, metadata=dict(shape.metadata))
        # Vectors hardly compress, and statistics about them are of no use.
        self.file = parquet.ParquetWriter(
            path, self.schema, compression="none", use_dictionary=False, write_statistics=False
        )
        self.rows: list[tuple[list[str], Floats, tuple[int, str, int] | None]] = []
        self.size = 0

    def write(self, words: list[str], vectors: Floats, place: tuple[int, str, int] | None = None) -> None:
        """Add a sentence, with its place if the file has places."""
        self.rows.append((words, vectors, place))
        self.size += vectors.nbytes + 64
        if self.size > BUFFER_BYTES:
            self._flush()

    def _flush(self) -> None:
        pa = self.pa
        words = [row[0] for row in self.rows]
        offsets = pa.array(np.cumsum([0, *map(len, words)]), type=pa.int32())
        layers: list[list[Floats]] = [[vectors] for _, vectors, _ in self.rows]
        if self.shape.num_layers is not None:
            layers = [list(vectors) for _, vectors, _ in self.rows]
        vectors = [
            pa.FixedSizeListArray.from_arrays(
                pa.array(np.concatenate([row[k].reshape(-1) for row in layers])), self.shape.dim
            )
            for k in range(self.shape.num_layers or 1)
        ]
        columns = vectors if self.shape.is_pooled else [pa.ListArray.from_arrays(offsets, one) for one in vectors]
        found = zip(*(place for _, _, place in self.rows if place is not None), strict=True)
        places = [pa.array(values, type=kind) for values, (_, kind) in zip(found, self.places, strict=True)]
        columns = [*places, pa.array(words, type=pa.list_(pa.string())), *columns]
        self.file.write_table(pa.table(columns, schema=self.schema))
        self.rows, self.size = [], 0

    def close(self) -> None:
        """Write buffered data and close the file."""
        try:
            if self.rows:
                self._flush()
        finally:
            self.file.close()


WRITERS: dict[str, type[HDF5Vectors | ParquetVectors | SafetensorsVectors | NumpyVectors]] = {
    ".h5": HDF5Vectors,
    ".hdf5": HDF5Vectors,
    ".parquet": ParquetVectors,
    ".safetensors": SafetensorsVectors,
    ".npz": NumpyVectors,
}
"""Writers by file suffix."""
