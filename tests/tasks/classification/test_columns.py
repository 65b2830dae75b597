"""The columns of texts, pairs and labels: detected by name, given, and what is wrong with them."""

import pytest

from elmo_lite import CorpusError
from tasks.classification.columns import Chosen, Columns


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ("pair_ID sentence_A sentence_B relatedness_score label", ("sentence_A", "sentence_B", "label")),
        ("premise hypothesis label", ("premise", "hypothesis", "label")),
        ("label text text_pair", ("text", "text_pair", "label")),
        ("id qid1 Question1 Question2 label", ("Question1", "Question2", "label")),
        ("s1 s2 sentiment", ("s1", "s2", "sentiment")),
        ("sentence review class", ("sentence", "review", "class")),
    ],
)
def test_pairs_are_found_by_name(names: str, expected: tuple[str, str, str]) -> None:
    assert Columns(pairs=True).find(names.split(), "a.tsv") == Chosen(*expected)


def test_pairs_by_given_columns() -> None:
    names = "a b c text label".split()
    assert Columns("a", "c", pair="b", pairs=True).find(names, "") == ("a", "b", "c")
    assert Columns("a", pairs=True).find(names, "") == ("a", "text", "label")
    assert Columns(pair="a", pairs=True).find(names, "") == ("text", "a", "label")
    assert Columns(pair="text", text="a", pairs=True).find(names, "") == ("a", "text", "label")
    assert Columns(pairs=True, needs_label=False).find(["text1", "text2"], "") == ("text1", "text2", None)
    assert Columns("1", "3", pair="2", pairs=True).find(["1", "2", "3"], "") == ("1", "2", "3")


@pytest.mark.parametrize(
    ("names", "columns", "expected"),
    [
        (
            "text label",
            {},
            "expected two text columns for a pair of texts, found 'text', 'label' (choose with --text_c",
        ),
        ("a label", {}, "expected two text columns for a pair of texts, found 'a', 'label'"),
        (
            "text1 text2 text3 label",
            {},
            "expected two text columns for a pair of texts, found 'text1', 'text2', 'text3'",
        ),
        ("text1 text2 label", {"text": "b"}, "expected 'b' for a pair of texts, found 'text1', 'text2'"),
        ("text1 text2 label", {"text": "text1", "pair": "x"}, "expected 'text1' and 'x' for a pair of texts, found"),
        ("text1 text2 label", {"text": "text1", "pair": "text1"}, "expected 'text1' and 'text1' for a pair"),
        ("text1 text2 grade", {}, "expected columns 'text1' and 'label', found 'text1', 'text2', 'grade'"),
    ],
)
def test_pairs_that_are_not_two(names: str, columns: dict[str, str], expected: str) -> None:
    with pytest.raises(CorpusError) as error:
        Columns(**columns, pairs=True).find(names.split(), "a.tsv, line 1")  # type: ignore[arg-type]
    assert str(error.value).startswith("a.tsv, line 1: ") and expected in str(error.value)


def test_label_columns_by_kind() -> None:
    names = ["text", "labels", "label", "score"]
    found = {kind: Columns(kind=kind).find(names, "").label for kind in ("one", "several", "number")}  # type: ignore[arg-type]
    assert found == {"one": "label", "several": "labels", "number": "score"}
    with pytest.raises(CorpusError, match="expected columns 'text' and 'score', found 'text'"):
        Columns(kind="number").find(["text"], "a.tsv")
