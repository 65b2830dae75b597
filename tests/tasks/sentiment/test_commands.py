"""Scoring and labelling with a saved classifier, and what its commands say of bad input."""

import io
from pathlib import Path

import pytest

pytest.importorskip("sklearn")

from elmo_lite import CheckpointError, ConfigError, CorpusError  # noqa: E402
from tasks.inputs.word_inputs import WordInputConfig  # noqa: E402
from tasks.sentiment.classifier import SentimentClassifier, new_classifier  # noqa: E402
from tasks.sentiment.commands import evaluate, evaluate_command, predict_command  # noqa: E402
from tasks.sentiment.config import SentimentConfig  # noqa: E402
from tasks.sentiment.pooled_head import PooledConfig  # noqa: E402
from tasks.sentiment.readers import LabelledText  # noqa: E402


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


def test_blank_lines_keep_their_numbers(saved: Path, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("good\n\nbad film\n")
    predict_command(str(saved), [str(tmp_path / "a.txt"), str(tmp_path / "b.jsonl")])
    lines = (tmp_path / "b.jsonl").read_text().splitlines()
    assert ['"line": 1' in lines[0], '"line": 3' in lines[1], len(lines)] == [True, True, 2]


def test_standard_input(saved: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"good\n\nbad film")))
    predict_command(str(saved), ["-"])
    assert [line.split("\t")[2] for line in capsys.readouterr().out.splitlines()] == ["good", "bad film"]
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
