"""Column files: one word per line with its tag in another column, and a blank line after each sentence.

Examples are CoNLL-2003 (four columns separated by blanks, -DOCSTART- lines), WNUT-17 (two columns separated by TABs,
lines with a single TAB between sentences), Universal NER (word ids, ``# comments``) and GermEval (two columns of tags).
The layout is detected from the first rows:

- The separator is TAB if most lines have one, otherwise blanks.
- Column 0 is the id column if it counts the words of each sentence: 1, 2, 3, ... In a file with ids, rows such as 3-4
  (multiword tokens) and 5.1 (empty nodes) are skipped, and every line that starts with # is a comment.
- The word column is the first column that is not the id column.
- The tag column is the first column with tags in at least nine of ten lines, except columns of chunk tags such as B-NP
  if there is another. Tags may have no type: B, I and O.
- A prefix that all words share, such as ``en:``, is removed.

In a file without ids, # may be a word. A line that is # or starts with ``# `` is a comment unless it has the right
number of columns and a tag in the tag column. Rows without a word, as of a word that is a no-break space, are skipped.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from elmo_lite.errors import ConfigError, CorpusError

DOCUMENT = "-DOCSTART-"
OUTSIDE = "O"
SAMPLE = 2000
"""Maximum number of rows used to detect the layout."""
_NEW_DOCUMENT = re.compile(r"#\s*(newdoc\b|file\s*=)")
_ID = re.compile(r"\d+([-.]\d+)?")
_BLANKS = re.compile(r"[ \t]+")
_TAG = re.compile(r"[BIESULM]-.+")
_BARE = frozenset("BIESULM")
_PREFIX = re.compile(r"[a-z][a-z-]{1,11}:(?=.)")
_CHUNKS = frozenset("NP VP PP ADVP ADJP SBAR PRT CONJP INTJ LST UCP NC PC VC AC".split())
"""Types of the chunk tags that precede the entity tags in CoNLL-2003 (English and German)."""


def is_tag(text: str) -> bool:
    """Whether a string is a tag of any scheme: O, or a prefix, a hyphen and a type."""
    return text == OUTSIDE or _TAG.fullmatch(text) is not None


def is_untyped_tag(text: str) -> bool:
    """Whether a string is the prefix of a tag alone, such as B."""
    return text in _BARE


def begins_document(line: str, is_comment: bool) -> bool:
    """Whether a document begins at a line: -DOCSTART- of CoNLL-2003, ``# newdoc`` of CoNLL-U, ``# file =``."""
    return bool(_NEW_DOCUMENT.match(line)) if is_comment else line.startswith(DOCUMENT)


@dataclass(frozen=True)
class Layout:
    """The layout of a column file."""

    tabs: bool
    """Whether columns are separated by TABs instead of blanks."""
    has_ids: bool
    """Whether column 0 holds word ids."""
    word: int
    """Column of the words, from 0."""
    tags: tuple[int, ...]
    """Columns that may hold the tags, from 0; the first is read. Empty without tags."""
    num_columns: int
    """Most frequent number of columns."""
    prefix: str = ""
    """Prefix of all words, which is removed."""
    regularity: float = 1.0
    """Fraction of the rows with the most frequent number of columns."""
    labels: frozenset[str] = frozenset()
    """Labels in the column of the tags, if they are of any kind."""

    def is_skipped(self, columns: Sequence[str]) -> bool:
        """Whether a row has no word of the text: a new document, a multiword token or an empty node."""
        return columns[0] == DOCUMENT or (self.has_ids and _is_skipped(columns))

    @property
    def tag(self) -> int | None:
        """Column of the tags, from 0. None without tags."""
        return self.tags[0] if self.tags else None

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
        return not (len(columns) == self.num_columns and (self.tag is None or self._is_label(columns[self.tag])))

    def _is_label(self, text: str) -> bool:
        """Whether the tag column may hold a text."""
        if self.labels:
            return text in self.labels or text == "#"  # the part of speech of the word #
        return _is_any_tag(text)

    def __str__(self) -> str:
        """The layout in words."""
        parts = [f"{'TAB' if self.tabs else 'blank'}-separated columns", f"words in column {self.word}"]
        if self.tag is not None:
            parts.append(f"tags in column {self.tag}")
        text = ", ".join(parts) + f" of 0..{self.num_columns - 1}"
        return text + (f", prefix {self.prefix!r} of all words removed" if self.prefix else "")


def first_rows(lines: Iterator[tuple[int, str]]) -> list[str]:
    """The rows that show the layout: no comments, if there are other rows."""
    rows: list[str] = []
    comments: list[str] = []
    for _, line in lines:
        if line.strip(" \t") and not line.startswith(DOCUMENT):
            (comments if line.startswith("#") else rows).append(line)
        if len(rows) == SAMPLE or len(comments) == 10 * SAMPLE:
            break
    return rows or comments[:SAMPLE]


def detect_layout(
    sample: Sequence[str],
    name: str,
    word_column: int | None,
    tag_column: int | None,
    with_tags: bool = True,
    *,
    any_label: bool = False,
) -> Layout:
    """Detect the layout of rows, see the module docstring. Other arguments and errors are as in ``ColumnReader``."""
    if not sample:
        raise CorpusError(f"{name}: expected one word per line, found none")
    tabs = 2 * sum("\t" in line for line in sample) > len(sample)
    table = [line.split("\t") if tabs else _BLANKS.split(line.strip(" \t")) for line in sample]
    num_columns, frequency = Counter(map(len, table)).most_common(1)[0]
    has_ids = num_columns > (2 if with_tags else 1) and _are_ids([row[0] for row in table])
    rows = [row for row in table if len(row) == num_columns and not (has_ids and _is_skipped(row))]
    word = _column(word_column, "word_column", num_columns, name, int(has_ids))
    tags = _tag_columns(rows, word)
    if any_label and (num_columns == 1 or frequency < 0.9 * len(table)):
        found = f"{num_columns} in {frequency / len(table):.0%} of the rows, the first being {sample[0]!r:.60}"
        raise CorpusError(f"{name}: expected the same number of columns, 2 or more, in each row, found {found}")
    if any_label and tag_column is None and not tags:
        tag_column = -1
    if with_tags and tag_column is None and not tags:
        raise CorpusError(f"{name}: expected a column of tags such as O and B-PER, found {sample[0]!r:.80}")
    if tag_column is not None:
        setting = "column" if any_label else "tag_column"
        tags = [_column(tag_column, setting, num_columns, name, 0)]
    prefix = _common_prefix([row[word] for row in rows])
    labels = frozenset(row[tags[0]] for row in rows) if any_label else frozenset()
    return Layout(tabs, has_ids, word, tuple(tags), num_columns, prefix, frequency / len(table), labels)


def _is_any_tag(text: str) -> bool:
    return is_tag(text) or is_untyped_tag(text)


def _tag_columns(rows: Sequence[Sequence[str]], word: int) -> list[int]:
    """The columns that may hold the tags: those of chunk tags only if there are no others."""
    found: dict[int, bool] = {}
    for column in range(len(rows[0]) if rows else 0):
        values = [row[column] for row in rows]
        if column != word and sum(map(_is_any_tag, values)) >= 0.9 * len(rows):
            types = {value[2:] for value in values if _TAG.fullmatch(value)}
            found[column] = bool(types) and types <= _CHUNKS
    return [column for column, is_chunk in found.items() if not is_chunk] or list(found)


def _common_prefix(words: Sequence[str]) -> str:
    """The prefix of a language, such as "en:", that two words or more all have."""
    match = _PREFIX.match(words[0]) if len(words) > 1 else None
    return match[0] if match and all(word.startswith(match[0]) for word in words) else ""


def _are_ids(column: Sequence[str]) -> bool:
    """Whether at least nine of ten values count the words of sentences: 1, 2, 3, ..., and 1 again."""
    numbers = [int(text) for text in column if text.isdecimal() and len(text) < 10]
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
