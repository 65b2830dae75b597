"""What was done to labels that could not be taken as they are: counted, with the first few of each kind."""

from __future__ import annotations

import logging

log = logging.getLogger("elmo_lite")

_SHOWN = 3


class Notes:
    """Counts of adjustments by their title, with the first examples."""

    def __init__(self) -> None:
        """Begin without any."""
        self.counts: dict[str, int] = {}
        self._shown: dict[str, list[str]] = {}

    def add(self, title: str, example: str) -> None:
        """Count an adjustment.

        Args:
            title: Its kind, as a plural: "spans that end inside a word, extended".
            example: Place and text.
        """
        self.counts[title] = self.counts.get(title, 0) + 1
        shown = self._shown.setdefault(title, [])
        if len(shown) < _SHOWN:
            shown.append(example)

    def report(self, name: str) -> None:
        """Log a line for each kind.

        Args:
            name: Name of the source.
        """
        for title, count in self.counts.items():
            examples = "; ".join(self._shown[title]) + ("; ..." if count > _SHOWN else "")
            log.warning("%s: %s: %s (%s)", name, title, f"{count:,}", examples)
