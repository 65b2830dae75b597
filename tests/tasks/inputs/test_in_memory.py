"""Texts in memory: lists, arrays and columns, and what is no list of texts."""

from typing import Any

import numpy as np
import pytest

from elmo_lite import CorpusError
from tasks.inputs.in_memory import items_of


def test_lists_arrays_and_columns() -> None:
    pd = pytest.importorskip("pandas")
    for values in (["a", "b"], ("a", "b"), iter(["a", "b"]), np.array(["a", "b"]), pd.Series(["a", "b"], index=[5, 3])):
        assert items_of(values, "texts", "text") == ["a", "b"]
    assert items_of([np.array(["a", "b"]), ["c"]], "texts", "text") == [["a", "b"], ["c"]]
    assert items_of([], "texts", "text") == []


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ("one", "a list of texts, found one string: put it in a list"),
        (b"one", "a list of texts, found one string: put it in a list"),
        ({"a": 1}, "a list of texts, found dict"),
        (7, "a list of texts, found int"),
        (None, "a list of texts, found NoneType"),
        (np.array([["a"]]), "one text per item, found ndarray of shape (1, 1): pass one column"),
        (np.array("a"), "one text per item, found ndarray of shape (): pass one column"),
    ],
)
def test_what_is_no_list(values: Any, found: str) -> None:
    with pytest.raises(CorpusError) as error:
        items_of(values, "texts", "text")
    assert str(error.value) == f"texts: expected {found}"


def test_a_table_is_not_its_column_names() -> None:
    pd = pytest.importorskip("pandas")
    with pytest.raises(CorpusError, match=r"^texts: expected one text per item, found DataFrame of shape \(1, 2\)"):
        items_of(pd.DataFrame({"text": ["a"], "label": ["b"]}), "texts", "text")
