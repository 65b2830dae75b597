"""Labelled texts from trees, tables, JSONL files and hub data sets."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from elmo_lite import CorpusError
from elmo_lite.text import JSONL_SUFFIXES, decoded_lines, is_data_set_name, standard_input_lines
from tasks.files import STANDARD_INPUT
from tasks.inputs.in_memory import columns_of, examples_of, is_path
from tasks.sentiment import trees
from tasks.sentiment.tables import Columns, Row, hub_rows, json_rows, row_of, table_rows

SplitWords = Callable[[str], list[str]]
"""Tokenisation: a function from text to words."""
_TABLES = {".tsv": "\t", ".csv": ","}


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

    @property
    def where(self) -> str:
        """Place of the text, for errors."""
        return f"{self.source}, {self.unit} {self.line}"


LabelledSource = str | os.PathLike[str] | Iterable[LabelledText] | tuple[Iterable[Any], Iterable[Any]]
"""A source of labelled texts, see ``read_labelled``."""


def read_labelled(
    source: LabelledSource,
    config: DataConfig,
    split_words: SplitWords,
    *,
    training: bool = False,
    name: str = "data",
) -> list[LabelledText]:
    """Read labelled texts.

    Args:
        source: One of

            - a file of labelled trees (one per line), ``.tsv``, ``.csv`` or ``.jsonl``, or a hub data set;
            - data in memory: a pair (texts, labels) of lists, arrays or columns of a DataFrame, where a text is a
              string or a list of words and a label is a string or an integer, or a list of ``LabelledText``.
        config: Settings for reading files and data sets.
        split_words: Tokenisation of strings.
        training: Add the phrases of trees if ``config.phrases`` is True. Defaults to False.
        name: Name of data in memory in errors. Defaults to "data".

    Raises:
        CorpusError: The source does not exist or is empty, or a row is malformed. The message has the place, and what
            was expected and found.
    """
    if is_path(source):
        name = str(source)
        found = list(_unique(_examples(name, config, split_words, training)))
    else:
        found = list(_in_memory(source, name, split_words))
    if not found:
        raise CorpusError(f"{name}: expected labelled sentences, found none")
    return found


def _in_memory(source: Any, name: str, split_words: SplitWords) -> Iterator[LabelledText]:
    """Texts from two columns or from a list of ``LabelledText``."""
    titles = ("texts", "labels")
    columns = columns_of(source, name, titles, LabelledText)
    if columns is None:
        for number, example in enumerate(examples_of(source, name, titles, LabelledText), start=1):
            if not all(example.words) or not example.words or not example.label:
                raise CorpusError(f"{name}, text {number}: expected words and a label, found {example!r:.60}")
            yield example
        return
    for number, row in enumerate(columns, start=1):
        yield _labelled(row_of(*row, f"{name}, text {number}", number), name, split_words, "text")


def read_texts(source: str | Path, config: DataConfig, split_words: SplitWords) -> list[LabelledText]:
    """Read texts to classify, which need no labels.

    Args:
        source: A file or hub data set, as in ``read_labelled``, a file with one text per line, or "-" for such lines on
            standard input. A blank line or an empty text is a text without words, so that every line has a prediction.
        config: Settings for reading files and data sets.
        split_words: Tokenisation of strings.

    Raises:
        CorpusError: See ``read_labelled``.
    """
    name, lines = str(source), _plain_lines(str(source))
    if lines is not None:
        found = [_labelled(Row(text.strip(), None, n), name, split_words, needs_words=False) for n, text in lines]
    else:
        config = dataclasses.replace(config, classes=5)  # with 2 classes, neutral trees are omitted
        found = [example for example, _ in _examples(name, config, split_words, training=False, needs_label=False)]
    if not found:
        raise CorpusError(f"{source}: expected texts, found none")
    return found


def _plain_lines(source: str) -> Iterable[tuple[int, str]] | None:
    """The numbered lines of plain text, or None if the source has another format."""
    if source == STANDARD_INPUT:
        return standard_input_lines()
    path = Path(source)
    is_plain = path.is_file() and path.suffix.lower() not in (*_TABLES, *JSONL_SUFFIXES) and not trees.holds_trees(path)
    return decoded_lines(path) if is_plain else None


def label_set(train: Iterable[LabelledText]) -> list[str]:
    """The labels in sorted order: from very negative to very positive, by number if all are numbers, or by name.

    Raises:
        CorpusError: There are fewer than two labels.
    """
    train = list(train)
    found = {example.label for example in train}
    if len(found) < 2:
        only = train[0].label
        raise CorpusError(f"{train[0].source}: expected at least two labels in the training data, found only {only!r}")
    if found <= set(trees.LABELS):
        return [label for label in trees.LABELS if label in found]
    if all(re.fullmatch(r"-?\d+", label) for label in found):
        return sorted(found, key=int)
    return sorted(found)


def check_labels(examples: Iterable[LabelledText], labels: Sequence[str]) -> None:
    """Check that the model has all labels of examples.

    Raises:
        CorpusError: It does not have one of them. The message has the place, and what was expected and found.
    """
    known = frozenset(labels)
    for example in examples:
        if example.label not in known:
            listed = ", ".join(labels[:20])
            raise CorpusError(
                f"{example.where}: expected a label of the training data ({listed}), found {example.label!r}"
            )


def _examples(
    source: str, config: DataConfig, split_words: SplitWords, training: bool, needs_label: bool = True
) -> Iterator[tuple[LabelledText, bool]]:
    """Examples, each with whether it is a phrase inside a sentence."""
    path = Path(source)
    if path.is_file() and path.suffix.lower() not in (*_TABLES, *JSONL_SUFFIXES) and trees.holds_trees(path):
        yield from _tree_examples(path, config, with_phrases=training and config.phrases)
        return
    unit = "line" if path.is_file() else "record"
    for row in _rows(source, config.columns(needs_label)):
        yield _labelled(row, source, split_words, unit, needs_words=needs_label), False


def _rows(source: str, columns: Columns) -> Iterator[Row]:
    path = Path(source)
    if path.is_file():
        suffix = path.suffix.lower()
        if suffix in _TABLES:
            return table_rows(path, columns, _TABLES[suffix])
        if suffix in JSONL_SUFFIXES:
            return json_rows(path, columns)
        first = next((text.strip() for _, text in decoded_lines(path) if text.strip()), None)
        if first is None:
            return iter(())
        expected = "labelled trees such as (3 (2 It) (4 works)), or a file named .tsv, .csv or .jsonl"
        raise CorpusError(f"{source}, line 1: expected {expected}, found {first[:40]!r}")
    if is_data_set_name(source):
        return hub_rows(source, columns)
    raise CorpusError(f"{source}: expected a file, found {'a directory' if path.is_dir() else 'nothing there'}")


def _tree_examples(path: Path, config: DataConfig, with_phrases: bool) -> Iterator[tuple[LabelledText, bool]]:
    for line, text in decoded_lines(path):
        if not text.strip():
            continue
        tree = trees.parse_tree(text, f"{path}, line {line}")
        for phrase, label in trees.labelled_phrases(tree, config.classes, with_phrases):
            words = tree.words[phrase.start : phrase.end]
            is_inner = phrase is not tree.phrases[-1]
            yield LabelledText(words, label, " ".join(words), str(path), line), is_inner


def _labelled(
    row: Row, source: str, split_words: SplitWords, unit: str = "line", needs_words: bool = True
) -> LabelledText:
    """Split the text of a row into words.

    Raises:
        CorpusError: The text has no words and ``needs_words`` is True, or a word is empty.
    """
    words = split_words(row.text) if isinstance(row.text, str) else row.text
    text = row.text if isinstance(row.text, str) else " ".join(row.text)
    if not all(words) or (needs_words and not words):
        raise CorpusError(f"{source}, {unit} {row.line}: expected a text with words, found {text[:40]!r}")
    return LabelledText(tuple(words), row.label or "", text, source, row.line, unit)


def _unique(examples: Iterable[tuple[LabelledText, bool]]) -> Iterator[LabelledText]:
    """All sentences, and the phrases that do not repeat the words and label of an earlier example."""
    seen: set[tuple[tuple[str, ...], str]] = set()
    for example, is_inner in examples:
        key = (example.words, example.label)
        if not is_inner or key not in seen:
            yield example
        seen.add(key)
