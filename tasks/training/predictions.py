"""The predictions of a model on dev, with its doubt: ``predictions.jsonl``, which ``elmo-lite report`` reads.

The first line has facts, every other one a sentence or text. JSON types; probabilities have four digits.

    facts      format_version, task, part ("dev"), sentences (in all), kept (in the file)
    sentence   line      place in the source
               words     words of the sentence, the first 1,000
               unseen    indices of the words that the training data lack
               gold, predicted
                         of a text: [label, probability]
                         of a tagged sentence: a list of [start, end, type, probability, known]; words start to end - 1;
                         known is 2 for an entity of the training data, 1 for known words alone, 0 with an unseen word

The file holds the text of dev and is no part of the saved model, which is complete without it.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from elmo_lite.files import write_text
from tasks.training.head import Example

PREDICTIONS = "predictions.jsonl"
FORMAT_VERSION = 1
MAX_SENTENCES, MAX_BYTES = 20_000, 16 << 20
"""Bounds of the file. Of more sentences, evenly spaced ones are kept."""
MAX_WORDS = 1000

Name = tuple[str, ...]
"""The words of an entity."""


def write_predictions(
    out: Path, task: str, examples: Sequence[Example], answers: Iterable[Mapping[str, Any]], seen: Seen
) -> Path:
    """Write the predictions on dev, whole or not at all.

    Args:
        out: Directory of the run.
        task: Kind of the task.
        examples: Sentences of dev.
        answers: "line", "gold" and "predicted" of each sentence; entities without ``known``, which is added here.
        seen: What the training data hold.

    Returns:
        The path of the file.
    """
    step = max(1, -(-len(examples) // MAX_SENTENCES))
    rows = [
        _line(seen.row(example.words, answer))
        for number, (example, answer) in enumerate(zip(examples, answers, strict=True))
        if number % step == 0
    ]
    while sum(map(len, rows)) > MAX_BYTES:
        rows = rows[::2]
    facts = {"format_version": FORMAT_VERSION, "task": task, "part": "dev"}
    header = _line({**facts, "sentences": len(examples), "kept": len(rows)})
    write_text(out / PREDICTIONS, "".join([header, *rows]))
    return out / PREDICTIONS


def _line(row: Mapping[str, Any]) -> str:
    """A row of JSON; a lone surrogate is written as its escape, which is JSON too."""
    text = json.dumps(row, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.encode("utf-8", "backslashreplace").decode() + "\n"


class Seen:
    """Words and entities of the training data."""

    def __init__(self, words: Iterable[Sequence[str]], names: Collection[Name]) -> None:
        """Collect them.

        Args:
            words: Words of each training sentence.
            names: Entities of the training data; empty if the task has none.
        """
        self.words = {word for sentence in words for word in sentence}
        self.names = set(names)

    def row(self, words: Sequence[str], answer: Mapping[str, Any]) -> dict[str, Any]:
        """The row of a sentence."""
        unseen = [index for index, word in enumerate(words) if word not in self.words]
        return {
            "line": answer["line"],
            "words": list(words[:MAX_WORDS]),
            "unseen": unseen,
            "gold": self._known(answer["gold"], words),
            "predicted": self._known(answer["predicted"], words),
        }

    def _known(self, answer: Sequence[Any], words: Sequence[str]) -> list[Any]:
        """A label with its probability, or entities, each with what the training data know of it."""
        if answer and isinstance(answer[0], str):
            label, probability = answer
            return [label, round(probability, 4)]
        return [
            [start, end, kind, round(probability, 4), self._how_known(tuple(words[start:end]))]
            for start, end, kind, probability in answer
        ]

    def _how_known(self, name: Name) -> int:
        return 2 if name in self.names else int(all(word in self.words for word in name))
