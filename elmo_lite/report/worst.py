"""The worst sentences of a model, as a page and as JSON lines: wrong ones, those first of which it was surest."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from elmo_lite.report.content import Mistake, Mistakes
from elmo_lite.report.groups import spans
from elmo_lite.report.mistakes import MAX_TEXT, answers, context, mistakes_of
from elmo_lite.report.page import make_error_page
from elmo_lite.report.predictions import Label, Prediction

WORST = 10
"""Number of sentences."""


def worst_sentences(rows: Sequence[Prediction], most: int = WORST) -> list[tuple[float, Prediction]]:
    """The wrong sentences with the least doubt.

    Args:
        rows: Predictions.
        most: Number of sentences at most. Defaults to 10.

    Returns:
        The doubt of each, in 0..1, and its prediction, least doubt first. The doubt is that of its surest error: the
        probability that the model left to all answers but its own.
    """
    wrong = [(min(1 - sure for sure, _ in found), row) for row in rows if (found := list(mistakes_of(row)))]
    return sorted(wrong, key=lambda pair: pair[0])[:most]


def error_page(rows: Sequence[Prediction], title: str, part: str) -> str:
    """One HTML page of the worst sentences, without scripts and without references to other files.

    Args:
        rows: Predictions.
        title: Name of the model.
        part: Name of the data, such as "dev".
    """
    worst = worst_sentences(rows)
    wrong = len(worst_sentences(rows, len(rows)))
    size = f"{wrong:,} of {len(rows):,} sentences are wrong"
    note = f"{size}; the {len(worst)} of which the model was surest" if len(worst) < wrong else size
    return make_error_page(title, Mistakes(f"Worst sentences on {part}", [_mistake(*pair) for pair in worst], note))


def error_lines(rows: Sequence[Prediction]) -> str:
    """The worst sentences as JSON lines: "line", "words", "unseen", "gold", "predicted", "doubt"."""
    return "".join(
        json.dumps(_record(doubt, row), ensure_ascii=False).encode("utf-8", "backslashreplace").decode() + "\n"
        for doubt, row in worst_sentences(rows)
    )


def _mistake(doubt: float, row: Prediction) -> Mistake:
    gold, predicted = spans(row.gold), spans(row.predicted)
    if row.is_of_words:  # of a label for each word, the wrong ones are shown
        common = {span.place for span in gold} & {span.place for span in predicted}
        gold, predicted = ([span for span in some if span.place not in common] for some in (gold, predicted))
    if isinstance(row.gold, Label) and isinstance(row.predicted, Label):
        right, found = answers(row, [row.gold]), answers(row, [row.predicted])
    else:
        right, found = answers(row, gold), answers(row, predicted)
    start = max(0, min([span.start for span in (*gold, *predicted)], default=0) - MAX_TEXT // 2)
    return Mistake(row.line, context(row, start, start + MAX_TEXT, gold, predicted), right, found, doubt)


def _record(doubt: float, row: Prediction) -> dict[str, Any]:
    return {
        "line": row.line,
        "words": list(row.words),
        "unseen": list(row.unseen),
        "gold": _answer(row, row.gold),
        "predicted": _answer(row, row.predicted),
        "doubt": round(doubt, 4),
    }


def _answer(row: Prediction, answer: Any) -> Any:
    if isinstance(answer, Label):
        return {"label": answer.name, "probability": answer.probability}
    return [
        {
            "start": span.start,
            "end": span.end,
            "type": span.type,
            "text": " ".join(row.words[span.start : span.end]),
            "probability": span.probability,
        }
        for span in answer
    ]
