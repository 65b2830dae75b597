"""The columns of labelled texts in tables and records: given by the user, or detected by name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from elmo_lite import CorpusError

LabelKind = Literal["one", "several", "number"]
"""What the label of a text is: one of several labels, any number of them, or a number."""
TEXT_NAMES = (
    "text",
    "sentence",
    "review",
    "content",
    "phrase",
    "document",
    "reviewtext",
    "comment",
    "tweet",
    "words",
    "tokens",
)
LABEL_NAMES = ("label", "sentiment", "polarity", "class", "category", "rating", "stars", "overall")
"""Columns to detect if none is given, in order of preference."""
_OF_KIND: dict[LabelKind, tuple[str, ...]] = {
    "one": (*LABEL_NAMES, "gold_label", "topic", "intent"),
    "several": ("labels", "tags", "categories", "topics", "genres", *LABEL_NAMES),
    "number": ("score", "similarity", "relatedness", "relatedness_score", "value", "target", *LABEL_NAMES),
}
"""Label columns to detect, by what labels are."""
_PAIRED = re.compile(
    r"(text|sentence|sent|s|question|premise|hypothesis|query|passage|document|doc)[ _-]?([1-9a-c]|pair)?"
)
"""Names of the text columns of pairs."""


class Chosen(NamedTuple):
    """Names of the columns that are read."""

    text: str
    pair: str | None
    label: str | None


@dataclass(frozen=True)
class Columns:
    """The columns of the text, or of both texts of a pair, and the label."""

    text: str | None = None
    """Name or number, from 1, of the text column. Detected by name by default."""
    label: str | None = None
    """Name or number, from 1, of the label column. Detected by name by default."""
    needs_label: bool = True
    """Whether every row must have a label."""
    pair: str | None = None
    """Name or number, from 1, of the column of the second text of a pair. Detected by name by default."""
    pairs: bool = False
    """Whether a row has two texts."""
    kind: LabelKind = "one"
    """What a label is: one label, several, or a number."""
    separator: str = ","
    """Separator of several labels in one cell."""

    @property
    def are_numbers(self) -> bool:
        """Whether all given columns are numbers, which means that the file has no header."""
        given = [column for column in (self.text, self.label, self.pair) if column is not None]
        return bool(given) and all(column.isdigit() for column in given)

    def find(self, names: Sequence[str], where: str) -> Chosen:
        """Find the names of the text and label columns in a header.

        Args:
            names: Column names of the header.
            where: Place of the header, for errors.

        Returns:
            The columns; that of the label is None if it is missing and not required.

        Raises:
            CorpusError: A column does not exist, or cannot be detected.
        """
        lower = {name.strip().lower(): name for name in reversed(names)}
        of_kind = _OF_KIND[self.kind]
        label = self.label if self.label in names else _first(lower, of_kind) if self.label is None else None
        text: str | None
        pair: str | None = None
        if self.pairs:
            text, pair = self._find_pair(names, label, where)
        else:
            text = self.text if self.text in names else _first(lower, TEXT_NAMES) if self.text is None else None
        if text is None or (label is None and (self.needs_label or self.label is not None)):
            expected = f"{text or self.text or 'text'!r}" + (
                f" and {self.label or of_kind[0]!r}" if self.needs_label else ""
            )
            hint = "choose with --data.text_column" + (" and --data.label_column" if self.needs_label else "")
            raise CorpusError(
                f"{where}: expected columns {expected}, found {', '.join(map(repr, names))[:80]} ({hint})"
            )
        return Chosen(text, pair, label)

    def _find_pair(self, names: Sequence[str], label: str | None, where: str) -> tuple[str, str]:
        """The two text columns: those given, and by name those that are not.

        Raises:
            CorpusError: There are more or fewer than two.
        """
        given = [column for column in (self.text, self.pair) if column is not None]
        if len(given) == 2 and set(given) <= set(names) and given[0] != given[1]:
            return given[0], given[1]
        found = [
            name
            for name in names
            if name in given
            or (name != label and (_PAIRED.fullmatch(key := name.strip().lower()) or key in TEXT_NAMES))
        ]
        if len(given) == 2 or len(found) != 2 or not set(given) <= set(found):
            shown = ", ".join(map(repr, found)) if len(found) > 2 else ", ".join(map(repr, names))[:80]
            hint = "choose with --text_column and --text_pair_column"
            expected = " and ".join(map(repr, given)) if given else "two text columns"
            raise CorpusError(f"{where}: expected {expected} for a pair of texts, found {shown} ({hint})")
        first, second = found
        return (second, first) if self.text == second or self.pair == first else (first, second)


def _first(names: dict[str, str], wanted: Iterable[str]) -> str | None:
    return next((names[name] for name in wanted if name in names), None)
