"""Binary files of word vectors: word2vec's format, and models of fastText, which gensim reads."""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt

from elmo_lite import CorpusError
from elmo_lite.errors import one_line
from elmo_lite.extras import named_extra

FloatArray = npt.NDArray[np.float32]

FASTTEXT_MAGIC = struct.pack("<i", 793712314)
_FASTTEXT_HEADER = struct.calcsize("<14id")
"""Bytes of magic number, version and settings (https://github.com/facebookresearch/fastText: args.cc, Args::save)."""
_LONGEST_WORD = 1 << 16
"""Maximum number of bytes of a word, and of numbers of a vector."""


def word2vec_entries(content: IO[bytes], file: Path, num_words: int, width: int) -> Iterator[tuple[bytes, bytes]]:
    """Yield the entries of a word2vec file.

    An entry is a word, a blank, and numbers as 4 bytes each, in most files after a line break.
    (Format of https://code.google.com/archive/p/word2vec: word2vec.c, TrainModel.)

    Args:
        content: The file after its header.
        file: Its path, for errors.
        num_words: Number of words in the header.
        width: Number of values of a vector in the header.

    Yields:
        Word in UTF-8, and its values as float32 in bytes.

    Raises:
        CorpusError: The file ends early, or the header is impossible.
    """
    if not 0 < width <= _LONGEST_WORD:
        raise CorpusError(f"{file}: expected vectors of 1 to {_LONGEST_WORD} values, found {width} in the header")
    for number in range(1, num_words + 1):
        word = bytearray()
        while (byte := content.read(1)) != b" ":
            word += byte
            if not byte or len(word) > _LONGEST_WORD:
                found = "the end of the file" if not byte else "none"
                raise CorpusError(
                    f"{file}, word {number}: expected {num_words} words that end in a blank, found {found}"
                )
        vector = content.read(4 * width)
        if len(vector) < 4 * width:
            raise CorpusError(f"{file}, word {number}: expected {num_words} words, found the end of the file")
        yield bytes(word.lstrip(b"\n")), vector


def read_fasttext_model(file: Path, wanted: dict[str, None], extra_words: int) -> dict[str, FloatArray]:
    """Read vectors from a model of fastText.

    Args:
        file: The model.
        wanted: Words to look up. A model without subwords lacks those that it was not trained on.
        extra_words: Number of words to add from the beginning of the file.

    Raises:
        CorpusError: The file is compressed, damaged, or a model of another kind.
    """
    with open(file, "rb") as content:
        if content.read(4) != FASTTEXT_MAGIC:
            raise CorpusError(f"{file}: expected an uncompressed fastText model, found a compressed file")
    with named_extra(str(file)):
        from gensim.models.fasttext import load_facebook_vectors
    _check_fasttext_model(file)
    try:
        vectors = load_facebook_vectors(str(file))
        known = vectors.key_to_index
        words = [word for word in wanted if vectors.bucket or word in known]
        words += vectors.index_to_key[:extra_words]
        # Copied, so that the matrix of the whole file can be freed.
        return {word: np.array(vectors.get_vector(word), dtype=np.float32) for word in words}
    except Exception as error:  # a damaged file raises many classes of errors
        raise CorpusError(f"{file}: expected a fastText model, found {one_line(error)}") from None


def _check_fasttext_model(file: Path) -> None:
    """Check that a model is complete up to the end of its vectors; gensim does not return from a truncated file.

    Raises:
        CorpusError: The file is truncated, or has labels (a classifier) or quantised vectors, which gensim does not
            read.
    """
    with open(file, "rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
        try:
            _, _, dim, *_, bucket, min_n, max_n, _ = struct.unpack_from("<14i", content)
            if not (0 < dim <= _LONGEST_WORD and 0 <= bucket and 0 <= min_n and 0 <= max_n <= _LONGEST_WORD):
                found = f"{dim} dimensions, {bucket} buckets, subwords of {min_n} to {max_n} characters"
                raise CorpusError(f"{file}: expected a fastText model, found {found}")
            num_entries, _, num_labels, _, num_pruned = struct.unpack_from("<3i2q", content, _FASTTEXT_HEADER)
            position = _FASTTEXT_HEADER + struct.calcsize("<3i2q")
            for _ in range(num_entries):
                end_of_word = content.find(b"\0", position)
                if end_of_word < 0:
                    raise EOFError
                position = end_of_word + 1 + struct.calcsize("<qb")  # count and type of the word
            quantised, rows, width = struct.unpack_from("<?2q", content, position + 8 * max(num_pruned, 0))
            end = position + 8 * max(num_pruned, 0) + struct.calcsize("<?2q") + 4 * rows * width
        except (struct.error, EOFError, OverflowError):
            raise CorpusError(f"{file}: expected a fastText model, found one cut off at {len(content)} bytes") from None
        if num_labels or quantised:
            found = "a classifier" if num_labels else "quantised vectors"
            raise CorpusError(f"{file}: expected a fastText model of plain word vectors, found {found}")
        if width != dim or rows < 0:
            raise CorpusError(f"{file}: expected vectors of {dim} dimensions, found {rows} of {width}")
        if len(content) < end:
            raise CorpusError(f"{file}: expected a fastText model of {end} bytes or more, found {len(content)}")
