"""Scores of groups of predictions: by length of the sentence, by what the training data knew, by the model's doubt."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from elmo_lite.report.content import Cell, Score, Table
from elmo_lite.report.predictions import Label, Prediction, Predictions, Span

LENGTHS = (5, 10, 20, 40, 80)
"""Upper ends of the groups of sentences by their number of words; the last one has none."""
UNSEEN = (0, 1, 2, 5, 10)
"""Upper ends of the groups of texts by their number of unseen words."""
DOUBTS = (2, 10, 25, 50)
"""Upper ends of the groups of predictions by doubt, in percent."""
KNOWN = {
    2: "an entity of the training data",
    1: "new, of words of the training data",
    0: "new, with an unseen word",
}

KNOWN_WORDS = {2: "a word of the training data", 0: "a word that the training data lack"}

Spans = Sequence[Span]


def group_tables(found: Predictions) -> list[Table]:
    """The tables of all groups; a row is left out where nothing is in its group."""
    if not found.rows:
        return []
    if found.rows[0].is_tagged:
        return [_spans_by_length(found), _spans_by_knowledge(found), _by_doubt(found)]
    return [_labels_by(found, "length in words", LENGTHS, lambda row: len(row.words), "By length of the text"), *[
        _labels_by(found, "unseen words", UNSEEN, lambda row: len(row.unseen), "By words that the training data lack"),
        _by_doubt(found),
    ]]  # fmt: skip


def spans(answer: Any) -> Spans:
    """The entities of an answer; a label has none."""
    return () if isinstance(answer, Label) else answer


def is_right(row: Prediction) -> bool:
    """Whether the predicted label, or every predicted entity and no other, is gold."""
    if isinstance(row.gold, Label) and isinstance(row.predicted, Label):
        return row.gold.name == row.predicted.name
    return {span.place for span in spans(row.gold)} == {span.place for span in spans(row.predicted)}


def knowledge_scores(rows: Sequence[Prediction]) -> dict[str, dict[str, float | int | None]]:
    """Scores by what the training data knew.

    Returns:
        Of tagged sentences, "seen_entities" (they are in the training data), "new_of_known_words" and
        "with_unseen_word", with "support" (number of gold entities), "precision", "recall" and "f1". Of texts,
        "all_words_seen" and "with_unseen_words", with "support" (number of texts) and "accuracy". Scores are in
        percent, None where they are not defined.
    """
    if rows and not rows[0].is_tagged:
        halves = {"all_words_seen": False, "with_unseen_words": True}
        return {key: _accuracy([row for row in rows if bool(row.unseen) == half]) for key, half in halves.items()}
    keys = {2: "seen_entities", 1: "new_of_known_words", 0: "with_unseen_word"}
    found: dict[str, dict[str, float | int | None]] = {}
    for known, key in keys.items():
        support, *scores = _entity_scores(rows, lambda span, known=known: span.known == known)  # type: ignore[misc]
        percents = [score.percent if isinstance(score, Score) else None for score in scores]
        found[key] = {"support": int(str(support)), **dict(zip(("precision", "recall", "f1"), percents, strict=True))}
    return found


def _accuracy(rows: Sequence[Prediction]) -> dict[str, float | int | None]:
    score = _percent(sum(map(is_right, rows)), len(rows))
    return {"support": len(rows), "accuracy": None if score is None else score.percent}


def _spans_by_length(found: Predictions) -> Table:
    rows: list[list[Cell]] = []
    for title, members in _by_size(found.rows, LENGTHS, lambda row: len(row.words)):
        rows.append([title, len(members), *_scores(found, members, lambda span: True)])
    rows.append(["all", len(found.rows), *_scores(found, found.rows, lambda span: True)])
    head = ["words", "sentences", *_score_titles(found)]
    return Table("By length of the sentence", head, rows, found.note)


def _spans_by_knowledge(found: Predictions) -> Table:
    rows: list[list[Cell]] = []
    for known, title in (KNOWN_WORDS if found.is_of_words else KNOWN).items():
        scores = _scores(found, found.rows, lambda span, known=known: span.known == known)  # type: ignore[misc]
        rows.append([title, *scores])
    rows.append(["all", *_scores(found, found.rows, lambda span: True)])
    head = ["word" if found.is_of_words else "entity", *_score_titles(found)]
    return Table("By what the training data knew", head, rows, found.note)


def _score_titles(found: Predictions) -> list[str]:
    return ["labels", "accuracy"] if found.is_of_words else ["entities", "precision", "recall", "F1"]


def _scores(found: Predictions, rows: Iterable[Prediction], counts: Callable[[Span], bool]) -> list[Cell]:
    """Scores of the entities that count; of words, precision, recall and F1 are all the accuracy."""
    scores = _entity_scores(rows, counts)
    return [scores[0], scores[-1]] if found.is_of_words else scores


def _entity_scores(rows: Iterable[Prediction], counts: Callable[[Span], bool]) -> list[Cell]:
    """Number of gold entities, precision, recall and F1 of the entities that count."""
    num_gold = num_predicted = num_right = 0
    for row in rows:
        gold = {span.place for span in spans(row.gold) if counts(span)}
        predicted = {span.place for span in spans(row.predicted) if counts(span)}
        num_gold, num_predicted = num_gold + len(gold), num_predicted + len(predicted)
        num_right += len(gold & predicted)
    f1 = _percent(2 * num_right, num_gold + num_predicted)
    return [num_gold, _percent(num_right, num_predicted), _percent(num_right, num_gold), f1]


def _labels_by(
    found: Predictions, unit: str, ends: Sequence[int], size: Callable[[Prediction], int], title: str
) -> Table:
    groups = [*_by_size(found.rows, ends, size), ("all", found.rows)]
    rows = [[name, len(members), _percent(sum(map(is_right, members)), len(members))] for name, members in groups]
    return Table(title, [unit, "texts", "accuracy"], rows, found.note)


def _by_doubt(found: Predictions) -> Table:
    """How many of the predictions are right, by the probability that the model left to all other answers."""
    judged: list[tuple[float, bool]] = []  # doubt in percent, whether it is right
    for row in found.rows:
        if isinstance(row.predicted, Label):
            judged.append((_doubt(row.predicted), is_right(row)))
        gold = {span.place for span in spans(row.gold)}
        judged += [(_doubt(span), span.place in gold) for span in spans(row.predicted)]
    rows: list[list[Cell]] = []
    below = 0
    for end in (*DOUBTS, 100):
        group = [right for doubt, right in judged if below <= doubt < end + (end == 100)]
        if group:
            rows.append([f"{below} to {end} %", len(group), _percent(sum(group), len(group))])
        below = end
    of_entities = "labels predicted" if found.is_of_words else "entities predicted"
    unit = of_entities if found.rows[0].is_tagged else "texts"
    note = "doubt: the probability that the model left to all other answers"
    return Table("By the model's doubt", ["doubt", unit, "right"], rows, "; ".join(filter(None, (note, found.note))))


def _doubt(answer: Label | Span) -> float:
    return round(100 * (1 - answer.probability), 6)


def _by_size(
    rows: Sequence[Prediction], ends: Sequence[int], size: Callable[[Prediction], int]
) -> list[tuple[str, list[Prediction]]]:
    """Groups of rows by a size, with their names; empty ones are left out."""
    groups, first = [], min(ends[0], 1)
    for end in (*ends, None):
        members = [row for row in rows if size(row) >= first and (end is None or size(row) <= end)]
        name = f"more than {first - 1}" if end is None else str(end) if first == end else f"{first} to {end}"
        groups.append((name, members))
        first = 0 if end is None else end + 1
    return [(name, members) for name, members in groups if members]


def _percent(part: int, whole: int) -> Score | None:
    return Score(100 * part / whole) if whole else None
