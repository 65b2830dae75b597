"""TSV, CSV, JSONL and hub data sets: columns, quotes, places, and what is wrong with a row."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from elmo_lite import CorpusError
from tasks.classification.tables import Columns, Row, RowReader, looks_like_table


def file(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_tsv_keeps_quotes(tmp_path: Path) -> None:
    path = file(tmp_path, "a.tsv", "\ufeffsentence\tid\tlabel\r\n\"so'' good\t7\t1\r\n\r\nbad\"\t8\t 0 \r\n")
    assert list(RowReader(str(path), "tsv", Columns())) == [Row("\"so'' good", "1", 2), Row('bad"', "0", 4)]


def test_csv_lines_are_where_a_record_begins(tmp_path: Path) -> None:
    path = file(tmp_path, "a.csv", 'Label,Text\npos,"two\nlines, ""quoted"""\nneg,one\n')
    assert list(RowReader(str(path), "csv", Columns())) == [Row('two\nlines, "quoted"', "pos", 2), Row("one", "neg", 4)]


def test_columns_by_name_and_by_number(tmp_path: Path) -> None:
    path = file(tmp_path, "a.tsv", "text\tmine\tlabel\na\tb\tc\n")
    assert list(RowReader(str(path), "tsv", Columns("mine"))) == [Row("b", "c", 2)]
    assert list(RowReader(str(path), "tsv", Columns("label", "mine"))) == [Row("c", "b", 2)]
    assert list(RowReader(str(path), "tsv", Columns("1", "2"))) == [Row("text", "mine", 1), Row("a", "b", 2)]


def test_labels_may_be_absent_in_prediction(tmp_path: Path) -> None:
    path = file(tmp_path, "a.tsv", "text\tid\na\t1\n")
    assert list(RowReader(str(path), "tsv", Columns(needs_label=False))) == [Row("a", None, 2)]


@pytest.mark.parametrize(
    ("name", "content", "columns", "expected"),
    [
        ("a.tsv", "body\tlabel\n", Columns(), "line 1: expected columns 'text' and 'label', found 'body', 'label' (ch"),
        ("a.tsv", "text\tlabel\n", Columns("body"), "line 1: expected columns 'body' and 'label', found 'text'"),
        ("a.tsv", "text\tlabel\n", Columns(None, "grade"), "expected columns 'text' and 'grade'"),
        ("a.tsv", "text\tlabel\n", Columns("1", "3"), "expected columns '1' and '3', found '1', '2'"),
        ("a.tsv", "text\tlabel\na\tb\nc\n", Columns(), "line 3: expected 2 columns, found 1"),
        ("a.tsv", "text\tlabel\na\t \n", Columns(), "line 2: expected a label (text or a whole number), found ' '"),
        ("a.csv", 'text,label\n"a" b,c\n', Columns(), "line 2: expected comma-separated values"),
        ("a.csv", 'text,label\na,b\n"c,d\n', Columns(), "line 3: expected comma-separated values"),
        ("a.tsv", b"text\tlabel\na\xff\tb\n", Columns(), "line 2: expected UTF-8, found byte 0xff at position 2"),
    ],
)
def test_bad_tables(tmp_path: Path, name: str, content: str | bytes, columns: Columns, expected: str) -> None:
    path = file(tmp_path, name, content)
    with pytest.raises(CorpusError) as error:
        list(RowReader(str(path), "csv" if name.endswith("csv") else "tsv", columns))
    assert str(error.value).startswith(f"{path}, ") and expected in str(error.value)


def test_json_lines(tmp_path: Path) -> None:
    records = [{"text": "so good", "label": 1}, {"words": ["so", "bad"], "label": "neg"}]
    path = file(tmp_path, "a.jsonl", json.dumps(records[0]) + "\n\n" + json.dumps(records[1]) + "\n")
    assert list(RowReader(str(path), "jsonl", Columns())) == [Row("so good", "1", 1), Row(["so", "bad"], "neg", 3)]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("{", "expected a JSON object, found none (Expecting property name"),
        ("[1]", "expected a JSON object, found list"),
        ('{"text": "a"}', "expected columns 'text' and 'label', found 'text'"),
        ('{"text": 3, "label": 1}', "expected text or a list of words in 'text', found int"),
        ('{"words": ["a", 3], "label": 1}', "expected text or a list of words in 'words', found list"),
        ('{"text": "a", "label": 0.5}', "expected a label (text or a whole number), found 0.5"),
        ('{"text": "a", "label": null}', "expected a label (text or a whole number), found none"),
        ('{"text": "a", "label": true}', "found True"),
    ],
)
def test_bad_json(tmp_path: Path, line: str, expected: str) -> None:
    path = file(tmp_path, "a.jsonl", '{"text": "a", "label": "b"}\n' + line)
    with pytest.raises(CorpusError) as error:
        list(RowReader(str(path), "jsonl", Columns()))
    assert str(error.value).startswith(f"{path}, line 2: ") and expected in str(error.value)


class Rows(list[dict[str, Any]]):
    """Stands in for a data set."""

    features = {"label": SimpleNamespace(names=["negative", "positive"])}


def test_hub_labels_become_names(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def load_dataset(*name: str, split: str, streaming: bool) -> Rows:
        asked.append((*name, split))
        return Rows([{"sentence": "a b", "label": 1}, {"sentence": "c", "label": -1}])

    monkeypatch.setitem(sys.modules, "datasets", SimpleNamespace(load_dataset=load_dataset))
    assert list(RowReader("o/n:c:test", "hub", Columns(needs_label=False))) == [
        Row("a b", "positive", 1),
        Row("c", None, 2),
    ]
    with pytest.raises(CorpusError, match="o/n, record 2: expected a label"):
        list(RowReader("o/n", "hub", Columns()))
    assert asked == [("o/n", "c", "test"), ("o/n", "train")]


def test_hub_failures_are_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def load_dataset(*_: Any, **__: Any) -> None:
        raise RuntimeError("no\nnetwork")

    monkeypatch.setitem(sys.modules, "datasets", SimpleNamespace(load_dataset=load_dataset))
    with pytest.raises(CorpusError, match="^o/n: no such file, and no hub data set: no network$"):
        list(RowReader("o/n", "hub", Columns()))


def test_a_table_of_pairs_is_known_by_its_two_texts(tmp_path: Path) -> None:
    """So that the message about a missing label names the columns."""
    path = file(tmp_path, "a.txt", "id\tsentence_A\tsentence_B\tgrade\n1\ta\tb\tc\n")
    assert looks_like_table(path, Columns(pairs=True)) and not looks_like_table(path, Columns())
    assert list(RowReader(str(path), "tsv", Columns(pairs=True, label="grade"))) == [Row("a", "c", 2, "b")]
    with pytest.raises(
        CorpusError, match="line 1: expected columns 'sentence_A' and 'label', found 'id', 'sentence_A'"
    ):
        list(RowReader(str(path), "tsv", Columns(pairs=True)))
