"""Labelled texts to learn from and to score, and texts to classify."""

from __future__ import annotations

import dataclasses
import logging
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from statistics import fmean
from typing import Any

from elmo_lite import CorpusError
from elmo_lite.text import NAME_OF, decoded_lines, is_data_set_name, is_read_once, open_pipe
from tasks.classification.columns import Columns, LabelKind
from tasks.classification.label_values import label_of
from tasks.classification.readers import DataConfig, LabelledText, SplitWords, labelled, open_source, source_kind
from tasks.classification.tables import Row, RowReader, row_of
from tasks.inputs.in_memory import columns_of, examples_of, is_path

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
              string or a list of words and a label is a string or an integer, or a list of ``LabelledText``; a pair of
              texts is a tuple of two, several labels are a list.
        config: Settings for reading files and data sets.
        split_words: Tokenisation of strings.
        training: Add the phrases of trees if ``config.phrases`` is True. Defaults to False.
        name: Name of data in memory in errors. Defaults to "data".

    Raises:
        CorpusError: The source does not exist or is empty, or a row is malformed. The message has the place, and what
            was expected and found.
    """
    if not is_path(source):
        found = list(_in_memory(source, name, config.columns(), split_words))
        return _with_words(found, name)
    name = str(source)
    examples, layout = open_source(name, config, split_words, training)
    found = list(_unique(examples))
    kept = _with_words(found, name)
    _report(
        kept,
        name,
        f"{layout}",
        config.columns().kind,
        next((example.line for example in found if not example.words), 0),
        len(found),
    )
    return kept


def _with_words(examples: list[LabelledText], name: str) -> list[LabelledText]:
    """The texts that have words."""
    kept = [example for example in examples if example.words]
    if not kept:
        raise CorpusError(f"{name}: expected labelled sentences, found none")
    return kept


def _report(
    examples: list[LabelledText], name: str, layout: str, kind: LabelKind, first_blank: int, num_read: int
) -> None:
    """Log what labelled texts were taken for."""
    what = "texts" if examples[0].split is None else "pairs of texts"
    size = f"{len(examples):,} {what}, {sum(len(example.words) for example in examples):,} words"
    if num_blank := num_read - len(examples):
        size += f" ({num_blank:,} without words skipped, first at {examples[0].unit} {first_blank})"
    if kind == "number":
        numbers = [float(example.label) for example in examples]
        shown = f"numbers: {min(numbers):g} to {max(numbers):g}, mean {fmean(numbers):.4g}"
    else:
        shown = f"labels: {_label_counts(examples)}"
    log.info("%s: read as %s; %s; %s", name, layout, size, shown)


def _label_counts(examples: list[LabelledText]) -> str:
    """The most frequent labels with their counts, most frequent first."""
    counts = Counter(label for example in examples for label in example.labels or (example.label,) if label)
    listed = ", ".join(f"{label} {count:,}" for label, count in counts.most_common(20))
    return listed + (f", ... ({len(counts):,} in all)" if len(counts) > 20 else "")


def _in_memory(source: Any, name: str, columns: Columns, split_words: SplitWords) -> Iterator[LabelledText]:
    """Texts from two columns or from a list of ``LabelledText``."""
    titles = ("texts", "labels")
    rows = columns_of(source, name, titles, LabelledText)
    if rows is None:
        for number, example in enumerate(examples_of(source, name, titles, LabelledText), start=1):
            has_label = example.label or columns.kind == "several"
            if not all(example.words) or not example.words or not has_label:
                raise CorpusError(f"{name}, text {number}: expected words and a label, found {example!r:.60}")
            if (example.split is None) == columns.pairs:
                expected = "a pair of texts" if columns.pairs else "a single text"
                raise CorpusError(f"{name}, text {number}: expected {expected}, found {example!r:.60}")
            if columns.kind == "number":
                label_of(example.label, columns, f"{name}, text {number}")
            yield example
        return
    for number, row in enumerate(rows, start=1):
        yield labelled(row_of(*row, columns, f"{name}, text {number}", number), name, split_words, "text")


def read_texts(source: str | Path, config: DataConfig, split_words: SplitWords) -> list[LabelledText]:
    """Read texts to classify, which need no labels, at once; see ``iter_texts``."""
    found = list(iter_texts(source, config, split_words))
    log.info("%s: texts: %s", source, f"{len(found):,}")
    return found


def iter_texts(source: str | Path, config: DataConfig, split_words: SplitWords) -> Iterator[LabelledText]:
    """Read texts to classify, which need no labels, one after the other.

    Args:
        source: A file or hub data set, as in ``read_labelled``, a file with one text per line, or "-" for such lines or
            JSON on standard input; the two texts of a pair are separated by a TAB. A blank line or cell is a text
            without words, so that input and output have the same number of texts.
        config: Settings for reading files and data sets.
        split_words: Tokenisation of strings.

    Raises:
        CorpusError: See ``read_labelled``.
    """
    name = str(source)
    found = _of_pipe(name, config, split_words) if is_read_once(name) else _of_file(name, config, split_words)
    return chain([next(found)], found)  # so that an error is raised here, not at the first text


def _of_pipe(source: str, config: DataConfig, split_words: SplitWords) -> Iterator[LabelledText]:
    columns = config.columns(needs_label=False)
    with open_pipe(source) as pipe:
        if pipe.kind not in ("json", "jsonl"):
            yield from _checked(_plain_texts(pipe.lines(), pipe.name, columns, split_words), pipe.name, NAME_OF["text"])
            return
        reader = RowReader(pipe.name, pipe.kind, columns, keeps_others=True, content=pipe.content)
        yield from _checked((labelled(row, pipe.name, split_words) for row in reader), pipe.name, reader)


def _of_file(name: str, config: DataConfig, split_words: SplitWords) -> Iterator[LabelledText]:
    columns = config.columns(needs_label=False)
    if not is_data_set_name(name) and source_kind(name, columns) == "text":
        return _checked(_plain_texts(decoded_lines(name), name, columns, split_words), name, NAME_OF["text"])
    config = dataclasses.replace(config, classes=5)  # with 2 classes, neutral trees are omitted
    examples, layout = open_source(name, config, split_words, training=False, needs_label=False)
    return _checked((example for example, _ in examples), name, layout)


def _checked(texts: Iterator[LabelledText], name: str, layout: object) -> Iterator[LabelledText]:
    """The texts, of which there must be one; once it is read, what they were read as is logged."""
    first = next(texts, None)
    if first is None:
        raise CorpusError(f"{name}: expected texts, found none")
    log.info("%s: read as %s", name, layout)
    yield from chain([first], texts)


def _plain_texts(
    lines: Iterable[tuple[int, str]], name: str, columns: Columns, split_words: SplitWords
) -> Iterator[LabelledText]:
    """The texts of numbered lines."""
    return (labelled(_plain_row(text, line, name, columns), name, split_words) for line, text in lines)


def _plain_row(text: str, line: int, name: str, columns: Columns) -> Row:
    """A line of plain text: one text, or two with a TAB between them; a blank line has neither."""
    if not columns.pairs:
        return Row(text.strip(), None, line)
    texts = [part.strip() for part in text.split("\t")] if text.strip() else ["", ""]
    if len(texts) != 2:
        expected = "two texts separated by a TAB"
        raise CorpusError(f"{name}, line {line}: expected {expected}, found {len(texts)} in {text.strip()[:40]!r}")
    return Row(texts[0], None, line, texts[1])


def _unique(examples: Iterable[tuple[LabelledText, bool]]) -> Iterator[LabelledText]:
    """All sentences, and the phrases that do not repeat the words and label of an earlier example."""
    seen: set[tuple[tuple[str, ...], str]] = set()
    for example, is_inner in examples:
        key = (example.words, example.label)
        if not is_inner or key not in seen:
            yield example
        seen.add(key)
