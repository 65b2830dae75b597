"""Lines and arrays of JSON."""

import json
from pathlib import Path

import pytest

from elmo_lite.errors import CorpusError
from elmo_lite.text.lines import SAMPLE_SIZE
from elmo_lite.text.records import json_values
from elmo_lite.text.rows import read_rows


def test_objects(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes('\ufeff{"a": 1}\r\n\n  \n{"b": ["\\ud83d\\ude42", "\u2028"]}'.encode())
    assert list(read_rows(path, "jsonl")) == [
        ({"a": 1}, f"{path}, line 1", 1),
        ({"b": ["🙂", "\u2028"]}, f"{path}, line 4", 4),
    ]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"a":', "expected a JSON object, found none (Expecting value in column 6)"),
        ("[" * 100_000, "expected a JSON object, found none (maximum recursion depth"),
        ("[1]", "expected a JSON object, found list"),
        ('{"a": ["\\ud83d"]}', "expected text, found \\ud83d, half of a surrogate pair"),
        ('{"\\uDC00": 1}', "expected text, found \\udc00, half of a surrogate pair"),
    ],
    ids=["cut off", "deep", "list", "value", "key"],
)
def test_lines_that_are_no_objects(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(f'{{"a": 1}}\n{line}\n')
    with pytest.raises(CorpusError) as caught:
        list(read_rows(path, "jsonl"))
    assert str(caught.value).startswith(f"{path}, line 2: {message}")


def test_an_array_is_read_in_pieces(tmp_path: Path) -> None:
    """Wherever a piece ends: before a comma, inside a number, a string or a character."""
    path = tmp_path / "a.json"
    values = [1234567, {"a": ["été"]}, "🙂"]
    for blanks in range(SAMPLE_SIZE - 40, SAMPLE_SIZE + 2):
        path.write_text("[" + " " * blanks + json.dumps(values, ensure_ascii=False)[1:], "utf-8")
        assert [value for value, _, _ in json_values(path, is_array=True)] == values


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[{"a": 1}, ' + "[" * 100_000, ", record 2: expected JSON, found a value that is nested too deeply"),
        ('[{"a": 1}, {"a": ["\\ud83d"]}]', ", record 2: expected text, found \\ud83d, half of a surrogate pair"),
        ('[{"a": 1}] [2]', ": expected the end of the file after a JSON array, found '['"),
        ('[{"a": 1} 2]', ", record 1: expected a comma or ] in a JSON array, found '2'"),
    ],
    ids=["deep", "half a character", "more", "no comma"],
)
def test_arrays_that_are_none(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(CorpusError) as caught:
        list(json_values(path, is_array=True))
    assert str(caught.value) == f"{path}{message}"
