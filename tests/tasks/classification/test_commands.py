"""Predictions of files: other fields, row for row, labels of every kind."""

import contextlib
import csv
import io
import json
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from elmo_lite import CorpusError
from tasks.classification import Classifier, ClassifierConfig
from tasks.classification.commands import predict_command
from tasks.classification.data import read_labelled
from tasks.classification.pooled_head import PooledConfig
from tasks.classification.readers import LabelledText
from tasks.inputs.word_input_config import WordInputConfig


def saved(path: Path, labels: list[str], **settings: Any) -> str:
    config = ClassifierConfig(
        inputs=WordInputConfig(word_dim=3, chars=False), pooled=PooledConfig(hidden_dim=3), **settings
    )
    Classifier.untrained(config, labels, None, [["good", "bad"]]).save(path)
    return str(path)


def test_other_fields_are_kept(tmp_path: Path) -> None:
    """Those with the name of an answer are kept under another."""
    model = saved(tmp_path / "model", ["x", "y"])
    rows = [{"id": 7, "text": "good", "label": "x", "more": {"a": [1]}}, {"text": "", "line": 3}, {"text": "bad"}]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    predict_command(model, [str(tmp_path / "a.jsonl"), str(tmp_path / "b.jsonl")], probabilities=True)
    found = [json.loads(line) for line in (tmp_path / "b.jsonl").read_text().splitlines()]
    assert list(found[0]) == ["id", "input_label", "more", "text", "label", "score", "line", "probabilities"]
    assert (found[0]["id"], found[0]["input_label"], found[0]["more"]) == (7, "x", {"a": [1]})
    assert (found[1]["input_line"], found[1]["line"], found[1]["label"]) == (3, 2, "")
    assert [row["text"] for row in found] == ["good", "", "bad"]


def test_labels_need_not_be_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Not even in the column that training was told."""
    model = saved(tmp_path / "model", ["x", "y"], text_column="body", label_column="grade")
    (tmp_path / "a.tsv").write_text("id\tbody\n1\tgood\n")
    predict_command(model, [str(tmp_path / "a.tsv")])
    assert capsys.readouterr().out.endswith("\tgood\n")
    predict_command(model, [str(tmp_path / "a.tsv")], text_column="id")
    assert capsys.readouterr().out.endswith("\t1\n")


def test_several_labels(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = saved(tmp_path / "model", ["x", "y"], multi_label=True, threshold=0.01, label_separator="|")
    (tmp_path / "a.txt").write_text("good\n\n")
    predict_command(model, [str(tmp_path / "a.txt")])
    first, blank = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert first[0] == "x|y" and len(first[1].split("|")) == 2 and blank == ["", "", ""]
    predict_command(model, [str(tmp_path / "a.txt"), str(tmp_path / "b.csv")], probabilities=True)
    with (tmp_path / "b.csv").open(newline="") as file:
        row = next(csv.DictReader(file))
    assert list(row) == ["text", "labels", "scores", "probability of x", "probability of y"] and row["labels"] == "x|y"
    predict_command(model, [str(tmp_path / "a.txt"), str(tmp_path / "b.jsonl")])
    found = json.loads((tmp_path / "b.jsonl").read_text().splitlines()[0])
    assert found["labels"] == ["x", "y"] and len(found["scores"]) == 2


def test_memory_is_bounded_by_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No more texts than a block are read ahead, and each has its own prediction."""
    model = saved(tmp_path / "model", ["x", "y"])
    (tmp_path / "a.txt").write_text("".join(f"word {number}\n" for number in range(100)))
    monkeypatch.setattr("tasks.classification.classifier.AT_ONCE", 2)
    sizes: list[int] = []
    run = Classifier._probabilities
    monkeypatch.setattr(Classifier, "_probabilities", lambda self, texts: sizes.append(len(texts)) or run(self, texts))
    predict_command(model, [str(tmp_path / "a.txt"), str(tmp_path / "b.tsv")])
    assert sizes == [32, 32, 32, 4]
    lines = (tmp_path / "b.tsv").read_text().splitlines()
    assert [line.split("\t")[0] for line in lines[1:]] == [f"word {number}" for number in range(100)]


def test_a_bad_row_leaves_no_file(tmp_path: Path) -> None:
    model = saved(tmp_path / "model", ["x", "y"])
    (tmp_path / "a.jsonl").write_text('{"text": "a"}\n' * 5000 + '{"text": 3}\n')
    with pytest.raises(CorpusError, match="line 5001: expected text or a list of words in 'text', found int"):
        predict_command(model, [str(tmp_path / "a.jsonl"), str(tmp_path / "b.jsonl")])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.jsonl", "model"]


def test_long_texts_make_blocks_smaller(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory is that of so many words, not of so many texts."""
    model = saved(tmp_path / "model", ["x", "y"])
    (tmp_path / "a.txt").write_text(("word " * 50 + "\n") * 20)
    monkeypatch.setattr("tasks.files.CHUNK_SIZE", 200)
    sizes: list[int] = []
    run = Classifier._probabilities
    monkeypatch.setattr(Classifier, "_probabilities", lambda self, texts: sizes.append(len(texts)) or run(self, texts))
    predict_command(model, [str(tmp_path / "a.txt"), str(tmp_path / "b.txt")])
    assert sizes == [4] * 5


def test_a_million_lines_need_no_more_memory_than_some(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The number of texts that were read and are not yet predicted is bounded."""
    classifier = Classifier.from_pretrained(saved(tmp_path / "model", ["x", "y"]))
    monkeypatch.setattr("tasks.classification.classifier.CHUNK", 50)
    read = predicted = most = 0

    def texts() -> Iterator[LabelledText]:
        nonlocal read, most
        for _ in range(1001):
            read += 1
            most = max(most, read - predicted)
            yield LabelledText(("good",), "")

    for _ in classifier.predictions_of(texts()):
        predicted += 1
    assert (read, predicted, most) == (1001, 1001, 50)


def give(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(text.encode())))


def test_json_lines_on_standard_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    model = saved(tmp_path / "model", ["x", "y"])
    lines = '{"id": 1, "text": "good"}\n{"id": 2, "text": ["bad", "good"]}\n'
    give(monkeypatch, lines)
    predict_command(model, ["-"])
    assert [line.split("\t")[2] for line in capsys.readouterr().out.splitlines()] == ["good", "bad good"]
    give(monkeypatch, lines)
    predict_command(model, ["-"], format="jsonl")
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(row["id"], row["text"], row["line"]) for row in found] == [(1, "good", 1), (2, "bad good", 2)]
    give(monkeypatch, lines + "good\n")
    with pytest.raises(CorpusError, match="^standard input, line 3: expected a JSON object, found none"):
        predict_command(model, ["-"])


def test_the_format_may_be_given(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = saved(tmp_path / "model", ["x", "y"])
    (tmp_path / "a.txt").write_text("good\n")
    predict_command(model, [str(tmp_path / "a.txt")], format="csv")
    assert capsys.readouterr().out.startswith("text,label,score\n")
    predict_command(model, [str(tmp_path / "a.txt"), str(tmp_path / "b.out")], format="jsonl")
    assert json.loads((tmp_path / "b.out").read_text())["text"] == "good"


def pipe(path: Path, text: str) -> tuple[str, threading.Thread]:
    """A named pipe, and a thread that writes to it; the end of what does not fit is dropped with the reader."""
    os.mkfifo(path)

    def write() -> None:
        with contextlib.suppress(BrokenPipeError), path.open("w") as file:
            file.write(text)

    thread = threading.Thread(target=write, daemon=True)
    thread.start()
    return str(path), thread


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
@pytest.mark.parametrize("form", ["text", "jsonl", "json"])
def test_a_pipe_is_read_once(form: str, tmp_path: Path) -> None:
    """Nothing of it is lost to finding out what it is."""
    model = saved(tmp_path / "model", ["x", "y"])
    texts = [f"good {number}" for number in range(3000)]
    lines = texts if form == "text" else [json.dumps({"text": text}) for text in texts]
    content = json.dumps([{"text": text} for text in texts]) if form == "json" else "\n".join(lines)
    name, thread = pipe(tmp_path / "pipe", content)
    predict_command(model, [name, str(tmp_path / "b.jsonl")])
    thread.join(10)
    found = [json.loads(row)["text"] for row in (tmp_path / "b.jsonl").read_text().splitlines()]
    assert found == [f"good {number}" for number in range(3000)]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_labels_in_a_pipe(tmp_path: Path) -> None:
    name, _ = pipe(tmp_path / "pipe", "text\tlabel\na\tx\n")
    with pytest.raises(CorpusError, match="pipe: expected a file, which is read several times, found a pipe or device"):
        read_labelled(name, ClassifierConfig().reading, str.split)
