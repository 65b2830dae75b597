"""What a page shows: runs, made of charts, tables, confusion matrices and lists of errors.

The reader of a kind of run (``kinds``) builds these; the templates draw them. Text is plain: drawing escapes it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Point = tuple[float, float]


@dataclass(frozen=True)
class Line:
    """A curve."""

    name: str
    points: Sequence[Point]
    """In ascending order of x."""


@dataclass(frozen=True)
class Chart:
    """Curves over the same axes."""

    title: str
    x: str
    """Name of the horizontal axis."""
    y: str
    """Name of the vertical axis, with its unit."""
    lines: Sequence[Line]
    note: str = ""
    is_log: bool = False
    """Whether the vertical axis is logarithmic."""
    from_zero: bool = False
    """Whether the vertical axis begins at 0."""
    mark: float | None = None
    """Place on the horizontal axis of a vertical line, such as the best step. Defaults to none."""
    measured_on: str = ""
    """What tells the data of the measurement apart from others, such as a fingerprint."""


@dataclass(frozen=True)
class Score:
    """A cell of a table: a score in percent, drawn with a bar."""

    percent: float


Cell = str | int | float | Score | None
"""A cell of a table; None is a dash."""


@dataclass(frozen=True)
class Table:
    """Rows under a heading. The first column names the rows."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    note: str = ""

    def is_numeric(self, column: int) -> bool:
        """Whether a column has numbers, which are aligned on the right."""
        return any(isinstance(row[column], int | float | Score) for row in self.rows)


@dataclass(frozen=True)
class Matrix:
    """Counts by true and predicted label."""

    title: str
    labels: Sequence[str]
    counts: Sequence[Sequence[int]]
    """(N, N): true labels in rows, predicted labels in columns."""
    note: str = ""
    outside: str | None = None
    """A label that is no class, such as O, whose row is not shaded. Defaults to none."""


@dataclass(frozen=True)
class Word:
    """A word in the context of an error."""

    text: str
    is_gold: bool = False
    """Whether it is part of a gold entity."""
    is_predicted: bool = False
    """Whether it is part of a predicted entity."""
    is_unseen: bool = False
    """Whether the training data lack it."""


@dataclass(frozen=True)
class Answer:
    """A gold or a predicted answer, and the probability that the model gave to it."""

    text: str
    probability: float | None
    """In 0..1; None for no entity."""


@dataclass(frozen=True)
class Mistake:
    """An error of a model."""

    line: int
    """Line or number of the record in the source."""
    words: Sequence[Word]
    gold: Sequence[Answer]
    predicted: Sequence[Answer]
    doubt: float | None = None
    """Probability that the model left to all other answers, in 0..1. Defaults to none."""


@dataclass(frozen=True)
class Mistakes:
    """The worst errors, worst first."""

    title: str
    items: Sequence[Mistake]
    note: str = ""

    @property
    def has_entities(self) -> bool:
        """Whether words are marked as parts of entities."""
        return any(word.is_gold or word.is_predicted for mistake in self.items for word in mistake.words)


Block = Chart | Table | Matrix | Mistakes


@dataclass(frozen=True)
class Run:
    """A run."""

    name: str
    kind: str
    """Kind of run, such as "Pretraining"; runs of one kind are compared."""
    status: str
    """How far it is, in words."""
    facts: Mapping[str, str]
    """What it was made of and what it came to, by title."""
    scores: Mapping[str, str]
    """Its headline scores by title, for the overview of all runs of its kind."""
    settings: Mapping[str, Any]
    """Settings by dotted key."""
    command: str | None
    """The command line that repeats it; None if there is none."""
    blocks: Sequence[Block] = ()
    compared: Sequence[Chart] = field(default=())
    """Charts of one curve each; those of several runs with the same title are drawn over one another."""
