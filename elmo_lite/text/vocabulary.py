"""Vocabulary: the classes that the language model predicts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from elmo_lite.errors import CheckpointError, one_line
from elmo_lite.metadata import read_bytes

BOUNDARY = "</S>"
UNKNOWN = "<unk>"
BOUNDARY_CLASS = 0
UNKNOWN_CLASS = 1


class Vocabulary:
    """Classes: 0 is the boundary token, 1 the unknown word, then words in descending order of frequency.

    Both directions predict the boundary token: the forward model as EOS, the backward model as BOS. A literal ``<unk>``
    in a corpus is the unknown class, as in prepared corpora (WikiText, PTB).
    """

    def __init__(self, words: Sequence[str]) -> None:
        """Make the classes.

        Args:
            words: Distinct words in descending order of frequency, without the two special classes.

        Raises:
            CheckpointError: A word occurs twice.
        """
        self.entries: tuple[str, ...] = (BOUNDARY, UNKNOWN, *words)
        self._class_of = {word: index for index, word in enumerate(self.entries) if index != BOUNDARY_CLASS}
        if len(self._class_of) != len(self.entries) - 1:
            raise CheckpointError("vocabulary: expected distinct words, found a word twice")

    @classmethod
    def from_counts(cls, words: Iterable[str], size: int) -> Vocabulary:
        """The vocabulary of the most frequent words.

        Args:
            words: Distinct words in descending order of frequency.
            size: Maximum number of classes, the two special ones included.
        """
        chosen: list[str] = []
        for word in words:
            if len(chosen) >= size - 2:
                break
            if word != UNKNOWN:
                chosen.append(word)
        return cls(chosen)

    def __repr__(self) -> str:
        """Size and first classes in one line."""
        first = ", ".join(map(repr, self.entries[:5]))
        return f"Vocabulary({len(self.entries):,} classes: {first}{', ...' if len(self.entries) > 5 else ''})"

    def __len__(self) -> int:
        """Number of classes."""
        return len(self.entries)

    def __iter__(self) -> Iterator[str]:
        """Iterate over the spellings in order of class."""
        return iter(self.entries)

    def class_of(self, word: str) -> int:
        """The class of a word, or 1 if it is unknown."""
        return self._class_of.get(word, UNKNOWN_CLASS)

    def save(self, path: Path) -> None:
        """Write one spelling per line, in order of class."""
        path.write_text("".join(f"{entry}\n" for entry in self.entries), encoding="utf-8", newline="\n")

    @classmethod
    def load(cls, path: Path) -> Vocabulary:
        """Load a vocabulary that ``save`` wrote.

        Raises:
            CheckpointError: The file cannot be read, lacks the special classes on its first lines, or has a word twice.
        """
        # Read as bytes: in text mode, a carriage return in a word would end its line.
        try:
            entries = read_bytes(path).decode("utf-8").split("\n")
        except (OSError, UnicodeDecodeError) as error:
            raise CheckpointError(f"{path}: expected a vocabulary in UTF-8, found {one_line(error)}") from None
        if entries[:2] != [BOUNDARY, UNKNOWN] or entries[-1] != "":
            raise CheckpointError(f"{path}: expected lines {BOUNDARY} and {UNKNOWN} first, found {entries[:2]}")
        return cls(entries[2:-1])
