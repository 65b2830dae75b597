"""Rows of CSV and TSV files."""

from pathlib import Path

import pytest

from elmo_lite.errors import CorpusError
from elmo_lite.text.tables import column_names, table_rows


def rows(folder: Path, content: str, separator: str | None = None, *, has_header: bool = True) -> list[dict[str, str]]:
    path = folder / "table"
    path.write_bytes(content.encode())
    return [row for row, _, _ in table_rows(path, separator, has_header=has_header)]


def test_cells_of_any_length(tmp_path: Path) -> None:
    """The csv module alone refuses cells of more than 131,072 characters."""
    review = "long " * 60_000
    assert rows(tmp_path, f'review,sentiment\n"{review}",good\n', ",") == [{"review": review, "sentiment": "good"}]


def test_tsv_as_pandas_writes_it(tmp_path: Path) -> None:
    content = 'text\tlabel\n"She said ""so good"" and left."\tyes\nPlain.\tno\n'
    assert [row["text"] for row in rows(tmp_path, content, "\t")] == ['She said "so good" and left.', "Plain."]
    content = 'text\tlabel\n"two\nlines"\tyes\n'
    assert rows(tmp_path, content, "\t") == [{"text": "two\nlines", "label": "yes"}]
    content = "text\tlabel\n" + "Plain.\tno\n" * 198 + '"two\nlines"\tyes\n'  # the examined part ends inside the cell
    assert rows(tmp_path, content, "\t")[-1] == {"text": "two\nlines", "label": "yes"}
    content = '"text"\t"label"\n"so good"\t"yes"\n'
    assert rows(tmp_path, content, "\t") == [{"text": "so good", "label": "yes"}]


@pytest.mark.parametrize("text", ['"so good', '"so" good', '"so good"', 'so "good"', '"', '""'])
def test_quotation_marks_of_other_tsv_are_text(tmp_path: Path, text: str) -> None:
    assert rows(tmp_path, f"text\tlabel\n{text}\tyes\nPlain.\tno\n", "\t")[0]["text"] == text


def test_separator_of_the_header(tmp_path: Path) -> None:
    assert rows(tmp_path, 'text;label\n"a;b";1\n', ",") == [{"text": "a;b", "label": "1"}]
    assert rows(tmp_path, "text\tlabel\na, b\t1\n", ",") == [{"text": "a, b", "label": "1"}]
    assert rows(tmp_path, "text\na\n", ",") == [{"text": "a"}]


def test_numbers_without_header(tmp_path: Path) -> None:
    assert rows(tmp_path, "a\tb\n", "\t", has_header=False) == [{"1": "a", "2": "b"}]
    assert column_names(tmp_path / "table") == ["a", "b"]


def test_the_first_of_two_equal_names_is_read(tmp_path: Path) -> None:
    assert rows(tmp_path, "text,text,label\na,b,c\n", ",") == [{"text": "a", "label": "c"}]


def test_places(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('text,label\n"two\nlines",1\nb\n')
    found = table_rows(path, ",")
    assert next(found)[1:] == (f"{path}, line 2", 2)
    with pytest.raises(CorpusError, match="a.csv, line 4: expected 2 columns, found 1"):
        next(found)


def test_an_open_quotation_mark_is_named(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="line 2: expected comma-separated values"):
        rows(tmp_path, 'text,label\n"never closed,1\n' + "a,b\n" * 100, ",")
