"""Labelled texts of files and hub data sets, and what kind of source these are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from elmo_lite import CorpusError
from elmo_lite.text import Kind, decoded_lines, is_data_set_name, kind_of
from tasks.sentiment import trees
from tasks.sentiment.tables import Columns, Row, RowReader, looks_like_table

SplitWords = Callable[[str], list[str]]
"""Tokenisation: a function from text to words."""


@dataclass(frozen=True, kw_only=True)
class DataConfig:
    """Reading of labelled texts."""

    classes: Literal[2, 5] = 5
    """Number of classes of trees: all 5, or 2 without neutral sentences."""
    phrases: bool = False
    """Train on the phrases inside trees too, each phrase and label once: about 20 times as many examples."""
    text_column: str | None = None
    """Column of the text in tables, JSON lines and data sets of the hub; a number from 1 if the file has no header.
    Detected by default."""
    label_column: str | None = None
    """Column of the label, given in the same way. Detected by default."""

    def columns(self, needs_label: bool = True) -> Columns:
        """The columns for the readers of tables."""
        return Columns(self.text_column, self.label_column, needs_label)


@dataclass(frozen=True)
class LabelledText:
    """The words of a sentence or short text, with its label and its place in the source."""

    words: tuple[str, ...]
    label: str
    """Label. Empty in prediction if it is missing."""
    text: str = ""
    """Original text, or the words joined by blanks."""
    source: str = ""
    """Path or name of the source."""
    line: int = 0
    """Line in the file, or number of the record or text, from 1."""
    unit: str = "line"
    """Unit of ``line``: "line", "record" or "text"."""
    document: int = 0
    """Number of the tree that it is a phrase of, or of its document, from 1; 0 for a text of its own."""
    is_phrase: bool = False
    """Whether it is a phrase inside a sentence, to learn from alone."""

    @property
    def where(self) -> str:
        """Place of the text, for errors."""
        return f"{self.source}, {self.unit} {self.line}"


def source_kind(source: str) -> Kind | Literal["trees"]:
    """The kind of a source, by its content."""
    if is_data_set_name(source):
        return "hub"
    kind = kind_of(source)
    if kind == "columns" and Path(source).suffix.lower() == ".tsv":
        return "tsv"
    if kind in ("text", "columns"):
        return "trees" if trees.holds_trees(Path(source)) else _table_kind(Path(source))
    return kind


def _table_kind(path: Path) -> Kind:
    """The kind of a table with a name that does not tell, or text."""
    if not looks_like_table(path):
        return "text"
    return "tsv" if "\t" in next(text for _, text in decoded_lines(path) if text.strip()) else "csv"


def open_source(
    source: str, config: DataConfig, split_words: SplitWords, training: bool, needs_label: bool = True
) -> tuple[Iterator[tuple[LabelledText, bool]], object]:
    """Examples, each with whether it is a phrase inside a sentence, and what the source is read as."""
    kind = source_kind(source)
    if kind == "trees":
        return _tree_examples(Path(source), config, training and config.phrases), "trees"
    if kind == "text":
        first = next((text.strip() for _, text in decoded_lines(source) if text.strip()), None)
        if first is None:
            return iter(()), kind
        expected = "labelled trees such as (3 (2 It) (4 works)), or a table, JSON or Parquet"
        raise CorpusError(f"{source}, line 1: expected {expected}, found {first[:40]!r}")
    reader = RowReader(source, kind, config.columns(needs_label))
    unit = "record" if kind in ("json", "parquet", "hub") else "line"
    return ((labelled(row, source, split_words, unit), False) for row in reader), reader


def _tree_examples(path: Path, config: DataConfig, with_phrases: bool) -> Iterator[tuple[LabelledText, bool]]:
    for line, text in decoded_lines(path):
        if not text.strip():
            continue
        tree = trees.parse_tree(text, f"{path}, line {line}")
        for phrase, label in trees.labelled_phrases(tree, config.classes, with_phrases):
            words = tree.words[phrase.start : phrase.end]
            is_inner = phrase is not tree.phrases[-1]
            document = line if with_phrases else 0
            yield LabelledText(words, label, " ".join(words), str(path), line, "line", document, is_inner), is_inner


def labelled(row: Row, source: str, split_words: SplitWords, unit: str = "line") -> LabelledText:
    """Split the text of a row into words. A blank text has none.

    Raises:
        CorpusError: A word of a list is empty.
    """
    words = split_words(row.text) if isinstance(row.text, str) else row.text
    text = row.text if isinstance(row.text, str) else " ".join(row.text)
    if not all(words):
        raise CorpusError(f"{source}, {unit} {row.line}: expected words that are not empty, found {text[:40]!r}")
    return LabelledText(tuple(words), row.label or "", text, source, row.line, unit)
