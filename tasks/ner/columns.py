"""Files with a word a line and its tag in another column; a blank line ends a sentence.

Read are CoNLL-2003 (four columns between blanks, -DOCSTART- lines), WNUT-17 (two columns between TABs, lines of a lone
TAB between sentences), Universal NER (ids, ``# comments``) and their like. What is not told is detected:

- TAB separates columns where most lines have one, blanks otherwise;
- column 0 holds ids where it has nothing but 1, 2, 3, ... of each sentence; such lines as 3-4 or 5.1 are skipped then,
  they are no words of the text, and every line that begins with # is a comment;
- words stand in the first column that holds no ids;
- tags stand in the last column that has tags in nine lines of ten (CoNLL-2003's chunk tags come before its names).

Without ids a line is a comment only where it begins with ``# `` and is no row of the right shape: # may be a word.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from elmo_lite import ConfigError, CorpusError
from tasks.files import read_lines
from tasks.ner.tags import is_tag

DOCUMENT = "-DOCSTART-"
SAMPLE = 2000
"""Rows that detection looks at."""
_ID = re.compile(r"\d+([-.]\d+)?")
_BLANKS = re.compile(r"[ \t]+")

Row = tuple[str, str, int]
"""Word, tag, line."""
Sentence = tuple[tuple[str, ...], tuple[str, ...], int]
"""Words, tags, line of the first word."""


@dataclass(frozen=True)
class Layout:
    """How a column file is to be read."""

    tabs: bool
    """Columns stand between TABs; between blanks otherwise."""
    has_ids: bool
    word: int
    tag: int | None
    """None where only words are wanted."""
    num_columns: int
    """Columns of most lines."""

    def split(self, line: str) -> list[str]:
        """The columns of a line."""
        return line.split("\t") if self.tabs else _BLANKS.split(line.strip(" \t"))

    def is_comment(self, line: str) -> bool:
        """Whether a line is a remark rather than a word."""
        if self.has_ids:
            return line.startswith("#")
        if not (line == "#" or line.startswith("# ")):
            return False
        columns = self.split(line)
        is_row = len(columns) == self.num_columns and (self.tag is None or is_tag(columns[self.tag]))
        return not is_row


def read_columns(
    name: str, word_column: int | None = None, tag_column: int | None = None, with_tags: bool = True
) -> Iterator[Sentence]:
    """Sentences of a column file.

    Args:
        name: its path.
        word_column: number of the words' column, from 0 (negative: from the end); detected where None.
        tag_column: the same for the tags.
        with_tags: whether there must be tags; without, those of the sentences are empty strings.

    Raises:
        CorpusError: it is empty, no column has tags, a line has too few columns, no word or no tag.
        ConfigError: no such column.
    """
    lines = read_lines(name)
    layout = detect_layout(lines, name, word_column, tag_column, with_tags)
    rows: list[Row] = []
    for number, line in enumerate([*lines, ""], start=1):
        if line.strip(" \t"):
            row = None if layout.is_comment(line) else _row(line, layout, name, number)
            rows += [row] if row is not None else []
        elif rows:
            words, tags, numbers = zip(*rows, strict=True)
            yield words, tags, numbers[0]
            rows = []


def detect_layout(
    lines: Sequence[str], name: str, word_column: int | None, tag_column: int | None, with_tags: bool = True
) -> Layout:
    """How lines are to be read, see the head of this file; arguments and errors as for ``read_columns``."""
    sample = [line for line in lines if line.strip(" \t") and not line.startswith(("#", DOCUMENT))][:SAMPLE]
    if not sample:
        sample = [line for line in lines if line.strip(" \t") and not line.startswith(DOCUMENT)][:SAMPLE]
    if not sample:
        raise CorpusError(f"{name}: expected a word a line, found {'none' if lines else 'an empty file'}")
    tabs = 2 * sum("\t" in line for line in sample) > len(sample)
    table = [line.split("\t") if tabs else _BLANKS.split(line.strip(" \t")) for line in sample]
    num_columns = Counter(map(len, table)).most_common(1)[0][0]
    has_ids = num_columns > (2 if with_tags else 1) and _are_ids([row[0] for row in table])
    rows = [row for row in table if len(row) == num_columns and not (has_ids and _is_skipped(row))]
    word = _column(word_column, "word_column", num_columns, name, int(has_ids))
    if not with_tags:
        return Layout(tabs, has_ids, word, None, num_columns)
    candidates = [
        column
        for column in range(num_columns)
        if column != word and sum(is_tag(row[column]) for row in rows) >= 0.9 * len(rows)
    ]
    if tag_column is None and not candidates:
        raise CorpusError(f"{name}: expected a column of tags such as O and B-PER, found {sample[0]!r:.80}")
    tag = _column(tag_column, "tag_column", num_columns, name, candidates[-1] if candidates else 0)
    return Layout(tabs, has_ids, word, tag, num_columns)


def _are_ids(column: Sequence[str]) -> bool:
    """Whether a column counts the words of sentences: 1, 2, 3, ..., then 1 again; one line in ten may be broken."""
    numbers = [int(text) for text in column if text.isdecimal()]
    ids = sum(_ID.fullmatch(text) is not None for text in column)
    steps = sum(following in (1, number + 1) for number, following in zip([0, *numbers], numbers, strict=False))
    return bool(numbers) and ids >= 0.9 * len(column) and steps >= 0.9 * len(numbers)


def _is_skipped(columns: Sequence[str]) -> bool:
    """Whether the id is that of a written word which the next rows split, or of a word that was left out."""
    return _ID.fullmatch(columns[0]) is not None and not columns[0].isdecimal()


def _column(given: int | None, setting: str, num_columns: int, name: str, detected: int) -> int:
    if given is None:
        return detected
    if not -num_columns <= given < num_columns:
        raise ConfigError(f"{setting}: expected 0..{num_columns - 1} or negative for {name}, found {given}")
    return given % num_columns


def _row(line: str, layout: Layout, name: str, number: int) -> Row | None:
    """Word and tag of a line; None for a line that holds no word."""
    columns = layout.split(line)
    if columns[0] == DOCUMENT or (layout.has_ids and _is_skipped(columns)):
        return None
    needed = max(layout.word, layout.tag or 0) + 1
    if len(columns) < needed:
        between = "TABs" if layout.tabs else "blanks"
        found = f"{len(columns)} in {line!r:.80}"
        raise CorpusError(f"{name}, line {number}: expected {needed} columns between {between}, found {found}")
    word = columns[layout.word].strip()
    if not word:
        raise CorpusError(f"{name}, line {number}: expected a word, found none in {line!r:.80}")
    tag = "" if layout.tag is None else columns[layout.tag].strip()
    if layout.tag is not None and not is_tag(tag):
        raise CorpusError(f"{name}, line {number}: expected O or B-, I-, E- or S- and a type, found {tag!r:.60}")
    return word, tag, number
