"""``elmo-lite next``: formats, blanks, pipes, what is refused."""

import io
import json
import sys
from pathlib import Path

import pytest

from elmo_lite.cli.main import main
from elmo_lite.saved_model.checkpoint import save_model
from elmo_lite.text.tokenization import Tokenization
from tests.elmo_lite.lm.tiny import VOCABULARY, language_model, make, saved


@pytest.fixture
def model(tmp_path: Path) -> str:
    return str(saved(tmp_path / "model"))


def run(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    assert main(["next", *argv]) == 0
    return capsys.readouterr().out


def test_text(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    expected = language_model().next_words("the cat", 4)
    lines = run(capsys, model, "the cat", "--top_k", "4").splitlines()
    assert lines == [f"{100 * probability:8.3f} %  {word}" for word, probability in expected]
    before = run(capsys, model, "the cat", "--direction", "backward", "--top_k", "1")
    assert before.split()[-1] == language_model().next_words("the cat", 1, "backward")[0].word
    assert len(run(capsys, model, "").splitlines()) == 10


def test_a_blank_is_filled(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads(run(capsys, model, "the ___ sat", "--format", "jsonl", "--top_k", "50"))
    expected = language_model().fill("the ___ sat", 50)
    assert found["text"] == "the ___ sat" and len(found["candidates"]) == len(VOCABULARY)
    for one, other in zip(found["candidates"], expected, strict=True):
        assert one["word"] == other.word and one["probability"] == pytest.approx(other.probability, rel=1e-5)


def test_a_text_per_line(
    model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"the cat\n\na ___ mat\n")))
    assert run(capsys, model, "-", str(tmp_path / "out.tsv"), "--top_k", "2") == ""
    header, *rows = [line.split("\t") for line in (tmp_path / "out.tsv").read_text().splitlines()]
    assert header == ["text", "rank", "word", "probability"]
    assert [row[:2] for row in rows] == [[text, rank] for text in ("the cat", "", "a ___ mat") for rank in "12"]
    assert [row[2] for row in rows[:2]] == [word for word, _ in language_model().next_words("the cat", 2)]
    assert [row[2] for row in rows[4:]] == [word for word, _ in language_model().fill("a ___ mat", 2)]


def test_words_outside_of_the_vocabulary_are_said_once(model: str, caplog: pytest.LogCaptureFixture) -> None:
    for text in ("Zoe the Zoe Mia ___", " ".join(f"w{number}" for number in range(12)), "the cat ___"):
        assert main(["next", model, text]) == 0
    first, second = (record.message for record in caplog.records)
    assert first == "outside of the vocabulary, read by their characters: Zoe, Mia"
    assert second.endswith("w8, w9, ...")


def test_what_is_refused(model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_model(tmp_path / "bare", make()[0], Tokenization(kind="whitespace"), VOCABULARY)
    for argv, message in [
        ([str(tmp_path / "bare"), "the"], "expected a model with its language model head, found an encoder alone"),
        ([model, "the ___ ___"], "text: expected one blank, the word ___, found 2"),
        ([model, "the ___", "--direction", "forward"], "direction: expected none with a blank"),
        ([model, "the", "--top_k", "0"], "top_k: expected 1 or more, found 0"),
        ([model, "the", "--topk", "3"], "--topk: unknown flag; did you mean --top_k?"),
        ([model, "the", str(tmp_path / "out.html")], "expected a name that ends in .tsv, .jsonl, .txt, found .html"),
        ([model], "expected TEXT"),
    ]:
        assert main(["next", *argv]) == 2
        output = capsys.readouterr()
        assert message in output.err and output.out == "", argv
