"""Word vectors from files: GloVe, word2vec and fastText, as their own programs write them.

Text files are read line by line and only the words that are wanted are kept, so memory does not grow with the file, and
an error can name its line. gensim reads the binary ones; it reads the text ones too, with the same result, but keeps
everything and is several times slower (200,000 words of 100 numbers: 15 s against 2 s).
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

FloatArray = npt.NDArray[np.float32]

_FASTTEXT_MAGIC = struct.pack("<i", 793712314)
_FASTTEXT_HEADER = struct.calcsize("<14id")
"""Bytes: magic number, version and settings (https://github.com/facebookresearch/fastText: args.cc, Args::save)."""
_PICKLE_MAGIC = b"\x80"
_LONGEST_LINE = 1 << 20
"""Bytes; a longer first line is no header."""
_SAMPLE = 4096
"""Bytes that tell floats from text."""


def read_vectors(path: str | os.PathLike[str], words: Iterable[str], extra_words: int = 0) -> dict[str, FloatArray]:
    """Vectors of words.

    Args:
        path: GloVe, word2vec or fastText text (also ``.gz``), word2vec binary, or a fastText model (``.bin``).
        words: the words that are wanted, as they are spelt and in lower case.
        extra_words: how many of the file's first words, usually the most frequent ones, to add.

    Returns:
        (d,) by word, for the words that the file has. A fastText model has every word: an unseen
        one's vector comes from its subwords.

    Raises:
        CorpusError: there is no such file, it is damaged, or its format is another one.
    """
    wanted = dict.fromkeys(words)
    file = Path(path).expanduser()
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


# Text


def _header(line: bytes) -> tuple[int, int] | None:
    """(words, width) of a first line that says so, as word2vec's and fastText's do; None for GloVe's."""
    fields = line.split()
    return (int(fields[0]), int(fields[1])) if len(fields) == 2 and all(map(bytes.isdigit, fields)) else None


def _is_binary(file: Path) -> bool:
    """Whether what follows the header is no text: word2vec's raw floats."""
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
        raise CorpusError(
            f"{file}: expected word vectors, found {'no more than a header' if number else 'an empty file'}"
        )
    assert width is not None
    _values(line.partition(b" ")[2], width, f"{file}, line {number}")  # of a file cut off, the last line is short
    if declared is not None and count != declared:
        raise CorpusError(f"{file}: expected {declared} words, as its first line says, found {count}")
    return found


def _spellings(words: Iterable[str]) -> set[bytes]:
    """Words as given and in lower case, as bytes."""
    return {form.encode("utf-8", "surrogatepass") for word in words for form in (word, word.lower())}


def _values(rest: bytes, width: int, where: str) -> FloatArray | None:
    """(width,) of what follows a word; None where more follows: some files have a few "words" with blanks in them.

    Raises:
        CorpusError: fewer numbers, something else, or one that is not finite.
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


# What gensim reads


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
        raise CorpusError(f"{file}: expected a fastText model unpacked, found it compressed")
    _check_fasttext_model(file)
    try:
        vectors = load_facebook_vectors(str(file))
    except (ValueError, AssertionError, MemoryError, NotImplementedError, struct.error) as error:
        raise CorpusError(f"{file}: expected a fastText model, found {_reason(error)}") from None
    return _checked(file, {word: vectors.get_vector(word) for word in _with_first(wanted, vectors, extra_words)})


def _check_fasttext_model(file: Path) -> None:
    """Walk over a model up to the end of its vectors: in a file cut off before, gensim looks for a word's end for ever.

    Raises:
        CorpusError: it is cut off, or has labels (a classifier) or quantised vectors, which gensim does not read.
    """
    with open(file, "rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
        try:
            num_entries, _, num_labels, _, num_pruned = struct.unpack_from("<3i2q", content, _FASTTEXT_HEADER)
            position = _FASTTEXT_HEADER + struct.calcsize("<3i2q")
            for _ in range(num_entries):
                end_of_word = content.find(b"\0", position)
                if end_of_word < 0:
                    raise EOFError
                position = end_of_word + 1 + struct.calcsize("<qb")  # its count and kind
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
    """Copies, so that the file's whole matrix can go."""
    for word, vector in found.items():
        if not np.isfinite(vector).all():
            raise CorpusError(f"{file}: expected finite numbers, found others in the vector of {word!r}")
    return {word: np.array(vector, dtype=np.float32) for word, vector in found.items()}
