"""Prediction in bulk: a bounded number of sentences at a time, row for row, from files and standard input."""

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

pytest.importorskip("seqeval")

from elmo_lite import ConfigError, CorpusError  # noqa: E402
from tasks.inputs.word_input_config import WordInputConfig  # noqa: E402
from tasks.tagging import Tagger, TaggerConfig  # noqa: E402
from tasks.tagging.bulk import predict_rows  # noqa: E402
from tasks.tagging.commands import predict_command  # noqa: E402
from tasks.tagging.tagger import new_tagger  # noqa: E402

INPUTS = WordInputConfig(word_dim=2, chars=False)


def saved(path: Path, **settings: Any) -> str:
    labels = ["DET", "NOUN"] if settings.get("labels", "tokens") == "tokens" else ["B-NP", "I-NP", "E-NP", "S-NP", "O"]
    config = TaggerConfig(**{"lstm_dim": 2, "inputs": INPUTS, "labels": "tokens", **settings})
    new_tagger(config, labels, None, [["the", "cat"]]).save(path)
    return str(path)


@pytest.fixture
def model(tmp_path: Path) -> str:
    return saved(tmp_path / "model")


def test_a_million_lines_need_no_more_memory_than_some(
    model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The number of sentences that were read and are not yet written is bounded."""
    monkeypatch.setattr("tasks.files.CHUNK", 50)
    read = written = most = 0

    def rows() -> Iterator[tuple[str, dict[str, Any]]]:
        nonlocal read, most
        for number in range(1001):
            read += 1
            most = max(most, read - written)
            yield "the cat", {"id": number}

    def text(tagged: Any, others: Any, first: int) -> str:
        nonlocal written
        assert (first, [row["id"] for row in others]) == (written + 1, list(range(written, written + len(tagged))))
        written += len(tagged)
        return f"{len(tagged)}\n" * len(tagged)

    predict_rows(Tagger.from_pretrained(model), rows(), str(tmp_path / "out.txt"), text)
    assert (read, written, most) == (1001, 1001, 50)
    assert (tmp_path / "out.txt").read_text() == "50\n" * 1000 + "1\n"


@pytest.mark.parametrize("kept", [False, True])
def test_probabilities_of_many_labels_make_chunks_smaller(
    kept: bool, model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.files.CHUNK_SIZE", 12)
    sizes: list[int] = []

    def text(tagged: Any, others: Any, first: int) -> str:
        assert all(bool(found.decoded.probabilities) == kept for found in tagged)
        sizes.append(len(tagged))
        return ""

    rows = [(["the", "cat"], None)] * 12
    predict_rows(Tagger.from_pretrained(model), rows, str(tmp_path / "out"), text, probabilities=kept)
    assert sizes == ([3] * 4 if kept else [6] * 2)


@pytest.mark.parametrize("form", ["txt", "jsonl", "conllu"])
def test_files_are_read_and_written_in_chunks(
    form: str, model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / f"in.{form}"
    block = "# a comment\n1\tthe\t_\tX" + "\t_" * 6 + "\n2\tcat\t_\tX" + "\t_" * 6 + "\n\n"
    line = {"txt": "the cat\n", "jsonl": '{"id": 1, "text": "the cat"}\n', "conllu": block}[form]
    source.write_text(line * 7)
    predict_command(model, [str(source), str(tmp_path / f"whole.{form}")])
    sizes: list[int] = []
    tag = Tagger.tag

    def count(tagger: Tagger, sentences: Any, *given: Any, **named: Any) -> Any:
        found = tag(tagger, sentences, *given, **named)
        sizes.append(len(found))
        return found

    monkeypatch.setattr(Tagger, "tag", count)
    monkeypatch.setattr("tasks.files.CHUNK", 3)
    predict_command(model, [str(source), str(tmp_path / f"chunks.{form}")])
    assert sizes == [3, 3, 1]
    assert (tmp_path / f"chunks.{form}").read_text() == (tmp_path / f"whole.{form}").read_text()


def test_other_fields_are_kept(model: str, tmp_path: Path) -> None:
    rows = [{"id": 7, "text": "the cat", "tags": [1]}, {"tokens": ["cat"], "more": {"a": None}}, {"text": "", "id": 8}]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    predict_command(model, [str(tmp_path / "in.jsonl"), str(tmp_path / "out.jsonl")])
    found = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [row["tokens"] for row in found] == [["the", "cat"], ["cat"], []]
    assert (found[0]["id"], found[0]["input_tags"], found[0]["text"]) == (7, [1], "the cat")
    assert (found[1]["more"], found[2]["id"]) == ({"a": None}, 8)


def test_other_fields_of_predicates_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    model = saved(tmp_path / "roles", labels="spans", predicate_column="verb")
    (tmp_path / "in.jsonl").write_text(json.dumps({"id": 3, "tokens": ["the", "cat"], "verb": 1}) + "\n")
    predict_command(model, [str(tmp_path / "in.jsonl"), str(tmp_path / "out.jsonl")])
    found = json.loads((tmp_path / "out.jsonl").read_text())
    assert (found["id"], found["predicate"], found["tokens"], "verb" in found) == (3, [1], ["the", "cat"], False)
    give(monkeypatch, (tmp_path / "in.jsonl").read_text())
    predict_command(model, ["-"], format="jsonl")
    assert json.loads(capsys.readouterr().out) == found
    give(monkeypatch, "the cat\n")
    expected = "^standard input: expected JSON with marked predicates, or a file, found text$"
    with pytest.raises(CorpusError, match=expected):
        predict_command(model, ["-"])


@pytest.mark.parametrize("form", ["txt", "jsonl", "json", "iob2"])
def test_standard_input_is_read_as_the_file(
    form: str, model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file of columns too, whose rows are not sentences."""
    rows = [{"tokens": ["the", "cat"]}, {"text": "a cat"}]
    content = {
        "txt": "the cat\na cat\n",
        "jsonl": "".join(json.dumps(row) + "\n" for row in rows),
        "json": json.dumps(rows),
        "iob2": "the\tO\ncat\tB-X\n\na\tO\ncat\tB-X\n\n",
    }[form]
    (tmp_path / f"in.{form}").write_text(content)
    predict_command(model, [str(tmp_path / f"in.{form}")], format="columns")
    expected = capsys.readouterr().out
    assert len(expected.split("\n\n")) == 3
    give(monkeypatch, content)
    predict_command(model, ["-"], format="columns")
    assert capsys.readouterr().out == expected


def test_columns_have_no_names_in_a_pipe(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    give(monkeypatch, "the\tO\n")
    with pytest.raises(
        ConfigError, match="^word_column: expected the number of a column of -, which names none, found"
    ):
        predict_command(model, ["-"], word_column="form")


def give(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(text.encode())))


def test_json_lines_on_standard_input(
    model: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    lines = '\n{"id": 1, "text": "the cat"}\n{"id": 2, "tokens": ["cat"]}\n'
    give(monkeypatch, lines)
    with caplog.at_level("INFO", logger="elmo_lite"):
        predict_command(model, ["-"])
    assert [line.count("/") for line in capsys.readouterr().out.splitlines()] == [2, 1]
    assert "standard input: read as JSON lines; sentences: 2" in caplog.messages
    give(monkeypatch, lines)
    predict_command(model, ["-"], format="jsonl")
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(row["id"], row["tokens"]) for row in found] == [(1, ["the", "cat"]), (2, ["cat"])]


def test_text_on_standard_input_stays_text(
    model: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    give(monkeypatch, '\n{ the }\n{"text": "cat"}\n')
    predict_command(model, ["-"])
    assert [line.count("/") for line in capsys.readouterr().out.splitlines()][:2] == [0, 3]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_json_lines_in_a_pipe(model: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    text = "".join(json.dumps({"id": number, "text": "the cat"}) + "\n" for number in range(3000))
    thread = threading.Thread(target=(tmp_path / "pipe").write_text, args=(text,), daemon=True)
    thread.start()
    predict_command(model, [str(tmp_path / "pipe"), str(tmp_path / "out.jsonl")])
    thread.join(10)
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [row["id"] for row in rows] == list(range(3000)) and rows[0]["tokens"] == ["the", "cat"]


def test_least_score(tmp_path: Path, model: str, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "in.txt").write_text("the cat\n")
    spans = saved(tmp_path / "spans", labels="spans")
    predict_command(spans, [str(tmp_path / "in.txt")], min_score=1.0)
    assert capsys.readouterr().out == "the cat\n"
    with pytest.raises(ConfigError, match="min_score: expected 0 for labels of words, found 0.5"):
        predict_command(model, [str(tmp_path / "in.txt")], min_score=0.5)
    with pytest.raises(ConfigError, match=r"min_score: expected a probability in 0\.\.1, found 2"):
        predict_command("no model", [str(tmp_path / "in.txt")], min_score=2)
    assert capsys.readouterr().out == ""
