"""Word vectors from files: GloVe, word2vec and fastText, in their original formats, recognised by content.

Text and word2vec's binary format are read word by word and only the requested words are kept, so that memory does not
grow with the file and an error names its place. Models of fastText are read by gensim. It reads the other formats too,
with the same result, but keeps all words, is several times slower (15 s instead of 2 s for 200,000 words of 100
dimensions), and fails on a binary file that has a word twice.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from elmo_lite import CorpusError
from elmo_lite.paths import expanded
from elmo_lite.text import content_lines, open_content
from tasks.inputs.binary_vectors import FASTTEXT_MAGIC, FloatArray, read_fasttext_model, word2vec_entries

log = logging.getLogger("elmo_lite")

_PICKLE_MAGIC = b"\x80"
_LONGEST_HEADER = 1 << 10
"""Maximum number of bytes of a header line."""
_SAMPLE = 4096
"""Number of bytes that are examined to tell floats from text."""


def read_vectors(path: str | os.PathLike[str], words: Iterable[str], extra_words: int = 0) -> dict[str, FloatArray]:
    """Read vectors of words from a file. Of a word that occurs twice, the first vector is read.

    Args:
        path: File of GloVe, word2vec or fastText text, or word2vec binary, plain or compressed, or a fastText model
            (``.bin``).
        words: Words to look up, as spelt and in lower case.
        extra_words: Number of words to add from the beginning of the file, usually the most frequent ones.

    Returns:
        Vectors (d,) by word, for the words that the file has. A fastText model with subwords has a vector for every
        word: that of an unseen word is computed from its subwords.

    Raises:
        CorpusError: The file does not exist, is damaged, or has another format.
    """
    wanted = dict.fromkeys(words)
    file = expanded(path)
    found = _read(file, wanted, extra_words)
    num_covered = sum(word in found or word.lower() in found for word in wanted)
    share = f"{num_covered:,} of {len(wanted):,} distinct words ({num_covered / max(1, len(wanted)):.1%})"
    log.info("%s: vectors for %s", file, share)
    return found


def _read(file: Path, wanted: dict[str, None], extra_words: int) -> dict[str, FloatArray]:
    """Read vectors in the format of the file."""
    with open_content(file) as content:
        start = content.read(4)
    if start == FASTTEXT_MAGIC:
        return _checked(file, read_fasttext_model(file, wanted, extra_words))
    if start[:1] == _PICKLE_MAGIC:
        raise CorpusError(f"{file}: expected vectors as text or word2vec binary, found a pickle, which may run code")
    if _is_binary(file):
        return _checked(file, _read_word2vec_binary(file, wanted, extra_words))
    return _read_text(file, wanted, extra_words)


def _spellings(words: Iterable[str]) -> set[bytes]:
    """Words as spelt and in lower case, in UTF-8."""
    return {form.encode("utf-8", "surrogatepass") for word in words for form in (word, word.lower())}


class _Found(dict[str, FloatArray]):
    """Vectors by word; the first of each word counts."""

    def __init__(self) -> None:
        super().__init__()
        self.repeated: set[str] = set()

    def add(self, word: bytes, vector: FloatArray) -> None:
        """Add a vector, unless the word has one."""
        text = word.decode("utf-8", "replace")
        if text in self:
            self.repeated.add(text)
        else:
            self[text] = vector

    def report(self, file: Path) -> None:
        """Log how many of the words have several vectors."""
        if count := len(self.repeated):
            log.info("%s: of %s, the first vector is read", file, f"{count:,} words that occur more than once")


# Text formats


def _header(line: bytes) -> tuple[int, int] | None:
    """(words, width) of a header line (word2vec and fastText); None for any other first line (GloVe)."""
    fields = line.split()
    are_numbers = len(fields) == 2 and all(field.isdigit() and len(field) < 19 for field in fields)
    return (int(fields[0]), int(fields[1])) if are_numbers else None


def _is_binary(file: Path) -> bool:
    """Whether the content after the header is not text, but raw floats of word2vec."""
    with open_content(file) as content:
        if _header(content.readline(_LONGEST_HEADER)) is None:
            return False
        sample = content.read(_SAMPLE)
    try:
        text = sample.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start < len(sample) - 3  # the sample may cut the last character
    return any(character < " " and character not in "\t\r\n" for character in text)


def _read_text(file: Path, wanted: dict[str, None], extra_words: int) -> dict[str, FloatArray]:
    spellings = _spellings(wanted)
    found = _Found()
    width = declared = None
    count, line, number, separator = 0, b"", 0, b""
    with open_content(file) as content:
        for number, line in enumerate(content_lines(content, file), 1):
            if number == 1 and (header := _header(line)) is not None:
                declared, width = header
                continue
            count += 1
            separator = separator or (b"\t" if b"\t" in line.partition(b" ")[0].strip() else b" ")
            word, _, rest = line.partition(separator)
            if width is None:
                width = len(rest.split())
            if count > extra_words and word not in spellings:
                continue
            values = _values(rest, width, f"{file}, line {number}")
            if values is not None:
                found.add(word, values)
    if not count:
        raise CorpusError(f"{file}: expected word vectors, found {'only a header' if number else 'an empty file'}")
    assert width is not None
    _values(line.partition(separator)[2], width, f"{file}, line {number}")  # the last line of a truncated file is short
    if declared is not None and count != declared:
        raise CorpusError(f"{file}: expected {declared} words, as its first line says, found {count}")
    found.report(file)
    return found


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


# Binary formats


def _read_word2vec_binary(file: Path, wanted: dict[str, None], extra_words: int) -> dict[str, FloatArray]:
    spellings = _spellings(wanted)
    found = _Found()
    with open_content(file) as content:
        header = _header(content.readline(_LONGEST_HEADER))
        assert header is not None
        for count, (word, vector) in enumerate(word2vec_entries(content, file, *header), 1):
            if count <= extra_words or word in spellings:
                found.add(word, np.frombuffer(vector, dtype="<f4").astype(np.float32))
    found.report(file)
    return found


def _checked(file: Path, found: dict[str, FloatArray]) -> dict[str, FloatArray]:
    """Check that vectors are finite."""
    for word, vector in found.items():
        if not np.isfinite(vector).all():
            raise CorpusError(f"{file}: expected finite numbers, found others in the vector of {word!r}")
    return found
