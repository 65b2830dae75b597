"""Progress of the training of a head on standard error: a bar per epoch, then a line."""

from __future__ import annotations

import sys
from typing import Any

from tqdm import tqdm


class Progress:
    """A bar on a terminal, and one line per epoch."""

    def __init__(self, shows: bool) -> None:
        """Show nothing if ``shows`` is false."""
        self.shows = shows
        self._bar: tqdm[Any] | None = None

    def start_epoch(self, epoch: int, num_batches: int) -> None:
        """Open the bar of an epoch, counted from 1."""
        self._bar = tqdm(
            total=num_batches,
            desc=f"epoch {epoch}",
            unit="batch",
            leave=False,
            file=sys.stderr,
            disable=None if self.shows else True,  # None shows the bar on a terminal only
        )

    def advance(self) -> None:
        """Count a batch."""
        if self._bar is not None:
            self._bar.update(1)

    def end_epoch(self, facts: dict[str, Any], is_best: bool) -> None:
        """Print the line of an epoch.

        Args:
            facts: An entry of ``FinetuneResult.epochs``.
            is_best: Whether its score is the best so far.
        """
        self.close()
        if not self.shows:
            return
        mixes = [
            f"{place} mix {' '.join(f'{weight:.2f}' for weight in weights)} x {gamma:.2f}"
            for place, (weights, gamma) in facts["mix"].items()
        ]
        parts = [
            f"epoch {facts['epoch']:>2}",
            f"loss {facts['loss']:.3f}",
            f"dev {facts['dev']['main']:.2f}{' *' if is_best else '  '}",
            f"{facts['seconds'] + facts['dev_seconds']:.1f} s",
            f"{facts['words_per_second']:,.0f} words/s",
            *mixes,
        ]
        tqdm.write("  ".join(parts), file=sys.stderr)

    def close(self) -> None:
        """Close the bar."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None
