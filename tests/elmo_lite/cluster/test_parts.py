"""Parts of Parquet files: every row once, in order, with its place, whatever the row groups."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from elmo_lite.cluster import parts
from elmo_lite.cluster.parts import Part, Place, parts_of_file
from elmo_lite.errors import CorpusError


def write(path: Path, row_group_size: int = 1000, **columns: Any) -> str:
    parquet.write_table(pa.table(columns), path, row_group_size=row_group_size)
    return str(path)


@pytest.mark.parametrize("row_group_size", [1, 7, 64, 1000, 5000])
@pytest.mark.parametrize("part_bytes", [1, 500, 1 << 30])
def test_each_row_is_in_one_part(
    row_group_size: int, part_bytes: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "PART_BYTES", part_bytes)
    words = [[f"w{n}", "of", "many"] for n in range(150)]
    path = write(tmp_path / "a.parquet", row_group_size, words=words, other=list(range(150)))
    found = parts_of_file(path, "a.parquet", None, 5, 100)
    assert [part.part for part in found] == list(range(5, 5 + len(found)))
    assert len(found) == {1: 150, 1 << 30: 1}.get(part_bytes, len(found))
    rows = [row for part in found for row in part.rows()]
    assert [value for _, value in rows] == words
    assert [place for place, _ in rows] == [Place(100 + n, "a.parquet", n + 1, "record") for n in range(150)]
    assert str(rows[3][0]) == "a.parquet, record 4"


def test_parts_hold_about_as_many_bytes_as_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "PART_BYTES", 10_000)
    path = write(tmp_path / "a.parquet", 300, text=[f"line {n} " + "x" * 90 for n in range(3000)], id=list(range(3000)))
    found = parts_of_file(path, path, None, 0, 0)
    assert 25 <= len(found) <= 40  # of 300 kB


def test_more_rows_than_a_batch_of_the_reader(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", 2500, text=[str(n) for n in range(6000)])
    for first, number in ((0, 6000), (1000, 2000), (2400, 200), (5990, 10), (1024, 1024)):
        found = [value for _, value in Part(0, path, first, number, 0, "a").rows()]
        assert found == [str(n) for n in range(first, first + number)]


def test_the_column_is_chosen_as_everywhere(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", text=["a b"], words=[["c"]], body=["d"])
    with pytest.raises(CorpusError, match=r"^a.parquet: expected one column of text, words, tokens, found text, words"):
        parts_of_file(path, "a.parquet", None, 0, 0)
    with pytest.raises(CorpusError, match=r"^a.parquet: expected a column 'none'"):
        parts_of_file(path, "a.parquet", "none", 0, 0)
    assert [value for _, value in parts_of_file(path, "a.parquet", "body", 0, 0)[0].rows("body")] == ["d"]


def test_a_file_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(b"PAR1 and nothing else")
    with pytest.raises(CorpusError, match=r"a.parquet: expected a Parquet file"):
        parts_of_file(str(tmp_path / "a.parquet"), "a.parquet", None, 0, 0)


def test_a_file_without_rows_has_no_parts(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", text=pa.array([], pa.string()))
    assert parts_of_file(path, "a.parquet", None, 0, 0) == []
