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
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from elmo_lite.files import write_text
from tasks.training.head import Example
from tasks.training.seen import Seen as Seen

PREDICTIONS = "predictions.jsonl"
FORMAT_VERSION = 1
MAX_SENTENCES, MAX_BYTES = 20_000, 16 << 20
"""Bounds of the file. Of more sentences, evenly spaced ones are kept."""
MAX_WORDS = 1000


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
        _line(row_of(example.words, answer, seen))
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


def row_of(words: Sequence[str], answer: Mapping[str, Any], seen: Seen | None) -> dict[str, Any]:
    """The row of a sentence.

    Args:
        words: Its words.
        answer: Its "line", "gold" and "predicted", see ``Task.answer``.
        seen: What the training data hold; None if nobody knows, which counts as known words in new entities.
    """
    unseen = [] if seen is None else [index for index, word in enumerate(words) if not seen.has_word(word)]
    return {
        "line": answer["line"],
        "words": list(words[:MAX_WORDS]),
        "unseen": unseen,
        "gold": _known(answer["gold"], words, seen),
        "predicted": _known(answer["predicted"], words, seen),
    }


def _known(answer: Sequence[Any], words: Sequence[str], seen: Seen | None) -> list[Any]:
    """A label with its probability, or entities, each with what the training data know of it."""
    if answer and isinstance(answer[0], str):
        label, probability = answer
        return [label, round(probability, 4)]
    return [
        [start, end, kind, round(probability, 4), 1 if seen is None else seen.how_known(tuple(words[start:end]))]
        for start, end, kind, probability in answer
    ]
