"""Labelled texts of files and hub data sets, and what kind of source these are."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Self

from elmo_lite import CorpusError
from elmo_lite.text import Kind, decoded_lines, is_data_set_name, is_read_once, kind_of
from tasks.classification import trees
from tasks.classification.columns import Columns, LabelKind
from tasks.classification.tables import Row, RowReader, looks_like_table

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
        """The columns for the readers of tables; where no label is needed, a given label column may be missing."""
        return Columns(self.text_column, self.label_column if needs_label else None, needs_label)

    def with_columns(self, **columns: str | None) -> Self:
        """The same settings with other columns, as far as they are given."""
        given: dict[str, Any] = {name: column for name, column in columns.items() if column}
        return dataclasses.replace(self, **given)


@dataclass(frozen=True, kw_only=True)
class ReadingConfig(DataConfig):
    """Reading of texts or pairs of texts with labels of any kind."""

    text_pair_column: str | None = None
    """Column of the second text of a pair, given in the same way. Detected by default."""
    pairs: bool = False
    """Whether each row has two texts."""
    kind: LabelKind = "one"
    """What a label is: one label, several, or a number."""
    separator: str = ","
    """Separator of several labels in one cell."""

    def columns(self, needs_label: bool = True) -> Columns:
        """The columns for the readers of tables."""
        found = super().columns(needs_label)
        return dataclasses.replace(
            found, pair=self.text_pair_column, pairs=self.pairs, kind=self.kind, separator=self.separator
        )


@dataclass(frozen=True)
class LabelledText:
    """The words of a text, or of a pair of texts, with the label and its place in the source."""

    words: tuple[str, ...]
    """Words. Those of the first text of a pair come first; none if one of the two has none."""
    label: str
    """Label, or a number as it is written. Empty in prediction if it is missing, and where there may be several."""
    text: str = ""
    """Original text, or the words joined by blanks; the first one of a pair."""
    source: str = ""
    """Path or name of the source."""
    line: int = 0
    """Line in the file, or number of the record or text, from 1."""
    unit: str = "line"
    """Unit of ``line``: "line", "record" or "text"."""
    labels: tuple[str, ...] = ()
    """Labels, where there may be several."""
    split: int | None = None
    """Number of words of the first text of a pair. None for a single text."""
    text_pair: str | None = None
    """Original second text of a pair. None for a single text."""
    others: Mapping[str, Any] = field(default_factory=dict, compare=False)
    """Other fields of the row, kept in prediction."""
    document: int = 0
    """Number of the tree that it is a phrase of, from 1; 0 for a text of its own."""
    is_phrase: bool = False
    """Whether it is a phrase inside a sentence, to learn from alone."""

    @property
    def where(self) -> str:
        """Place of the text, for errors."""
        return f"{self.source}, {self.unit} {self.line}"

    @property
    def texts(self) -> tuple[tuple[str, ...], ...]:
        """The words of each text: of one, or of the two of a pair."""
        return (self.words,) if self.split is None else (self.words[: self.split], self.words[self.split :])


def source_kind(source: str, columns: Columns) -> Kind | Literal["trees"]:
    """The kind of a source, by its content."""
    if is_data_set_name(source):
        return "hub"
    kind = kind_of(source)
    if kind == "columns" and Path(source).suffix.lower() == ".tsv":
        return "tsv"
    if kind in ("text", "columns"):
        if is_read_once(source):
            raise CorpusError(f"{source}: expected a file, which is read several times, found a pipe or device")
        return "trees" if trees.holds_trees(Path(source)) else _table_kind(Path(source), columns)
    return kind


def _table_kind(path: Path, columns: Columns) -> Kind:
    """The kind of a table with a name that does not tell, or text."""
    if not looks_like_table(path, columns):
        return "text"
    return "tsv" if "\t" in next(text for _, text in decoded_lines(path) if text.strip()) else "csv"


def open_source(
    source: str, config: DataConfig, split_words: SplitWords, training: bool, needs_label: bool = True
) -> tuple[Iterator[tuple[LabelledText, bool]], object]:
    """Examples, each with whether it is a phrase inside a sentence, and what the source is read as.

    Without labels, the other fields of a row are kept.
    """
    columns = config.columns(needs_label)
    kind = source_kind(source, columns)
    if kind == "trees":
        if columns.pairs or columns.kind != "one":
            expected = "pairs of texts" if columns.pairs else "texts with several labels or numbers"
            raise CorpusError(f"{source}: expected {expected}, found trees, which have one text and one label")
        return _tree_examples(Path(source), config, training and config.phrases), "trees"
    if kind == "text":
        first = next((text.strip() for _, text in decoded_lines(source) if text.strip()), None)
        if first is None:
            return iter(()), kind
        expected = "labelled trees such as (3 (2 It) (4 works)), or a table, JSON or Parquet"
        raise CorpusError(f"{source}, line 1: expected {expected}, found {first[:40]!r}")
    reader = RowReader(source, kind, columns, keeps_others=not needs_label)
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
            joined, document = " ".join(words), line if with_phrases else 0
            yield LabelledText(words, label, joined, str(path), line, document=document, is_phrase=is_inner), is_inner


def labelled(row: Row, source: str, split_words: SplitWords, unit: str = "line") -> LabelledText:
    """Split the text of a row, or both texts of a pair, into words. A blank text has none, nor has a pair with one.

    Raises:
        CorpusError: A word of a list is empty.
    """
    found: list[list[str]] = []
    texts: list[str] = []
    for value in (row.text, row.pair):
        if value is None:
            continue
        words = split_words(value) if isinstance(value, str) else value
        texts.append(value if isinstance(value, str) else " ".join(value))
        if not all(words):
            where = f"{source}, {unit} {row.line}"
            raise CorpusError(f"{where}: expected words that are not empty, found {texts[-1][:40]!r}")
        found.append(words)
    label = row.label or ""
    if row.pair is None:
        return LabelledText(tuple(found[0]), label, texts[0], source, row.line, unit, row.labels, others=row.others)
    both = (*found[0], *found[1]) if all(found) else ()
    return LabelledText(
        both, label, texts[0], source, row.line, unit, row.labels, len(found[0]) if both else 0, texts[1], row.others
    )
