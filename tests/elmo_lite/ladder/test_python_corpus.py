"""The corpus of Python's own prose."""

from pathlib import Path

import pytest

from elmo_lite.cli.main import main
from elmo_lite.corpus.corpus import Corpus
from elmo_lite.ladder.python_corpus import python_corpus
from elmo_lite.text import python_prose


@pytest.fixture
def short_text(monkeypatch: pytest.MonkeyPatch) -> None:
    def write(path: Path) -> tuple[int, int]:
        documents = [f"The file {place % 7} is closed .\nA new list is made ." for place in range(48)]
        path.write_text("\n\n".join(documents) + "\n")
        return len(documents), 0

    monkeypatch.setattr(python_prose, "write_python_prose", write)


def test_whole_documents_are_held_out(short_text: None, tmp_path: Path) -> None:
    corpus = Corpus.open(python_corpus(tmp_path / "corpus"))
    assert (corpus.meta["train"]["sentences"], corpus.meta["held_out"]["sentences"]) == (88, 8)
    (tmp_path / "corpus" / "meta.json").write_text("kept")
    python_corpus(tmp_path / "corpus")
    assert (tmp_path / "corpus" / "meta.json").read_text() == "kept"


def test_the_command_makes_it_beside_its_output(
    short_text: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    flags = ["--rungs", "[unigram,bigram]", "--data.batch_words", "64", "--data.max_length", "8", "--quiet"]
    assert main(["ladder", "python", "--out", "class", *flags]) == 0
    assert {path.name for path in tmp_path.iterdir()} == {"class", "class_corpus"}
    assert "bigram, Kneser-Ney" in capsys.readouterr().out
    assert main(["ladder", "python", "--out", "class", "--resume"]) == 0
