"""Results of a ladder: one record for each rung, as JSON and as a table."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from elmo_lite.fields import read_settings
from elmo_lite.metadata import write_json

SMALLEST_NORM = 1e-12
"""Smallest norm of a gradient that is drawn."""


@dataclass(frozen=True, kw_only=True)
class RungResult:
    """What was measured of a rung."""

    name: str
    title: str
    parameters: int
    """Trainable parameters of a neural model, softmax included; n-grams that an n-gram model has counted."""
    words: int
    """Words and sentence ends that were trained on, each pass counted."""
    seconds: float
    """Seconds of training, validations included."""
    perplexity: float | None = None
    """Full-softmax perplexity of the forward model on the held-out text. None if the training failed."""
    backward_perplexity: float | None = None
    test_perplexity: float | None = None
    """The same on the test text, if there is one."""
    backward_test_perplexity: float | None = None
    dim: int | None = None
    """Width of the layers of a neural model."""
    sentence: str = ""
    """A generated sentence."""
    points: list[Any] = field(default_factory=list)
    """[seconds, perplexity of the forward model] on the held-out sample, by validation."""
    gradients: dict[str, Any] = field(default_factory=dict)
    """Norms of ``gradients.gradient_norms`` "before" and "after" training."""
    failed: str = ""
    """Why the training ended without a model."""

    @property
    def words_per_second(self) -> float:
        """Words that were trained on per second."""
        return self.words / self.seconds if self.seconds > 0 else 0.0

    @classmethod
    def read(cls, path: Path) -> RungResult | None:
        """Read a result; None if there is none.

        Raises:
            CheckpointError: The file is damaged.
        """
        try:
            return read_settings(path, cls)
        except FileNotFoundError:
            return None

    def write(self, path: Path) -> None:
        """Write the result, whole or not at all."""
        write_json(path, dataclasses.asdict(self), "result", with_checksum=True)


def table(results: Sequence[RungResult]) -> str:
    """The results as lines of text."""
    has_test = any(result.test_perplexity is not None for result in results)
    head = ["model", "perplexity", *(["test"] if has_test else []), "parameters", "words/s", "seconds", "width"]
    rows = [head]
    for result in results:
        rows.append(
            [
                result.title,
                _number(result.perplexity),
                *([_number(result.test_perplexity)] if has_test else []),
                f"{result.parameters:,}",
                f"{result.words_per_second:,.0f}",
                f"{result.seconds:,.1f}" if result.seconds < 100 else f"{result.seconds:,.0f}",
                "" if result.dim is None else str(result.dim),
            ]
        )
        if result.backward_perplexity is not None:
            backward = [_number(result.backward_perplexity)]
            backward += [_number(result.backward_test_perplexity)] if has_test else []
            rows.append(["  its backward direction", *backward, *[""] * (len(head) - 1 - len(backward))])
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]

    def line(row: Sequence[str]) -> str:
        cells = [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        return "  ".join([row[0].ljust(widths[0]), *cells]).rstrip()

    return "\n".join(map(line, rows))


def _number(perplexity: float | None) -> str:
    return "failed" if perplexity is None else f"{perplexity:,.1f}"


def sentences(results: Sequence[RungResult]) -> str:
    """The generated sentences and the failures, a line for each model."""
    width = max(len(result.title) for result in results)
    return "\n".join(f"{result.title:<{width}}  {result.failed or result.sentence}".rstrip() for result in results)


def order_found(results: Sequence[RungResult]) -> str:
    """The order of the n-gram model, the RNN and the LSTM, beside that of lectures; empty if one is missing."""
    found = {result.name: result for result in results if result.perplexity is not None}
    names = {"ngram": "n-gram", "rnn_tanh": "RNN", "lstm": "LSTM"}
    if not names.keys() <= found.keys():
        return ""
    ranked = sorted(names, key=lambda name: -(found[name].perplexity or 0.0))
    text = "from worst to best: " + ", ".join(names[name] for name in ranked)
    if ranked == list(names):
        return f"{text}, the order of the lectures"
    size = found["ngram"].words
    passes = " and ".join(f"the {names[name]} {found[name].words / size:.1f}" for name in ("rnn_tanh", "lstm"))
    return (
        f"{text}. Lectures have n-gram, RNN, LSTM, after dozens of passes over a million words. Here {passes} passes "
        f"over {size:,} words and sentence ends: less text and less time favour counting"
    )
