"""CoNLL-U and CoNLL-U Plus: columns by name, and the same file again with one of them filled.

A file of CoNLL-U has ten columns between TABs; one of CoNLL-U Plus names its columns in its first line, such as
``# global.columns = ID FORM UPOS``. Lines that start with # are comments. In a file with the column ID, rows of
multiword tokens (3-4) and of empty nodes (5.1) are no words. They are kept where the file is written again.

https://universaldependencies.org/format.html, https://universaldependencies.org/ext-format.html
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain

from elmo_lite import ConfigError, CorpusError
from elmo_lite.text import decoded_lines, sample_of
from tasks.files import on_one_line, without_end
from tasks.tagging.sentences import Column

log = logging.getLogger("elmo_lite")

STANDARD = ("ID", "FORM", "LEMMA", "UPOS", "XPOS", "FEATS", "HEAD", "DEPREL", "DEPS", "MISC")
WORDS, LABELS = "FORM", "UPOS"
"""Columns that are read by default."""
_GLOBAL = re.compile(r"#\s*global\.columns\s*=(.*)")
_ID = re.compile(r"\d+(?:[-.]\d+)?")


@dataclass
class Block:
    """A sentence with all its lines."""

    lines: list[str] = field(default_factory=list)
    """Lines of the file, without their ends: comments, words and other rows."""
    places: list[int] = field(default_factory=list)
    """Indices in ``lines`` of the rows of words."""
    rows: list[tuple[int, list[str]]] = field(default_factory=list)
    """Number of the line, from 1, and columns of each row of a word."""
    words: tuple[str, ...] = ()

    def text(self, column: int, labels: Sequence[str]) -> str:
        """The lines and a blank one, with the labels of the words in a column."""
        lines = list(self.lines)
        for place, (_, row), label in zip(self.places, self.rows, labels, strict=True):
            lines[place] = "\t".join([*row[:column], on_one_line(label), *row[column + 1 :]])
        return "".join(f"{line}\n" for line in (*lines, ""))


def names_of_columns(name: str) -> tuple[str, ...] | None:
    """The names of the columns of a file, in capitals; None if it is neither CoNLL-U nor CoNLL-U Plus.

    Raises:
        CorpusError: The file cannot be read.
    """
    for line in sample_of(name).decode("utf-8", "replace").split("\n"):
        line = without_end(line)
        if named := _GLOBAL.fullmatch(line):
            return tuple(named[1].upper().split())
        if line.strip(" \t") and not line.startswith("#"):
            columns = line.split("\t")
            return STANDARD if len(columns) == len(STANDARD) and _ID.fullmatch(columns[0]) else None
    return None


def column_of(names: Sequence[str], given: Column, default: str, setting: str, name: str) -> int:
    """The index of a column.

    Args:
        names: Names of the columns of the file.
        given: Name, in capitals or not, or number of the column.
        default: Name of the column if none is given.
        setting: Name of the setting, for errors.
        name: Path of the file.

    Raises:
        ConfigError: There is no such column.
    """
    listed = ", ".join(part.lower() for part in names)
    wanted = default if given is None else given
    if isinstance(wanted, int):
        if -len(names) <= wanted < len(names):
            return wanted % len(names)
    elif wanted.upper() in names:
        return names.index(wanted.upper())
    found = repr(wanted) if given is not None else f"no {wanted!s}".lower()
    raise ConfigError(f"{setting}: expected one of {listed}, the columns of {name}, found {found}")


def read_blocks(name: str, names: Sequence[str], word: int) -> Iterator[Block]:
    """Read the sentences of a file with all their lines. A block may have no words.

    Args:
        name: Path of the file.
        names: Names of its columns.
        word: Index of the column of the words.

    Raises:
        CorpusError: The file cannot be read, or a row has another number of columns.
    """
    block, words = Block(), list[str]()
    for number, raw in chain(decoded_lines(name), [(0, "")]):
        line = without_end(raw)
        if not line.strip(" \t"):
            if block.lines:
                block.words = tuple(words)
                yield block
            block, words = Block(), []
            continue
        block.lines.append(line)
        if line.startswith("#") and not (line.count("\t") == len(names) - 1 > 0 and "ID" not in names):
            continue
        row = line.split("\t")
        if len(row) != len(names):
            found = f"{len(row)} in {line!r:.80}"
            raise CorpusError(f"{name}, line {number}: expected {len(names)} columns between TABs, found {found}")
        form = row[word].strip()
        if form and ("ID" not in names or row[names.index("ID")].isdecimal()):
            block.places.append(len(block.lines) - 1)
            block.rows.append((number, row))
            words.append(form)


def blocks_to_tag(name: str, names: Sequence[str], word: int) -> Iterator[Block]:
    """The sentences of a file, to tag them, one after another; see ``read_blocks``.

    Raises:
        CorpusError: As for ``read_blocks``, or there are no words.
    """
    num_sentences = 0
    for block in read_blocks(name, names, word):
        num_sentences += bool(block.words)
        yield block
    if not num_sentences:
        raise CorpusError(f"{name}: expected sentences, found none")
    log.info("%s: read as CoNLL-U, words in column %s; sentences: %s", name, names[word], f"{num_sentences:,}")
