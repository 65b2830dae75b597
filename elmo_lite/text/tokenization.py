"""Tokenisation of text into sentences and words, the same for building a corpus and for using a model.

``whitespace`` is for tokenised text: each line is a sentence, and words are separated by whitespace. ``words`` is for
raw text in any language, by the rules of ``segmentation``; a segmenter, if there is one, finds the words of scripts
without spaces.

With ``NFC``, each word is normalised after splitting, so that offsets always refer to the text as given.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Literal

from elmo_lite.errors import ConfigError, require
from elmo_lite.fields import from_settings
from elmo_lite.text.normalization import to_nfc
from elmo_lite.text.segmentation import RULES_VERSION, Chunk, chunk_lookup, pieces, split_line
from elmo_lite.text.segmenters import SEGMENTERS, Segmenter, load_segmenter


@dataclass(frozen=True, kw_only=True)
class Tokenization:
    """Settings of the tokenisation, stored with every corpus and every saved model."""

    kind: Literal["whitespace", "words"] = "words"
    """``whitespace``: one sentence per line, words separated by whitespace. ``words``: raw text."""
    normalization: Literal["none", "NFC"] | None = None
    """Unicode normalisation of each word. Defaults to NFC for ``words`` and none for ``whitespace``."""
    segmenter: Segmenter | None = None
    """Package that finds words in scripts without spaces: ``jieba`` (Chinese), ``sudachi`` (Japanese), ``pythainlp``
    (Thai) or ``icu`` (all). It is imported when such text is split. Defaults to one word per character."""
    rules: int = field(default=RULES_VERSION, compare=False)
    """Version of the rules of ``words``. Versions differ in where sentences end, not in words, so that a model and a
    corpus of different ones fit together."""

    def __post_init__(self) -> None:
        """Check the settings and choose the default normalisation."""
        if self.kind not in ("whitespace", "words"):
            raise ConfigError(f"tokenization.kind: expected whitespace or words, found {self.kind!r}")
        if self.normalization is None:
            object.__setattr__(self, "normalization", "NFC" if self.kind == "words" else "none")
        if self.normalization not in ("none", "NFC"):
            raise ConfigError(f"tokenization.normalization: expected none or NFC, found {self.normalization!r}")
        is_known = 1 <= self.rules <= RULES_VERSION
        require(is_known, "tokenization.rules", f"1 to {RULES_VERSION}, or a newer elmo_lite", self.rules)
        if self.segmenter is not None:
            expected = f"one of {', '.join(SEGMENTERS)}"
            require(self.segmenter in SEGMENTERS, "tokenization.segmenter", expected, self.segmenter)
            if self.kind != "words":
                raise ConfigError(f"tokenization.segmenter: expected none with {self.kind}, found {self.segmenter!r}")

    def __str__(self) -> str:
        """The kind, and the segmenter if there is one."""
        return self.kind if self.segmenter is None else f"{self.kind} by {self.segmenter}"

    def with_kind(self, kind: Literal["whitespace", "words"] | None) -> Tokenization:
        """These settings if they are of this kind, or if it is None; otherwise the defaults of the kind."""
        return self if kind is None or kind == self.kind else Tokenization(kind=kind)

    def load(self) -> None:
        """Load the segmenter, if there is one, so that a missing one is an error now.

        Raises:
            ModuleNotFoundError: Its package is not installed. The message names the extra that installs it.
        """
        if self.segmenter is not None:
            load_segmenter(self.segmenter)

    def _lookup(self) -> Callable[[str], Chunk]:
        return chunk_lookup(self.normalization == "NFC", self.segmenter, self.rules)

    def normalize(self, word: str) -> str:
        """Apply the Unicode normalisation to a word."""
        return word if self.normalization == "none" or word.isascii() else to_nfc(word)

    def words(self, text: str) -> list[str]:
        """The words of a text, regardless of sentences.

        Raises:
            ModuleNotFoundError: The text needs the segmenter, which is not installed.
        """
        if self.kind == "whitespace":
            return [self.normalize(word) for word in text.split()]
        lookup = self._lookup()
        return [word for chunk in text.split() for word in lookup(chunk).words]

    def words_with_offsets(self, text: str) -> list[tuple[str, int, int]]:
        """The words of a text with their offsets.

        Args:
            text: The text.

        Returns:
            (word, start, end) of each word. Offsets count characters of ``text``, before normalisation.
        """
        found: list[tuple[str, int, int]] = []
        position = 0
        for chunk in text.split():
            position = text.index(chunk, position)
            words = [(chunk, 0, len(chunk))] if self.kind == "whitespace" else pieces(chunk, self.segmenter)
            found.extend((self.normalize(word), position + start, position + end) for word, start, end in words)
            position += len(chunk)
        return found

    def sentences_with_offsets(self, text: str) -> list[list[tuple[str, int, int]]]:
        """The sentences of a text, with the offsets of their words.

        Args:
            text: Any number of lines that end in LF or CRLF.

        Returns:
            The sentences of ``sentences``, each with (word, start, end) of its words, see ``words_with_offsets``.
        """
        words = iter(self.words_with_offsets(text))
        return [list(islice(words, len(sentence))) for sentence in self.sentences(text)]

    def sentences(self, text: str, *, keep_empty: bool = False) -> list[list[str]]:
        """The sentences of a text as lists of words.

        Args:
            text: Any number of lines that end in LF or CRLF.
            keep_empty: Whether a blank line is an empty sentence. Defaults to False.
        """
        lines = text.split("\n")
        if lines[-1] == "":
            lines.pop()  # a line break ends a line; it does not begin another
        return [sentence for line in lines for sentence in self.line_sentences(line) or ([[]] if keep_empty else [])]

    def line_sentences(self, line: str) -> list[list[str]]:
        """The sentences of one line; an empty list if it is blank."""
        if self.kind == "whitespace":
            words = self.words(line)
            return [words] if words else []
        return list(split_line(line, self._lookup()))

    def to_dict(self) -> dict[str, Any]:
        """Settings as JSON types, for ``from_dict``."""
        settings = {"kind": self.kind, "normalization": self.normalization, "rules": self.rules}
        return settings if self.segmenter is None else {**settings, "segmenter": self.segmenter}

    @classmethod
    def from_dict(cls, settings: Any) -> Tokenization:
        """Build from the output of ``to_dict``.

        Raises:
            ConfigError: A key or value is unknown, or the rules are newer than those of this version.
        """
        require(isinstance(settings, dict), "tokenization", "an object", settings)
        return from_settings(cls, {"rules": 1, **settings}, "tokenization")  # the first version did not store it
