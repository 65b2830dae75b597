"""Words divided into the pieces of a transformer, and sentences into chunks that fit it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from elmo_lite import CheckpointError

MAX_WORDS = 65536
"""Number of words whose pieces are remembered."""


@dataclass
class Chunk:
    """Consecutive words of a sentence that the transformer reads at once."""

    first_word: int
    """Number of the first word in the sentence."""
    pieces: list[int] = field(default_factory=list)
    """Numbers of the pieces of all words, without special ones."""
    starts: list[int] = field(default_factory=list)
    """Place of the first piece of each word."""


class WordPieces:
    """A tokenizer, asked for the pieces of each distinct word once."""

    def __init__(self, tokenizer: Any, max_pieces: int) -> None:
        """Wrap a tokenizer.

        Args:
            tokenizer: Tokenizer of the package transformers.
            max_pieces: Number of pieces that the model reads at once, special ones included, such as 512.

        Raises:
            CheckpointError: The tokenizer changes a word where it adds special pieces.
        """
        self._tokenizer = tokenizer
        self._known: dict[str, list[int]] = {}
        self.padding = tokenizer.pad_token_id or 0
        self._unknown = tokenizer.unk_token_id if tokenizer.unk_token_id is not None else self.padding
        plain, framed = (self._encoded(["a"], special)[0] for special in (False, True))
        start = next((k for k in range(len(framed)) if framed[k : k + len(plain)] == plain), None)
        if start is None:
            raise CheckpointError("tokenizer: expected special pieces before and after words, found others")
        self.before, self.after = framed[:start], framed[start + len(plain) :]
        """Special pieces before and after a chunk."""
        self.room = max_pieces - len(self.before) - len(self.after)
        """Number of pieces of words in a chunk."""

    def chunks(self, words: Sequence[str]) -> Iterator[Chunk]:
        """Divide a sentence into chunks of whole words, as few as possible.

        A word of more pieces than a chunk holds is represented by its first ones; a word without pieces, such as an
        invisible character, by the unknown piece.
        """
        self._learn(words)
        chunk = Chunk(0)
        for number, word in enumerate(words):
            pieces = self._known[word][: self.room] or [self._unknown]
            if chunk.starts and len(chunk.pieces) + len(pieces) > self.room:
                yield chunk
                chunk = Chunk(number)
            chunk.starts.append(len(chunk.pieces))
            chunk.pieces += pieces
        if chunk.starts:
            yield chunk

    def _learn(self, words: Sequence[str]) -> None:
        if len(self._known) > MAX_WORDS:
            self._known.clear()
        new = [word for word in dict.fromkeys(words) if word not in self._known]
        if new:
            self._known.update(zip(new, self._encoded(new, special=False), strict=True))

    def _encoded(self, words: Sequence[str], special: bool) -> list[list[int]]:
        """The pieces of each word, as if it stood in a sentence."""
        storable = [[word.encode("utf-8", "replace").decode("utf-8")] for word in words]
        found: list[list[int]] = self._tokenizer(
            storable, is_split_into_words=True, add_special_tokens=special, verbose=False
        )["input_ids"]
        return found
