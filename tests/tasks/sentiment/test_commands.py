"""Scoring and labelling with a saved classifier, and what its commands say of bad input."""

import csv
import io
import json
from pathlib import Path

import pytest

pytest.importorskip("sklearn")

from elmo_lite import CheckpointError, ConfigError, CorpusError  # noqa: E402
from tasks.classification import training  # noqa: E402
from tasks.classification.pooled_head import PooledConfig  # noqa: E402
from tasks.classification.readers import LabelledText  # noqa: E402
from tasks.inputs.word_input_config import WordInputConfig  # noqa: E402
from tasks.sentiment.classifier import SentimentClassifier, new_classifier  # noqa: E402
from tasks.sentiment.commands import evaluate, evaluate_command, predict_command  # noqa: E402
from tasks.sentiment.config import SentimentConfig  # noqa: E402


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    config = SentimentConfig(inputs=WordInputConfig(word_dim=3, chars=False), pooled=PooledConfig(hidden_dim=3))
    new_classifier(config, ["negative", "positive"], None, [["good", "bad"]]).save(tmp_path / "saved")
    return tmp_path / "saved"


def test_evaluate(saved: Path) -> None:
    classifier = SentimentClassifier.from_pretrained(saved)
    (found,) = classifier.predict([["good"]])
    examples = [LabelledText(("good",), label) for label in ("negative", "positive", found.label)]
    scores = evaluate(classifier, examples)
    assert scores["accuracy"] == pytest.approx(200 / 3) and scores["sentences"] == 3
    assert scores["words_per_second"] > 0
    with pytest.raises(CorpusError, match="expected a label of the training data"):
        evaluate(classifier, [LabelledText(("good",), "neutral", source="a", line=1)])


def test_columns_may_differ_from_training(saved: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = tmp_path / "a.tsv"
    table.write_text("body\tgrade\ngood\tpositive\n")
    evaluate_command(str(saved), str(table), text_column="body", label_column="grade")
    assert '"sentences": 1' in capsys.readouterr().out
    predict_command(str(saved), [str(table)], text_column="body")
    assert capsys.readouterr().out.endswith("\tgood\n")
    with pytest.raises(CorpusError, match="a.tsv, line 1: expected columns 'text' and 'label', found 'body', 'grade'"):
        evaluate_command(str(saved), str(table))
    with pytest.raises(CorpusError, match="a.tsv, line 1: expected columns 'text', found 'body', 'grade'"):
        predict_command(str(saved), [str(table)])


def test_every_line_has_a_prediction(
    saved: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A blank line, an empty cell and an empty string get an empty label."""
    (tmp_path / "a.txt").write_text("good\n\nbad film\n \n")
    predict_command(str(saved), [str(tmp_path / "a.txt"), str(tmp_path / "b.jsonl")])
    rows = [json.loads(line) for line in (tmp_path / "b.jsonl").read_text().splitlines()]
    assert [(row["line"], bool(row["label"])) for row in rows] == [(1, True), (2, False), (3, True), (4, False)]
    assert rows[1] == {"text": "", "label": "", "score": 0.0, "line": 2}
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"good\n\nbad film")))
    predict_command(str(saved), ["-"])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3 and lines[1] == "\t0.000\t"
    (tmp_path / "a.csv").write_text('text,n\ngood,1\n,2\n" ",3\n')
    predict_command(
        str(saved),
        [
            str(tmp_path / "a.csv"),
            str(tmp_path / "b.csv"),
        ],
    )
    with (tmp_path / "b.csv").open(newline="") as file:
        assert [bool(row["label"]) for row in csv.DictReader(file)] == [True, False, False]
    (tmp_path / "c.jsonl").write_text('{"text": ""}\n{"words": []}\n{"text": "good"}\n')
    predict_command(str(saved), [str(tmp_path / "c.jsonl")])
    assert [line[0] == "\t" for line in capsys.readouterr().out.splitlines()] == [True, True, False]


def test_unknown_suffixes_are_refused_before_the_work(saved: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="pred.xlsx: expected a name that ends in .txt, .jsonl, .ndjson, .tsv, .csv"):
        predict_command(str(tmp_path / "no model"), ["no input.txt", str(tmp_path / "pred.xlsx")])
    assert not (tmp_path / "pred.xlsx").exists()


def test_the_command_prints_what_evaluate_returns(
    saved: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    table = tmp_path / "a.tsv"
    table.write_text("text\tlabel\ngood\tpositive\nbad\tnegative\n")
    evaluate_command(str(saved), str(table))
    printed = json.loads(capsys.readouterr().out)
    scores = SentimentClassifier.from_pretrained(saved).evaluate(str(table))
    timed = ("words_per_second",)
    assert (printed.pop("model"), printed.pop("data")) == (str(saved), str(table))
    assert {k: v for k, v in printed.items() if k not in timed} == {k: v for k, v in scores.items() if k not in timed}
    judge = training.judge
    monkeypatch.setattr(training, "judge", lambda *a: ({"accuracy": float("nan")}, judge(*a)[1]))
    with pytest.raises(CheckpointError, match=r"saved: expected finite scores on .*a\.tsv, found Out of range float"):
        evaluate_command(str(saved), str(table))
    assert capsys.readouterr().out == ""


def test_standard_input(saved: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"good\n\nbad film")))
    predict_command(str(saved), ["-"])
    assert [line.split("\t")[2] for line in capsys.readouterr().out.splitlines()] == ["good", "", "bad film"]
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"good\nb\xe4d\n")))
    with pytest.raises(CorpusError, match="^standard input, line 2: expected UTF-8, found byte 0xe4 at position 2"):
        predict_command(str(saved), ["-"])
    assert capsys.readouterr().out == ""


def test_a_file_is_not_replaced_unasked(saved: Path, tmp_path: Path) -> None:
    files = [str(tmp_path / name) for name in ("a.txt", "b.txt")]
    for file in files:
        Path(file).write_text("good\n")
    with pytest.raises(ConfigError, match="b.txt: expected no such file"):
        predict_command(str(saved), files)
    predict_command(str(saved), files, overwrite=True)
    assert Path(files[1]).read_text().endswith("\tgood\n")
    with pytest.raises(ConfigError, match="expected INPUT and OUTPUT, found 3 paths"):
        predict_command(str(saved), [*files, "c.txt"])


def test_bad_input(saved: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="expected the directory of a task model"):
        predict_command(str(tmp_path / "nothing"), ["a.txt"])
    with pytest.raises(CorpusError, match="none.txt: expected a file, found nothing there"):
        predict_command(str(saved), [str(tmp_path / "none.txt")])
    path = saved / "config.json"
    path.write_text(path.read_text().replace('"task": "sentiment"', '"task": "ner"'))
    with pytest.raises(CheckpointError, match="expected a model for the task sentiment, found one for 'ner'"):
        evaluate_command(str(saved), "a.txt")
