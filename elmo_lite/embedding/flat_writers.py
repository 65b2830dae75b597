"""Files with the vectors of all sentences in one array: safetensors and NumPy archives."""

from __future__ import annotations

import json
import shutil
import tempfile
import zipfile
from pathlib import Path
from typing import IO, Any

import numpy as np

from elmo_lite.embedding.vector_shape import Floats, VectorShape, flat_bytes

_SPOOL_BYTES = 1 << 24
"""Size of the words and offsets in bytes from which they wait in a temporary file."""


class SafetensorsVectors:
    """A safetensors file with four flat tensors, each written in place sentence by sentence."""

    def __init__(self, path: Path, shape: VectorShape) -> None:
        """Create the file and write the header, which needs all sizes in advance."""
        float_name = {"float32": "F32", "float16": "F16"}[shape.dtype]
        tensors = [
            ("offsets", "I64", (shape.num_sentences + 1,), 8 * (shape.num_sentences + 1)),
            ("word_offsets", "I64", (shape.num_words + 1,), 8 * (shape.num_words + 1)),
            ("vectors", float_name, shape.flat, shape.vector_bytes),
            ("words", "U8", (shape.num_bytes,), shape.num_bytes),
        ]
        header: dict[str, Any] = {"__metadata__": {"format": "pt", **shape.metadata}}
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
        self._put("vectors", flat_bytes(vectors))
        if words:
            self.num_bytes = int(ends[-1])
            self._put("word_offsets", ends.tobytes())
            self._put("words", b"".join(encoded))

    def _put(self, name: str, data: bytes) -> None:
        self.file.seek(self.place[name])
        self.file.write(data)
        self.place[name] += len(data)

    def close(self) -> None:
        """Close the file."""
        self.file.close()


class NumpyVectors:
    """A NumPy archive with the arrays of the safetensors format, and "metadata" as JSON.

    A member of an archive is written from its beginning to its end, so that words and offsets wait for the vectors.
    """

    def __init__(self, file: Path | IO[bytes], shape: VectorShape) -> None:
        """Begin the archive, in a file or in a stream that need not be seekable."""
        self.shape = shape
        self.archive = zipfile.ZipFile(file, "w")
        self.spools = {
            name: tempfile.SpooledTemporaryFile(_SPOOL_BYTES) for name in ("offsets", "word_offsets", "words")
        }
        self.num_words = self.num_bytes = 0
        for name in ("offsets", "word_offsets"):
            self.spools[name].write(bytes(8))
        self.vectors = self._member("vectors", np.dtype(shape.dtype), shape.flat)

    def _member(self, name: str, dtype: np.dtype[Any], sizes: tuple[int, ...]) -> IO[bytes]:
        """Begin an array of the archive, whose values follow."""
        # The fixed date makes equal vectors equal files.
        entry = zipfile.ZipInfo(f"{name}.npy", (1980, 1, 1, 0, 0, 0))
        member = self.archive.open(entry, "w", force_zip64=True)
        header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": sizes}
        np.lib.format.write_array_header_1_0(member, header)
        return member

    def write(self, words: list[str], vectors: Floats) -> None:
        """Add a sentence."""
        self.vectors.write(flat_bytes(vectors))
        encoded = [word.encode() for word in words]
        ends = self.num_bytes + np.cumsum([len(word) for word in encoded], dtype="<i8")
        self.num_words += len(words)
        self.num_bytes = int(ends[-1]) if words else self.num_bytes
        self.spools["offsets"].write(self.num_words.to_bytes(8, "little"))
        self.spools["word_offsets"].write(ends.tobytes())
        self.spools["words"].write(b"".join(encoded))

    def close(self) -> None:
        """Write the words, the offsets and the metadata, and close the archive."""
        try:
            self.vectors.close()
            for name, spool in self.spools.items():
                dtype = np.dtype("u1" if name == "words" else "<i8")
                number = spool.tell() // dtype.itemsize
                spool.seek(0)
                with self._member(name, dtype, (number,)) as member:
                    shutil.copyfileobj(spool, member)
                spool.close()
            text = np.array(json.dumps(dict(self.shape.metadata), ensure_ascii=False))
            with self._member("metadata", text.dtype, ()) as member:
                member.write(text.tobytes())
        finally:
            self.archive.close()
