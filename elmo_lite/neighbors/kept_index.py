"""The index of a command: opened where it was kept and still fits, built otherwise."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from elmo_lite.corpus.corpus import Corpus, is_corpus_directory
from elmo_lite.embedding.elmo import Elmo
from elmo_lite.errors import ElmoLiteError, require
from elmo_lite.files import STANDARD_INPUT, STANDARD_STREAM, describe_file, remove_leftovers
from elmo_lite.locks import hold
from elmo_lite.neighbors.contexts import Contexts, corpus_contexts, text_contexts
from elmo_lite.neighbors.index_builder import build_index
from elmo_lite.neighbors.index_metadata import INDEX, Selection
from elmo_lite.neighbors.occurrence_index import OccurrenceIndex
from elmo_lite.saved_model import encoder_hash
from elmo_lite.text.sources import find_sources
from elmo_lite.text.tokenization import Tokenization

log = logging.getLogger("elmo_lite")


@dataclass(frozen=True)
class IndexedText:
    """A text, or a corpus directory, and how it is read."""

    source: str
    """Path, glob or hub name, "-" for standard input, or a corpus directory."""
    tokenization: Tokenization
    text_field: str | None = None
    numbered_lines: bool = False
    corpus: Corpus | None = None
    """The corpus, if it is one."""

    @classmethod
    def open(
        cls, source: str, tokenization: Tokenization, text_field: str | None = None, numbered_lines: bool = False
    ) -> IndexedText:
        """Check that there is a text; a corpus directory brings its own tokenisation.

        Raises:
            CorpusError: There is no such text, or the corpus is damaged.
        """
        if not is_corpus_directory(source):
            find_sources([source])
            return cls(source, tokenization, text_field, numbered_lines)
        corpus = Corpus.open(source)
        return cls(source, corpus.tokenization, corpus=corpus)

    @property
    def name(self) -> str:
        """Its name in messages."""
        return STANDARD_INPUT if self.source == STANDARD_STREAM else self.source

    def contexts(self, selection: Selection, progress: bool = False) -> AbstractContextManager[Contexts]:
        """Read the sentences that an index of a selection needs."""
        words = selection.words if selection.min_count is None else None
        if self.corpus is not None:
            return corpus_contexts(self.corpus, words)
        return text_contexts(
            self.source, self.tokenization, words, self.text_field, self.numbered_lines, progress=progress
        )

    @cached_property
    def identity(self) -> dict[str, Any]:
        """What an index of this text is compared by: hashes of the files, and how they are read.

        Raises:
            ConfigError: It cannot be compared without reading it as a whole: a pipe or a data set of the hub.
        """
        if self.corpus is not None:
            return {"corpus": describe_file(Path(self.source) / "meta.json")}
        files = find_sources([self.source])
        is_file = self.source != STANDARD_STREAM and all(Path(file.name).is_file() for file in files)
        require(is_file, "--index", "an input that is a file or a corpus directory", self.source)
        return {
            "files": [describe_file(Path(file.name)) for file in files],
            "tokenization": self.tokenization.to_dict(),
            "text_field": self.text_field,
            "numbered_lines": self.numbered_lines,
        }


@contextmanager
def opened_index(
    elmo: Elmo,
    text: IndexedText,
    selection: Selection,
    directory: Path | None = None,
    *,
    progress: bool = False,
) -> Iterator[OccurrenceIndex]:
    """An index that holds a selection of the words of a text.

    Args:
        elmo: The model.
        text: The text.
        selection: The words.
        directory: Where the index is kept. One that was built by another model or from another text is replaced; where
            words are missing, it is built again with all of them. Defaults to a temporary directory.
        progress: Whether to show progress on standard error. Defaults to False.

    Raises:
        CorpusError: The text cannot be read, or a word does not occur in it.
        ConfigError: The directory holds something else, or another process is writing it.
    """
    if directory is None:
        with tempfile.TemporaryDirectory(prefix="elmo_lite-") as scratch, text.contexts(selection, progress) as found:
            place = Path(scratch) / "index"
            yield build_index(elmo, found, selection, place, progress=progress)
        return
    remove_leftovers(directory)  # of processes that were killed
    identity = text.identity  # before the text is read, as it may change meanwhile
    index = _fitting(directory, encoder_hash(elmo.bilm), text, selection)
    if isinstance(index, Selection):
        with hold(directory), text.contexts(index, progress) as found:
            index = build_index(elmo, found, index, directory, text=identity, progress=progress)
        log.info("%s: indexed %s occurrences", directory, f"{len(index):,}")
    yield index


def _fitting(directory: Path, encoder: str, text: IndexedText, selection: Selection) -> OccurrenceIndex | Selection:
    """The index at a directory if it fits, or what to index there otherwise.

    Raises:
        ConfigError: The directory holds something else.
    """
    if directory.exists() and not (directory / INDEX).exists():
        is_empty = directory.is_dir() and not any(directory.iterdir())
        require(is_empty, "--index", "an index of occurrences or nothing there", str(directory))
        return selection
    try:
        index = OccurrenceIndex.open(directory)
    except ElmoLiteError as error:
        if directory.exists():
            log.warning("%s; it is built again", error)
        return selection
    if index.metadata.encoder != encoder:
        found = f"hash {index.metadata.encoder[:12]}, not {encoder[:12]}"
        log.warning("%s: the index is of another model (%s); it is built again", directory, found)
        return selection
    if index.metadata.text != text.identity:
        log.warning("%s: the index is of another text than %s is now; it is built again", directory, text.source)
        return selection
    kept = index.metadata.selection
    counts = dict(zip(index.words, index.counts.tolist(), strict=True))
    if kept.covers(selection, counts):
        return index
    log.info("%s: the index is built again, with %s", directory, ", ".join(selection.words))
    return selection.with_words_of(kept)
