"""The classes that the language model predicts: words by falling count."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from elmo_lite.errors import CheckpointError

BOUNDARY = "</S>"
UNKNOWN = "<unk>"
BOUNDARY_CLASS = 0
UNKNOWN_CLASS = 1


class Vocabulary:
    """Classes 0 = sentence boundary, 1 = unknown word, then words by falling count.

    Both directions predict one class at a sentence's edge: the forward model its end, the backward model its begin.
    A literal ``<unk>`` in a corpus is the unknown class, as prepared corpora (WikiText, PTB) mean it.
    """

    def __init__(self, words: Sequence[str]) -> None:
        """Make the classes of ``words``, distinct and by falling count, without the two special ones."""
        self.entries: tuple[str, ...] = (BOUNDARY, UNKNOWN, *words)
        self._class_of = {word: index for index, word in enumerate(self.entries) if index != BOUNDARY_CLASS}
        if len(self._class_of) != len(self.entries) - 1:
            raise CheckpointError("vocabulary: expected distinct words, found a word twice")

    @classmethod
    def from_counts(cls, words: Iterable[str], size: int) -> Vocabulary:
        """The first classes of words that come by falling count, ``size`` in all with the two special ones."""
        chosen: list[str] = []
        for word in words:
            if len(chosen) >= size - 2:
                break
            if word != UNKNOWN:
                chosen.append(word)
        return cls(chosen)

    def __len__(self) -> int:
        """Number of classes."""
        return len(self.entries)

    def __iter__(self) -> Iterator[str]:
        """Spellings by class number."""
        return iter(self.entries)

    def class_of(self, word: str) -> int:
        """The class number of a word; 1 where it is unknown."""
        return self._class_of.get(word, UNKNOWN_CLASS)

    def save(self, path: Path) -> None:
        """Write one spelling a line, by class number."""
        path.write_text("".join(f"{entry}\n" for entry in self.entries), encoding="utf-8", newline="\n")

    @classmethod
    def load(cls, path: Path) -> Vocabulary:
        """Read what ``save`` wrote.

        Raises:
            CheckpointError: the file cannot be read, lacks the special classes on its first lines, or has a word twice.
        """
        # By bytes: reading as text would take a carriage return in a word for the end of its line.
        try:
            entries = path.read_bytes().decode("utf-8").split("\n")
        except (OSError, UnicodeDecodeError) as error:
            raise CheckpointError(f"{path}: expected a vocabulary in UTF-8: {error}") from None
        if entries[:2] != [BOUNDARY, UNKNOWN] or entries[-1] != "":
            raise CheckpointError(f"{path}: expected lines {BOUNDARY} and {UNKNOWN} first, found {entries[:2]}")
        return cls(entries[2:-1])
