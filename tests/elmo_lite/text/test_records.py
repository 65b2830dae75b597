"""Lines of JSON."""

from pathlib import Path

import pytest

from elmo_lite.errors import CorpusError
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
