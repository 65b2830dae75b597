"""Text and JSON lines in parts: places, lines that cannot be read, and inputs that are refused."""

import gzip
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from elmo_lite.cluster import parts
from elmo_lite.cluster.input_parts import find_inputs, write_parts
from elmo_lite.cluster.skipped_rows import SkippedRow
from elmo_lite.errors import CorpusError

BAD = b'["a"]\n{"text": "b c"}\n\n["d", 7]\nnot json\n[["e"]]\n"f"\n["\\u0000"]\n["g"]'


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "kept").mkdir()
    return tmp_path


def rows_of(given: str, *, skip: bool = False, field: str | None = None, **options: Any) -> tuple[list[Any], list[Any]]:
    """Rows of all parts as (id, place, value), and skipped rows."""
    sources = find_inputs(given, options.get("numbered_lines", False))
    found, skipped = write_parts(sources, field, Path("kept"), Path("kept").absolute(), skip)
    assert [part.part for part in found] == list(range(len(found)))
    return [(place.id, str(place), value) for part in found for place, value in part.rows(field)], skipped


@pytest.mark.parametrize("part_bytes", [1, 10, 1 << 20])
def test_lines_of_text(part_bytes: int, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "PART_BYTES", part_bytes)
    (here / "b.txt").write_text("\ufeffone two\n\nthree\r\nfour", encoding="utf-8")
    (here / "a.txt.gz").write_bytes(gzip.compress(b"zero\n"))
    expected = [(0, "a.txt.gz, line 1", "zero"), (1, "b.txt, line 1", "one two"), (2, "b.txt, line 2", "")]
    expected += [(3, "b.txt, line 3", "three\r"), (4, "b.txt, line 4", "four")]
    assert rows_of("*.txt*") == (expected, [])


def test_numbered_lines(here: Path) -> None:
    (here / "a.txt").write_text("1\tone\n2\ttwo\n")
    assert [value for _, _, value in rows_of("a.txt", numbered_lines=True)[0]] == ["one", "two"]


def test_a_line_that_cannot_be_read_is_named_or_skipped(here: Path) -> None:
    (here / "a.jsonl").write_bytes(BAD)
    with pytest.raises(CorpusError, match="^a.jsonl, line 4: expected words"):
        rows_of("a.jsonl")
    found, skipped = rows_of("a.jsonl", skip=True)
    assert found == [
        (0, "a.jsonl, line 1", ["a"]),
        (1, "a.jsonl, line 2", "b c"),
        (2, "a.jsonl, line 3", ""),
        (6, "a.jsonl, line 7", "f"),
        (8, "a.jsonl, line 9", ["g"]),
    ]
    assert [(row.file, row.line) for row in skipped] == [("a.jsonl", line) for line in (4, 5, 6, 8)]
    assert all(row.error.startswith(f"a.jsonl, line {row.line}: expected") for row in skipped)


def test_bytes_that_are_not_text(here: Path) -> None:
    (here / "a.txt").write_bytes(b"one\nna\xefve\ntwo\0\n\nthree\n")
    with pytest.raises(CorpusError, match="^a.txt, line 2, byte 6: expected UTF-8"):
        rows_of("a.txt")
    found, skipped = rows_of("a.txt", skip=True)
    assert [value for _, _, value in found] == ["one", "", "three"]
    byte = "byte 0xef (invalid continuation byte); iconv converts other encodings"
    assert skipped == [
        SkippedRow("a.txt", 2, f"a.txt, line 2, byte 6: expected UTF-8, found {byte}"),
        SkippedRow("a.txt", 3, "a.txt, line 3, byte 13: expected text, found a NUL byte"),
    ]


def test_a_directory_of_parquet_is_read_where_it_lies(here: Path) -> None:
    (here / "d[1]" / "year=1").mkdir(parents=True)
    parquet.write_table(pa.table({"text": ["one", "two"]}), "d[1]/b.parquet")
    parquet.write_table(pa.table({"text": ["three"]}), "d[1]/year=1/a.parquet")
    parquet.write_table(pa.table({"text": pa.array([], pa.string())}), "d[1]/a.parquet")
    (here / "d[1]" / "_SUCCESS").touch()
    found, _ = rows_of("d[1]")
    assert found == [
        (0, "d[1]/b.parquet, record 1", "one"),
        (1, "d[1]/b.parquet, record 2", "two"),
        (2, "d[1]/year=1/a.parquet, record 1", "three"),
    ]
    assert list((here / "kept").iterdir()) == []


def test_parquet_and_text_by_one_glob(here: Path) -> None:
    (here / "in").mkdir()
    (here / "in" / "a.jsonl").write_text('["one"]\n["two"]\n')
    parquet.write_table(pa.table({"words": [["three"]]}), "in/b.parquet")
    (here / "in" / "c.txt").write_text("four\n")
    assert [(number, value) for number, _, value in rows_of("in/*")[0]] == [
        (0, ["one"]),
        (1, ["two"]),
        (2, ["three"]),
        (3, "four"),
    ]


@pytest.mark.parametrize(
    ("name", "content", "match"),
    [
        ("a.csv", "text\nb\n", "^a.csv: expected files of Parquet, JSON lines or text, found CSV .--engine local"),
        ("a.conll", "a B-X\nb O\n", "^a.conll: expected files of .* found one word per line"),
        ("a.txt", "", "^a.txt: expected text, found an empty file"),
        ("d/a.txt", "b\n", "^d: expected a directory of Parquet files, found none in it .give a glob such as d/"),
        (
            "s/dataset_dict.json",
            "{}",
            "^s: expected files of .* found a Hugging Face data set .--engine local",
        ),
        ("a.parquet", "no Parquet", "^a.parquet: expected a Parquet file"),
    ],
)
def test_refused_inputs(name: str, content: str, match: str, here: Path) -> None:
    (here / name).parent.mkdir(exist_ok=True)
    (here / name).write_text(content)
    with pytest.raises(CorpusError, match=match):
        rows_of(name.split("/")[0])


def test_standard_input_is_refused() -> None:
    with pytest.raises(CorpusError, match="^standard input: expected files of Parquet, JSON lines or text"):
        find_inputs("-", False)


def test_no_rows_at_all(here: Path) -> None:
    parquet.write_table(pa.table({"text": pa.array([], pa.string())}), "a.parquet")
    with pytest.raises(CorpusError, match="^a.parquet: expected records, found none"):
        rows_of("a.parquet")
