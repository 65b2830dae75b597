"""The worst errors of a task model: wrong answers that it was surest of, in their context."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from elmo_lite.report.content import Answer, Mistake, Mistakes, Word
from elmo_lite.report.groups import is_right, spans
from elmo_lite.report.predictions import Label, Prediction, Predictions, Span

MAX_MISTAKES = 25
"""Number of errors in a list."""
MAX_OF_KIND = 12
"""Number of errors in a list of one kind."""
CONTEXT = 12
"""Number of words shown on either side of an entity."""
MAX_TEXT = 80
"""Number of words shown of a text."""
MISSED, INVENTED, OTHER = "missed entities", "entities where there are none", "entities of other words or another type"


def worst_mistakes(found: Predictions) -> list[Mistakes]:
    """The errors of which the model was surest: one list of texts or labels, or lists of entities by kind of error."""
    judged = [mistake for row in found.rows for mistake in mistakes_of(row)]
    if not found.rows or not found.rows[0].is_tagged:
        return _listed("Worst errors on dev", judged, MAX_MISTAKES, found.note)
    if found.is_of_words:
        return _listed("Worst errors on dev", judged, MAX_MISTAKES, found.note)
    lists = []
    for kind in (MISSED, INVENTED, OTHER):
        of_kind = [(sure, mistake) for sure, mistake in judged if _kind(mistake) == kind]
        lists += _listed(f"Worst errors on dev: {kind}", of_kind, MAX_OF_KIND, found.note)
    return lists


def _kind(mistake: Mistake) -> str:
    """The kind of an error in entities."""
    if mistake.predicted[0].probability is None:
        return MISSED
    return INVENTED if mistake.gold[0].probability is None else OTHER


def _listed(title: str, judged: list[tuple[float, Mistake]], most: int, note: str) -> list[Mistakes]:
    """A list of the worst errors, worst first; none without errors."""
    if not judged:
        return []
    worst = [mistake for _, mistake in sorted(judged, key=lambda pair: -pair[0])[:most]]
    number = f"{len(worst)} of {len(judged):,}, those first of which the model was surest" if len(judged) > 1 else ""
    return [Mistakes(title, worst, "; ".join(filter(None, (number, note))))]


def mistakes_of(row: Prediction) -> Iterator[tuple[float, Mistake]]:
    """The errors of a row, with how sure the model was of them in 0..1."""
    if is_right(row):
        return
    if isinstance(row.gold, Label) and isinstance(row.predicted, Label):
        words = context(row, 0, MAX_TEXT, [], [])
        yield (
            row.predicted.probability,
            Mistake(row.line, words, answers(row, [row.gold]), answers(row, [row.predicted])),
        )
        return
    right = {span.place for span in spans(row.gold)} & {span.place for span in spans(row.predicted)}
    gold = [span for span in spans(row.gold) if span.place not in right]
    predicted = [span for span in spans(row.predicted) if span.place not in right]
    for some_gold, some_predicted in _clusters(gold, predicted):
        together = [*some_gold, *some_predicted]
        sure = [span.probability for span in some_predicted] or [1 - span.probability for span in some_gold]
        start, end = min(span.start for span in together), max(span.end for span in together)
        words = context(row, start - CONTEXT, end + CONTEXT, some_gold, some_predicted)
        yield max(sure), Mistake(row.line, words, answers(row, some_gold), answers(row, some_predicted))


def _clusters(gold: Sequence[Span], predicted: Sequence[Span]) -> Iterator[tuple[list[Span], list[Span]]]:
    """Gold and predicted entities that overlap, directly or through others."""
    sides = sorted(
        [(span, True) for span in gold] + [(span, False) for span in predicted], key=lambda pair: pair[0].start
    )
    cluster: list[tuple[Span, bool]] = []
    end = 0
    for span, is_gold in sides:
        if cluster and span.start >= end:
            yield [each for each, side in cluster if side], [each for each, side in cluster if not side]
            cluster = []
        cluster.append((span, is_gold))
        end = max(end, span.end)
    if cluster:
        yield [each for each, side in cluster if side], [each for each, side in cluster if not side]


def context(row: Prediction, start: int, end: int, gold: Sequence[Span], predicted: Sequence[Span]) -> list[Word]:
    """The words from ``start`` to ``end - 1``, with an ellipsis where words are left out."""
    first, stop = max(start, 0), min(end, len(row.words))
    unseen = set(row.unseen)
    words = [
        Word(row.words[place], _is_in(place, gold), _is_in(place, predicted), place in unseen)
        for place in range(first, stop)
    ]
    return [*[Word("…")] * (first > 0), *words, *[Word("…")] * (stop < len(row.words))]


def _is_in(place: int, some: Sequence[Span]) -> bool:
    return any(span.start <= place < span.end for span in some)


def answers(row: Prediction, some: Sequence[Span | Label]) -> list[Answer]:
    """Labels, or entities as text with their types."""
    if not some:
        return [Answer("no entity", None)]
    return [Answer(_text(row, answer), answer.probability) for answer in some]


def _text(row: Prediction, answer: Span | Label) -> str:
    if isinstance(answer, Label):
        return answer.name
    return f"{answer.type} “{' '.join(row.words[answer.start : answer.end])}”"
