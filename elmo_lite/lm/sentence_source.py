"""The sentences that ``evaluate`` scores, one by one, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from elmo_lite.corpus.blocks import encode_block
from elmo_lite.corpus.corpus import BOUNDARY_ID, Corpus, is_corpus_directory
from elmo_lite.errors import CheckpointError, CorpusError
from elmo_lite.text.samples import warn_of_beginnings
from elmo_lite.text.sources import find_sources
from elmo_lite.text.tokenization import Tokenization


@dataclass
class SentenceSource:
    """Text files, or a corpus directory whose held-out part is read; a wrong path is an error at once."""

    text: str
    """Path, glob or hub name, ``-`` for standard input, or a corpus directory."""
    tokenizer: Literal["whitespace", "words"] | None = None
    """Kind of tokenisation. Defaults to that of the model."""
    text_field: str | None = None
    """Field of records. Defaults to the only one of text, words and tokens that a record has."""
    keep_empty_lines: bool = False
    """Whether a blank line is an empty sentence."""
    numbered_lines: bool = False
    """Whether to remove a number and a TAB at the beginning of each line of text."""
    corpus: Corpus | None = field(init=False, default=None)
    """The corpus, if ``text`` is one."""

    def __post_init__(self) -> None:
        """Look for the text."""
        if is_corpus_directory(self.text):
            self.corpus = Corpus.open(self.text)
        else:
            warn_of_beginnings(find_sources([self.text], numbered_lines=self.numbered_lines))

    def sentences(self, tokenization: Tokenization) -> Iterator[list[str]]:
        """Read the sentences as lists of words.

        Args:
            tokenization: Tokenisation of the model.

        Raises:
            CorpusError: The text cannot be read or has no sentence, or the corpus has no held-out part.
            CheckpointError: The tokenisation of the corpus is another one.
        """
        if self.corpus is None:
            yield from self._of_text(tokenization.with_kind(self.tokenizer))
            return
        check_tokenization(self.corpus, tokenization)
        words, ids = self.corpus.words, self.corpus.held_out
        if len(ids) < 2:
            raise CorpusError(f"{self.corpus.directory}: expected a held-out part, found none")
        ends = np.flatnonzero(np.asarray(ids) == BOUNDARY_ID).tolist()
        for start, end in zip(ends[:-1], ends[1:], strict=True):
            yield [words[number - 1] for number in ids[start + 1 : end].tolist()]

    def _of_text(self, tokenization: Tokenization) -> Iterator[list[str]]:
        is_empty = True
        for source in find_sources([self.text], numbered_lines=self.numbered_lines):
            for block in source.blocks(self.text_field):
                encoded = encode_block(block, tokenization, self.text_field, self.keep_empty_lines)
                words = encoded.words.decode().split("\n")
                ids, start = np.frombuffer(encoded.ids, dtype=np.int32), 0
                for end in np.flatnonzero(ids == BOUNDARY_ID).tolist():
                    yield [words[number - 1] for number in ids[start:end].tolist()]
                    start, is_empty = end + 1, False
        if is_empty:
            raise CorpusError(f"{self.text}: expected at least one sentence, found none")


def check_tokenization(corpus: Corpus, tokenization: Tokenization) -> None:
    """Check that the words of a corpus are those that a model reads.

    Raises:
        CheckpointError: The tokenisation of the corpus differs from that of the model.
    """
    if corpus.tokenization != tokenization:
        raise CheckpointError(
            f"{corpus.directory}: expected the model's tokenization {tokenization.to_dict()}, "
            f"found {corpus.tokenization.to_dict()}"
        )
