"""Labelled texts to learn from and to score, and texts to classify."""

from __future__ import annotations

import dataclasses
import logging
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from elmo_lite import CorpusError
from elmo_lite.files import STANDARD_STREAM
from elmo_lite.text import NAME_OF, decoded_lines, is_data_set_name, standard_input_lines
from tasks.inputs.in_memory import columns_of, examples_of, is_path
from tasks.sentiment import trees
from tasks.sentiment.readers import DataConfig, LabelledText, SplitWords, labelled, open_source, source_kind
from tasks.sentiment.tables import Row, row_of

log = logging.getLogger("elmo_lite")

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

            - a file of labelled trees (one per line), a table (TSV, CSV), JSON lines, a JSON array or Parquet, or a hub
              data set; texts without words are skipped;
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
    if not is_path(source):
        found = list(_in_memory(source, name, split_words))
        return _with_words(found, name)
    name = str(source)
    examples, layout = open_source(name, config, split_words, training)
    found = list(_unique(examples))
    kept = _with_words(found, name)
    _report(kept, name, str(layout), next((example.line for example in found if not example.words), 0), len(found))
    return kept


def _with_words(examples: list[LabelledText], name: str) -> list[LabelledText]:
    """The texts that have words."""
    kept = [example for example in examples if example.words]
    if not kept:
        raise CorpusError(f"{name}: expected labelled sentences, found none")
    return kept


def _report(examples: list[LabelledText], name: str, layout: str, first_blank: int, num_read: int) -> None:
    """Log what labelled texts were taken for."""
    counts = Counter(example.label for example in examples)
    listed = ", ".join(f"{label} {count:,}" for label, count in counts.most_common(20))
    size = f"{len(examples):,} texts, {sum(len(example.words) for example in examples):,} words"
    if num_blank := num_read - len(examples):
        size += f" ({num_blank:,} without words skipped, first at {examples[0].unit} {first_blank})"
    log.info("%s: read as %s; %s; labels: %s", name, layout, size, listed)


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
        yield labelled(row_of(*row, f"{name}, text {number}", number), name, split_words, "text")


def read_texts(source: str | Path, config: DataConfig, split_words: SplitWords) -> list[LabelledText]:
    """Read texts to classify, which need no labels.

    Args:
        source: A file or hub data set, as in ``read_labelled``, a file with one text per line, or "-" for such lines on
            standard input. A blank line or cell is a text without words, so that input and output have the same number
            of texts.
        config: Settings for reading files and data sets.
        split_words: Tokenisation of strings.

    Raises:
        CorpusError: See ``read_labelled``.
    """
    name = str(source)
    lines = _plain_lines(name)
    if lines is not None:
        layout: object = NAME_OF["text"]
        found = [labelled(Row(text.strip(), None, line), name, split_words) for line, text in lines]
    else:
        config = dataclasses.replace(config, classes=5)  # with 2 classes, neutral trees are omitted
        examples, layout = open_source(name, config, split_words, training=False, needs_label=False)
        found = [example for example, _ in examples]
    if not found:
        raise CorpusError(f"{source}: expected texts, found none")
    log.info("%s: read as %s; texts: %s", name, layout, f"{len(found):,}")
    return found


def _plain_lines(source: str) -> Iterable[tuple[int, str]] | None:
    """The numbered lines of plain text, or None if the source has another format."""
    if source == STANDARD_STREAM:
        return standard_input_lines()
    return decoded_lines(source) if not is_data_set_name(source) and source_kind(source) == "text" else None


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
    if all(re.fullmatch(r"-?\d{1,18}", label) for label in found):
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


def _unique(examples: Iterable[tuple[LabelledText, bool]]) -> Iterator[LabelledText]:
    """All sentences, and the phrases that do not repeat the words and label of an earlier example."""
    seen: set[tuple[tuple[str, ...], str]] = set()
    for example, is_inner in examples:
        key = (example.words, example.label)
        if not is_inner or key not in seen:
            yield example
        seen.add(key)
