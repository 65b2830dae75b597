"""The share of one of several processes in the batch of a step: every n-th row.

The batch of a step is what the settings say, whatever the number of processes. The processes read its rows in turn, so
that each row is read once, each process has about as many words, and the same words are read in the same steps.
"""

from __future__ import annotations

from typing import NamedTuple


class Share(NamedTuple):
    """The rows of a batch that a process reads."""

    rank: int = 0
    """Number of the process, in 0..size - 1."""
    size: int = 1
    """Number of processes."""

    @property
    def rows(self) -> slice:
        """The rows among those of the whole batch."""
        return slice(self.rank, None, self.size)


WHOLE = Share()
"""The share of a single process."""
