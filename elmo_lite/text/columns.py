"""Reading of column files: one word per line with its tag in another column, and a blank line after each sentence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain, tee

from elmo_lite.errors import CorpusError
from elmo_lite.text.column_layout import (
    Layout,
    begins_document,
    detect_layout,
    first_rows,
    is_tag,
    is_untyped_tag,
)
from elmo_lite.text.lines import decoded_lines

Row = tuple[str, str, int]
"""Word, tag and line number."""
Sentence = tuple[tuple[str, ...], tuple[str, ...], int]
"""Words, tags and the line number of the first word."""


@dataclass
class ColumnReader:
    """Reader of a column file.

    Iterating yields the words and tags of each sentence, and the line number of its first word, and raises CorpusError
    for a line with too few columns or an unknown tag.
    """

    name: str
    """Path of the file."""
    word_column: int | None = None
    """Column of the words, from 0, or negative to count from the end. Detected by default."""
    tag_column: int | None = None
    """Column of the tags, counted in the same way. Detected by default."""
    with_tags: bool = True
    """Read tags. If False, all tags are empty strings."""
    entity_type: str = "ENT"
    """Type of tags without one: B, I and O."""
    any_label: bool = False
    """Read labels of any kind. Without a column of tags, those of the last column are read."""
    lines: Iterator[tuple[int, str]] | None = None
    """Numbered lines that can be read only once, such as those of a pipe. Defaults to those of the file."""
    num_skipped: int = 0
    """Number of rows without a word that were skipped so far."""
    first_skipped: int = 0
    """Line number of the first of these."""
    num_untyped: int = 0
    """Number of tags without a type that were read so far."""
    document: int = 0
    """Number of the document of the last sentence, from 1; 0 where the file does not say where documents begin."""
    layout: Layout = field(init=False)
    """Layout of the file."""

    def __post_init__(self) -> None:
        """Detect the layout.

        Raises:
            CorpusError: The file is missing or has no rows, or no column has tags.
            ConfigError: A given column does not exist.
        """
        lines = None
        if self.lines is not None:
            lines, self.lines = tee(self.lines)  # what is looked at is read again
        sample = first_rows(_without_ends(decoded_lines(self.name) if lines is None else lines))
        columns = self.word_column, self.tag_column
        self.layout = detect_layout(sample, self.name, *columns, self.with_tags, any_label=self.any_label)

    def __iter__(self) -> Iterator[Sentence]:
        """Read the sentences."""
        self.num_skipped = self.num_untyped = self.document = 0
        rows: list[Row] = []
        lines = decoded_lines(self.name) if self.lines is None else self.lines
        for number, line in chain(_without_ends(lines), [(0, "")]):
            if line.strip(" \t"):
                is_comment = self.layout.is_comment(line)
                self.document += begins_document(line, is_comment)
                row = None if is_comment else self._row(line, number)
                rows += [row] if row is not None else []
            elif rows:
                words, tags, numbers = zip(*rows, strict=True)
                yield words, tags, numbers[0]
                rows = []

    def __str__(self) -> str:
        """What the file was read as, in words."""
        text = str(self.layout)
        if self.num_untyped:
            text += f", entities without a type read as {self.entity_type}"
        if count := self.num_skipped:
            rows = "1 row" if count == 1 else f"{count:,} rows"
            text += f", {rows} without a word skipped, first at line {self.first_skipped}"
        return text

    def _row(self, line: str, number: int) -> Row | None:
        """The word and tag of a line, or None if the line has no word of the text."""
        layout = self.layout
        columns = layout.split(line)
        if layout.is_skipped(columns):
            return None
        needed = max(layout.word, layout.tag or 0 if self.with_tags else 0) + 1
        if len(columns) < needed:
            between = "TABs" if layout.tabs else "blanks"
            found = f"{len(columns)} in {line!r:.80}"
            raise CorpusError(f"{self.name}, line {number}: expected {needed} columns between {between}, found {found}")
        word = columns[layout.word].strip().removeprefix(layout.prefix)
        tag = self._tag(columns[layout.tag].strip(), number) if self.with_tags and layout.tag is not None else ""
        if not word:
            self.first_skipped = self.first_skipped if self.num_skipped else number
            self.num_skipped += 1
            return None
        return word, tag, number

    def _tag(self, tag: str, number: int) -> str:
        if self.any_label:
            if not tag:
                raise CorpusError(f"{self.name}, line {number}: expected labels that are not empty, found {tag!r}")
            return tag
        if is_untyped_tag(tag):
            self.num_untyped += 1
            return f"{tag}-{self.entity_type}"
        if not is_tag(tag):
            expected = "expected O or B-, I-, E- or S- and a type"
            raise CorpusError(f"{self.name}, line {number}: {expected}, found {tag!r:.60}")
        return tag


def _without_ends(lines: Iterable[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    """Lines without their LF or CRLF."""
    return ((number, line.removesuffix("\n").removesuffix("\r")) for number, line in lines)
