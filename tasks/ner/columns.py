"""Column files: one word per line with its tag in another column, and a blank line after each sentence.

Examples are CoNLL-2003 (four columns separated by blanks, -DOCSTART- lines), WNUT-17 (two columns separated by TABs,
lines with a single TAB between sentences) and Universal NER (word ids, ``# comments``). The layout is detected:

- The separator is TAB if most lines have one, otherwise blanks.
- Column 0 is the id column if it counts the words of each sentence: 1, 2, 3, ... In a file with ids, rows such as 3-4
  (multiword tokens) and 5.1 (empty nodes) are skipped, and every line that starts with # is a comment.
- The word column is the first column that is not the id column.
- The tag column is the last column with tags in at least nine of ten lines (in CoNLL-2003, a column of chunk tags
  precedes the entity tags).

In a file without ids, # may be a word. A line that is # or starts with ``# `` is a comment unless it has the right
number of columns and a tag in the tag column.
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
"""Maximum number of rows used to detect the layout."""
_ID = re.compile(r"\d+([-.]\d+)?")
_BLANKS = re.compile(r"[ \t]+")

Row = tuple[str, str, int]
"""Word, tag and line number."""
Sentence = tuple[tuple[str, ...], tuple[str, ...], int]
"""Words, tags and the line number of the first word."""


@dataclass(frozen=True)
class Layout:
    """The layout of a column file."""

    tabs: bool
    """Whether columns are separated by TABs instead of blanks."""
    has_ids: bool
    """Whether column 0 holds word ids."""
    word: int
    """Column of the words, from 0."""
    tag: int | None
    """Column of the tags, from 0. None if only words are read."""
    num_columns: int
    """Most frequent number of columns."""

    def split(self, line: str) -> list[str]:
        """Split a line into columns."""
        return line.split("\t") if self.tabs else _BLANKS.split(line.strip(" \t"))

    def is_comment(self, line: str) -> bool:
        """Whether a line is a comment."""
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
    """Read the sentences of a column file.

    Args:
        name: Path of the file.
        word_column: Column of the words, from 0, or negative to count from the end. Detected by default.
        tag_column: Column of the tags, counted in the same way. Detected by default.
        with_tags: Read tags. If False, all tags are empty strings.

    Yields:
        The words and tags of each sentence, and the line number of its first word.

    Raises:
        CorpusError: The file is missing or empty, no column has tags, or a line has too few columns, no word or no tag.
        ConfigError: A given column does not exist.
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
    """Detect the layout of a file, see the module docstring. Arguments and errors are as in ``read_columns``."""
    sample = [line for line in lines if line.strip(" \t") and not line.startswith(("#", DOCUMENT))][:SAMPLE]
    if not sample:
        sample = [line for line in lines if line.strip(" \t") and not line.startswith(DOCUMENT)][:SAMPLE]
    if not sample:
        raise CorpusError(f"{name}: expected one word per line, found {'none' if lines else 'an empty file'}")
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
    """Whether at least nine of ten values count the words of sentences: 1, 2, 3, ..., and 1 again."""
    numbers = [int(text) for text in column if text.isdecimal()]
    ids = sum(_ID.fullmatch(text) is not None for text in column)
    steps = sum(following in (1, number + 1) for number, following in zip([0, *numbers], numbers, strict=False))
    return bool(numbers) and ids >= 0.9 * len(column) and steps >= 0.9 * len(numbers)


def _is_skipped(columns: Sequence[str]) -> bool:
    """Whether the id of a row is that of a multiword token (3-4) or of an empty node (5.1)."""
    return _ID.fullmatch(columns[0]) is not None and not columns[0].isdecimal()


def _column(given: int | None, setting: str, num_columns: int, name: str, detected: int) -> int:
    if given is None:
        return detected
    if not -num_columns <= given < num_columns:
        raise ConfigError(f"{setting}: expected 0..{num_columns - 1} or negative for {name}, found {given}")
    return given % num_columns


def _row(line: str, layout: Layout, name: str, number: int) -> Row | None:
    """The word and tag of a line, or None if the line has no word of the text."""
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
