"""Scores of groups, errors and confusions, against counts by hand."""

from pathlib import Path
from typing import Any

import pytest

from elmo_lite.errors import CheckpointError
from elmo_lite.report.confusion import confusion
from elmo_lite.report.content import Score, Table
from elmo_lite.report.groups import group_tables
from elmo_lite.report.mistakes import INVENTED, MISSED, OTHER, worst_mistakes
from elmo_lite.report.predictions import read_predictions
from tests.elmo_lite.report.made_runs import labelled, predictions, tagged


def read(path: Path, *rows: Any, **facts: Any) -> Any:
    predictions(path, *rows, **facts)
    return read_predictions(path)


def plain(table: Table) -> list[list[Any]]:
    return [[round(cell.percent, 1) if isinstance(cell, Score) else cell for cell in row] for row in table.rows]


def test_groups_of_entities(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        tagged("Anna saw Bob", [[0, 1, "PER", 0.9, 2], [2, 3, "PER", 0.1, 0]], [[0, 1, "PER", 0.99, 2]], (2,)),
        tagged("a b c d e Rome f", [[5, 6, "LOC", 0.4, 1]], [[5, 6, "PER", 0.6, 1], [0, 1, "LOC", 0.3, 1]]),
    )
    by_length, by_knowledge, by_doubt = map(plain, group_tables(found))
    assert by_length == [
        ["1 to 5", 1, 2, 100.0, 50.0, 66.7],
        ["6 to 10", 1, 1, 0.0, 0.0, 0.0],
        ["all", 2, 3, 33.3, 33.3, 33.3],
    ]
    assert [row[1:] for row in by_knowledge] == [
        [1, 100.0, 100.0, 100.0],
        [1, 0.0, 0.0, 0.0],
        [1, None, 0.0, 0.0],
        [3, 33.3, 33.3, 33.3],
    ]
    assert by_doubt == [["0 to 2 %", 1, 100.0], ["25 to 50 %", 1, 0.0], ["50 to 100 %", 1, 0.0]]


def test_groups_of_labels(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        labelled("good", ["a", 0.9], ["a", 0.9]),
        labelled("one two three four five six", ["a", 0.25], ["b", 0.75], (0, 1, 2)),
        labelled("so so", ["b", 0.4], ["a", 0.6], (0,)),
    )
    by_length, by_unseen, by_doubt = map(plain, group_tables(found))
    assert by_length == [["1 to 5", 2, 50.0], ["6 to 10", 1, 0.0], ["all", 3, 33.3]]
    assert by_unseen == [["0", 1, 100.0], ["1", 1, 0.0], ["3 to 5", 1, 0.0], ["all", 3, 33.3]]
    assert by_doubt == [["10 to 25 %", 1, 100.0], ["25 to 50 %", 2, 0.0]]


def test_errors_are_shown_in_their_context_by_kind(tmp_path: Path) -> None:
    words = " ".join(f"w{number}" for number in range(40))
    row = tagged(words, [[20, 22, "ORG", 0.125, 1], [0, 1, "PER", 0.3, 2]], [[21, 23, "LOC", 0.75, 0]], (21,))
    found = worst_mistakes(read(tmp_path, row, tagged("a b", [], []), tagged("a b", [], [[1, 2, "PER", 0.5, 1]])))
    assert [each.title.partition(": ")[2] for each in found] == [MISSED, INVENTED, OTHER]
    assert all(len(each.items) == 1 and each.note == "" and each.has_entities for each in found)
    (missed,), (invented,), (other,) = (each.items for each in found)
    assert [(answer.text, answer.probability) for answer in other.gold] == [("ORG “w20 w21”", 0.125)]
    assert [(answer.text, answer.probability) for answer in other.predicted] == [("LOC “w21 w22”", 0.75)]
    texts = [word.text for word in other.words]
    assert texts[0] == texts[-1] == "…" and texts[1:-1] == [f"w{number}" for number in range(8, 35)]
    marks = {word.text: (word.is_gold, word.is_predicted, word.is_unseen) for word in other.words}
    assert marks["w20"] == (True, False, False) and marks["w21"] == (True, True, True)
    assert marks["w22"] == (False, True, False) and marks["w23"] == (False, False, False)
    assert [answer.text for answer in missed.predicted] == ["no entity"] and missed.predicted[0].probability is None
    assert [answer.text for answer in invented.gold] == ["no entity"] and invented.words[-1].text == "b"


def test_the_surest_errors_come_first(tmp_path: Path) -> None:
    rows = [labelled("word", ["a", 0.25], ["b", 0.5 + number / 100]) for number in range(40)]
    (found,) = worst_mistakes(read(tmp_path, *rows))
    assert found.note == "25 of 40, those first of which the model was surest"
    assert [mistake.predicted[0].probability for mistake in found.items[:2]] == [0.89, 0.88]
    assert worst_mistakes(read(tmp_path, labelled("word", ["a", 0.75], ["a", 0.75]))) == []
    rows = [tagged("a", [[0, 1, "PER", number / 100, 1]], []) for number in range(40)]
    (found,) = worst_mistakes(read(tmp_path, *rows))
    assert len(found.items) == 12 and [mistake.gold[0].probability for mistake in found.items[:2]] == [0.0, 0.01]


def test_a_part_of_dev_is_named(tmp_path: Path) -> None:
    found = read(tmp_path, labelled("word", ["a", 0.75], ["a", 0.75]), sentences=5000)
    assert group_tables(found)[0].note == "1 of the 5,000 sentences of dev"


def test_no_predictions(tmp_path: Path) -> None:
    assert read_predictions(tmp_path) is None
    assert group_tables(read(tmp_path)) == [] and worst_mistakes(read(tmp_path)) == []


GOOD = labelled("word", ["a", 0.75], ["a", 0.75])


@pytest.mark.parametrize(
    "row",
    [
        {**GOOD, "line": "1"},
        {**GOOD, "words": "word"},
        {**GOOD, "words": [1]},
        {**GOOD, "unseen": [True]},
        {**GOOD, "gold": None},
        {**GOOD, "gold": ["a", 1.5]},
        {**GOOD, "gold": ["a", float("nan")]},
        {**GOOD, "gold": ["a"]},
        {**GOOD, "gold": []},
        tagged("a b", [[0, 1, "PER", 0.5]], []),
        tagged("a b", [[1, 1, "PER", 0.5, 1]], []),
        tagged("a b", [[0, 1, 3, 0.5, 1]], []),
        tagged("a b", [[-1, 1, "PER", 0.5, 1]], []),
        tagged("a b", [3], []),
        tagged("a b", [], []),  # of another kind than the first row
        [],
        None,
    ],
)
def test_damaged_rows(row: Any, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"predictions.jsonl, line 3: expected a prediction, found "):
        read(tmp_path, GOOD, row)


@pytest.mark.parametrize("facts", [{"format_version": 2}, {"kept": 7}, {"sentences": "1"}, {"more": 1}])
def test_damaged_facts(facts: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"predictions.jsonl, line \d: expected a prediction, found "):
        read(tmp_path, GOOD, **facts)


def test_spans_beyond_the_words_that_were_kept(tmp_path: Path) -> None:
    (found,) = worst_mistakes(read(tmp_path, tagged("a b", [[500, 501, "PER", 0.5, 1]], [])))
    assert found.items[0].gold[0].text == "PER “”"


def test_many_labels_are_folded() -> None:
    labels = [f"l{number}" for number in range(30)]
    counts = [[5 if one == other else int(one == 29) for other in range(30)] for one in range(30)]
    found = confusion("title", labels, counts)
    assert len(found.labels) == 20 and found.labels[-1] == "others" and "l29" in found.labels
    assert sum(map(sum, found.counts)) == sum(map(sum, counts))
    assert confusion("title", ["a"], [[1]]).counts == [[1]]
    with pytest.raises(ValueError, match="1 rows of counts for 2 labels"):
        confusion("title", ["a", "b"], [[1, 2]])
