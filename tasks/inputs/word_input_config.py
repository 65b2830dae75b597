"""Settings of the word vectors of a task. Every field is a flag of the commands that train."""

from __future__ import annotations

from dataclasses import dataclass

from elmo_lite.errors import require, require_range
from elmo_lite.nn import WIDEST
from elmo_lite.text import MAX_CHARACTERS


@dataclass(frozen=True, kw_only=True)
class WordInputConfig:
    """Word vectors of the task itself, beside the contextual ones."""

    words: str = "trainable"
    """Word vectors: none; trainable, for vectors of the training words, learned with the task; or a file (GloVe,
    word2vec, fastText)."""
    word_dim: int = 100
    """Width of trainable vectors; those of a file have their own."""
    chars: bool = True
    """Add a character CNN that is trained with the task."""
    char_filters: int = 64
    """Number of filters of the character CNN, and width of its vectors."""
    char_width: int = 3
    """Width of a filter in bytes, in 1..50."""
    spelling: bool = True
    """Add vectors that are the sum of learned ones of the word in lower case, its prefixes, its suffixes and its
    shape."""
    spelling_dim: int = 64
    """Width of the vectors of spelling."""
    dropout: float = 0.5
    """Dropout probability of all these vectors, and of each part of a word's spelling, in [0, 1)."""
    train_vectors: bool = True
    """Train the vectors of a file, instead of keeping them fixed."""
    unknown_rate: float = 0.5
    """Probability in [0, 1] that a word seen once is read as unknown in training; trainable vectors only."""
    extra_words: int = 20000
    """Number of words to keep of a file beside those of the data, from its beginning, for use on other text."""

    def __post_init__(self) -> None:
        """Check ranges."""
        for name in ("word_dim", "char_filters", "spelling_dim"):
            require_range(getattr(self, name), name, 1, WIDEST)
        require(1 <= self.char_width <= MAX_CHARACTERS, "char_width", f"1..{MAX_CHARACTERS}", self.char_width)
        require(0 <= self.dropout < 1, "dropout", "a probability in [0, 1)", self.dropout)
        require(0 <= self.unknown_rate <= 1, "unknown_rate", "a probability in [0, 1]", self.unknown_rate)
        require(self.extra_words >= 0, "extra_words", "0 or more", self.extra_words)
        require(self.words != "", "words", "none, trainable or a file of vectors", self.words)

    @property
    def has_file(self) -> bool:
        """Whether the word vectors come from a file."""
        return self.words not in ("none", "trainable")

    @property
    def learns_vectors(self) -> bool:
        """Whether the word vectors are trained."""
        return self.words == "trainable" or (self.has_file and self.train_vectors)
