"""Text to sentences and words: one way for building a corpus and for using a model.

``whitespace`` is for text that is tokenised already: a line is a sentence, words stand between blanks. ``words`` is for
raw text in any language, by the rules of ``segmentation``.

Unicode: with ``NFC`` each word is normalised after splitting, so that offsets always refer to the text as given.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Any, Literal

from elmo_lite.errors import ConfigError
from elmo_lite.text.segmentation import RULES_VERSION, chunk_lookup, pieces, split_line


@dataclass(frozen=True, kw_only=True)
class Tokenization:
    """How text becomes sentences and words; stored with every corpus and every saved model."""

    kind: Literal["whitespace", "words"] = "words"
    """``whitespace``: a sentence a line, words between blanks. ``words``: raw text."""
    normalization: Literal["none", "NFC"] | None = None
    """Unicode form of each word; where not given, NFC for ``words`` and none for ``whitespace``."""

    def __post_init__(self) -> None:
        """Check the names and choose the default normalisation."""
        if self.kind not in ("whitespace", "words"):
            raise ConfigError(f"tokenization.kind: expected whitespace or words, found {self.kind!r}")
        if self.normalization is None:
            object.__setattr__(self, "normalization", "NFC" if self.kind == "words" else "none")
        if self.normalization not in ("none", "NFC"):
            raise ConfigError(f"tokenization.normalization: expected none or NFC, found {self.normalization!r}")

    def normalize(self, word: str) -> str:
        """A word in the Unicode form that the corpus has."""
        return word if self.normalization == "none" or word.isascii() else unicodedata.normalize("NFC", word)

    def words(self, text: str) -> list[str]:
        """The words of a text, its sentences ignored."""
        if self.kind == "whitespace":
            return [self.normalize(word) for word in text.split()]
        lookup = chunk_lookup(self.normalization == "NFC")
        return [word for chunk in text.split() for word in lookup(chunk).words]

    def words_with_offsets(self, text: str) -> list[tuple[str, int, int]]:
        """(word, start, end) with offsets in characters of ``text`` as given, before normalisation."""
        found: list[tuple[str, int, int]] = []
        position = 0
        for chunk in text.split():
            position = text.index(chunk, position)
            words = [(chunk, 0, len(chunk))] if self.kind == "whitespace" else pieces(chunk)
            found.extend((self.normalize(word), position + start, position + end) for word, start, end in words)
            position += len(chunk)
        return found

    def sentences(self, text: str, *, keep_empty: bool = False) -> list[list[str]]:
        """The sentences of a text as lists of words.

        Args:
            text: any number of lines, ended by LF or CRLF.
            keep_empty: a blank line gives an empty sentence instead of none.
        """
        lines = text.split("\n")
        if lines[-1] == "":
            lines.pop()  # a line break ends a line; it does not begin another
        return [sentence for line in lines for sentence in self.line_sentences(line) or ([[]] if keep_empty else [])]

    def line_sentences(self, line: str) -> list[list[str]]:
        """The sentences of one line; none where it is blank."""
        if self.kind == "whitespace":
            words = self.words(line)
            return [words] if words else []
        return list(split_line(line, chunk_lookup(self.normalization == "NFC")))

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {"kind": self.kind, "normalization": self.normalization, "rules": RULES_VERSION}

    @classmethod
    def from_dict(cls, settings: dict[str, Any]) -> Tokenization:
        """Rebuild from ``to_dict``'s output.

        Raises:
            ConfigError: an unknown key or value, or rules that are newer than this version's.
        """
        known = dict(settings)
        rules = known.pop("rules", RULES_VERSION)
        if not isinstance(rules, int) or rules > RULES_VERSION:
            raise ConfigError(f"tokenization.rules: expected at most {RULES_VERSION}, found {rules!r}")
        try:
            return cls(**known)
        except TypeError:
            raise ConfigError(f"tokenization: expected kind and normalization, found {sorted(known)}") from None
