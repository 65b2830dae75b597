"""Word vectors from files: GloVe, word2vec and fastText, in their original formats.

Text files are read line by line and only the requested words are kept, so that memory does not grow with the file and
an error names its line. Binary files are read by gensim. It reads text files too, with the same result, but keeps all
words and is several times slower (15 s instead of 2 s for 200,000 words of 100 dimensions).
"""

from __future__ import annotations

import gzip
import mmap
import os
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from elmo_lite import CorpusError
from elmo_lite.paths import expanded

FloatArray = npt.NDArray[np.float32]

_FASTTEXT_MAGIC = struct.pack("<i", 793712314)
_FASTTEXT_HEADER = struct.calcsize("<14id")
"""Bytes of magic number, version and settings (https://github.com/facebookresearch/fastText: args.cc, Args::save)."""
_PICKLE_MAGIC = b"\x80"
_LONGEST_LINE = 1 << 20
"""Maximum number of bytes of a header line."""
_SAMPLE = 4096
"""Number of bytes that are examined to tell floats from text."""


def read_vectors(path: str | os.PathLike[str], words: Iterable[str], extra_words: int = 0) -> dict[str, FloatArray]:
    """Read vectors of words from a file.

    Args:
        path: File of GloVe, word2vec or fastText text (also ``.gz``), word2vec binary, or a fastText model (``.bin``).
        words: Words to look up, as spelt and in lower case.
        extra_words: Number of words to add from the beginning of the file, usually the most frequent ones.

    Returns:
        Vectors (d,) by word, for the words that the file has. A fastText model has a vector for every word: that of
        an unseen word is computed from its subwords.

    Raises:
        CorpusError: The file does not exist, is damaged, or has another format.
    """
    wanted = dict.fromkeys(words)
    file = expanded(path)
    try:
        with _open(file) as stream:
            start = stream.read(4)
        if start == _FASTTEXT_MAGIC:
            return _read_fasttext_model(file, wanted, extra_words)
        if start[:1] == _PICKLE_MAGIC:
            raise CorpusError(
                f"{file}: expected vectors as text or word2vec binary, found a pickle, which may run code"
            )
        if _is_binary(file):
            return _read_word2vec_binary(file, wanted, extra_words)
        return _read_text(file, wanted, extra_words)
    except (OSError, EOFError) as error:
        raise CorpusError(f"{file}: expected word vectors, found {_reason(error)}") from None


def _open(file: Path) -> IO[bytes]:
    return gzip.open(file, "rb") if file.suffix == ".gz" else open(file, "rb")  # type: ignore[return-value]


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or (str(error).splitlines() or [type(error).__name__])[0]


# Text formats


def _header(line: bytes) -> tuple[int, int] | None:
    """(words, width) of a header line (word2vec and fastText); None for any other first line (GloVe)."""
    fields = line.split()
    return (int(fields[0]), int(fields[1])) if len(fields) == 2 and all(map(bytes.isdigit, fields)) else None


def _is_binary(file: Path) -> bool:
    """Whether the content after the header is not text, but raw floats of word2vec."""
    with _open(file) as stream:
        if _header(stream.readline(_LONGEST_LINE)) is None:
            return False
        sample = stream.read(_SAMPLE)
    try:
        text = sample.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start < len(sample) - 3  # the sample may cut the last character
    return any(character < " " and character not in "\t\r\n" for character in text)


def _read_text(file: Path, wanted: dict[str, None], extra_words: int) -> dict[str, FloatArray]:
    spellings = _spellings(wanted)
    found: dict[str, FloatArray] = {}
    width = declared = None
    count, line, number = 0, b"", 0
    with _open(file) as stream:
        for number, line in enumerate(stream, 1):
            if number == 1 and (header := _header(line)) is not None:
                declared, width = header
                continue
            count += 1
            word, _, rest = line.partition(b" ")
            if width is None:
                width = len(rest.split())
            if count > extra_words and word not in spellings:
                continue
            values = _values(rest, width, f"{file}, line {number}")
            text = word.decode("utf-8", "replace")
            if values is not None and text not in found:
                found[text] = values
    if not count:
        raise CorpusError(f"{file}: expected word vectors, found {'only a header' if number else 'an empty file'}")
    assert width is not None
    _values(line.partition(b" ")[2], width, f"{file}, line {number}")  # the last line of a truncated file is short
    if declared is not None and count != declared:
        raise CorpusError(f"{file}: expected {declared} words, as its first line says, found {count}")
    return found


def _spellings(words: Iterable[str]) -> set[bytes]:
    """Words as spelt and in lower case, in UTF-8."""
    return {form.encode("utf-8", "surrogatepass") for word in words for form in (word, word.lower())}


def _values(rest: bytes, width: int, where: str) -> FloatArray | None:
    """Parse the vector (width,) after a word; None if it is longer, since some files have "words" with spaces.

    Raises:
        CorpusError: There are fewer values, or one is not a finite number.
    """
    fields = rest.split()
    if len(fields) > width > 0:
        return None
    try:
        values = np.array([float(field) for field in fields], dtype=np.float32)
    except ValueError:
        values = np.empty(0, dtype=np.float32)
    if width == 0 or len(values) != width or not np.isfinite(values).all():
        shown = rest[:40].decode("utf-8", "replace").strip()
        expected = f"{width} finite numbers" if width else "its numbers"
        raise CorpusError(f"{where}: expected a word and {expected}, found {len(fields)} after it: {shown!r}")
    return values


# Binary formats, read by gensim


def _read_word2vec_binary(file: Path, wanted: dict[str, None], extra_words: int) -> dict[str, FloatArray]:
    from gensim.models import KeyedVectors

    try:
        vectors = KeyedVectors.load_word2vec_format(str(file), binary=True, unicode_errors="replace")
    except (ValueError, AssertionError, MemoryError) as error:
        raise CorpusError(f"{file}: expected word2vec's binary format, found {_reason(error)}") from None
    forms = (form for word in wanted for form in (word, word.lower()) if form in vectors)
    return _checked(file, {form: vectors[form] for form in _with_first(forms, vectors, extra_words)})


def _read_fasttext_model(file: Path, wanted: dict[str, None], extra_words: int) -> dict[str, FloatArray]:
    from gensim.models.fasttext import load_facebook_vectors

    if file.suffix == ".gz":
        raise CorpusError(f"{file}: expected an uncompressed fastText model, found a compressed file")
    _check_fasttext_model(file)
    try:
        vectors = load_facebook_vectors(str(file))
    except (ValueError, AssertionError, MemoryError, NotImplementedError, struct.error) as error:
        raise CorpusError(f"{file}: expected a fastText model, found {_reason(error)}") from None
    return _checked(file, {word: vectors.get_vector(word) for word in _with_first(wanted, vectors, extra_words)})


def _check_fasttext_model(file: Path) -> None:
    """Check that a model is complete up to the end of its vectors; gensim does not return from a truncated file.

    Raises:
        CorpusError: The file is truncated, or has labels (a classifier) or quantised vectors, which gensim does not
            read.
    """
    with open(file, "rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
        try:
            num_entries, _, num_labels, _, num_pruned = struct.unpack_from("<3i2q", content, _FASTTEXT_HEADER)
            position = _FASTTEXT_HEADER + struct.calcsize("<3i2q")
            for _ in range(num_entries):
                end_of_word = content.find(b"\0", position)
                if end_of_word < 0:
                    raise EOFError
                position = end_of_word + 1 + struct.calcsize("<qb")  # count and type of the word
            quantised, rows, width = struct.unpack_from("<?2q", content, position + 8 * max(num_pruned, 0))
            end = position + 8 * max(num_pruned, 0) + struct.calcsize("<?2q") + 4 * rows * width
        except (struct.error, EOFError):
            raise CorpusError(f"{file}: expected a fastText model, found one cut off at {len(content)} bytes") from None
        if num_labels or quantised:
            found = "a classifier" if num_labels else "quantised vectors"
            raise CorpusError(f"{file}: expected a fastText model of plain word vectors, found {found}")
        if len(content) < end:
            raise CorpusError(f"{file}: expected a fastText model of {end} bytes or more, found {len(content)}")


def _with_first(words: Iterable[str], vectors: Any, extra_words: int) -> Iterator[str]:
    yield from words
    yield from vectors.index_to_key[:extra_words]


def _checked(file: Path, found: dict[str, Any]) -> dict[str, FloatArray]:
    """Check that vectors are finite, and copy them, so that the matrix of the whole file can be freed."""
    for word, vector in found.items():
        if not np.isfinite(vector).all():
            raise CorpusError(f"{file}: expected finite numbers, found others in the vector of {word!r}")
    return {word: np.array(vector, dtype=np.float32) for word, vector in found.items()}
