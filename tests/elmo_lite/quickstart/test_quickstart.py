"""The quickstart, on a short text and for a few steps."""

from pathlib import Path

import pytest

from elmo_lite.cli import main as cli
from elmo_lite.cli.main import COMMANDS, Command, main
from elmo_lite.quickstart import quickstart
from elmo_lite.saved_model.names import find_model, models_directory
from elmo_lite.text import python_prose

TEXT = [
    "This flag is set to true when the file is closed.",
    "Return the set of all names in the module.",
    "This method can be used to set the value of the option.",
    "A new list is made from the elements of the old one.",
    "The interpreter raises an exception when there is no such name.",
]


@pytest.fixture
def short_text(monkeypatch: pytest.MonkeyPatch) -> None:
    def write(path: Path) -> tuple[int, int]:
        documents = ["\n".join(TEXT[place % 5 :] + TEXT[: place % 5]) for place in range(240)]
        path.write_text("\n\n".join(documents) + "\n")
        return len(documents), 0

    monkeypatch.setattr(python_prose, "write_python_prose", write)


def head_command(**flags: str) -> None:
    """Stand for a head's commands."""


@pytest.fixture
def no_heads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only this library's own commands, whatever is installed: heads have tests of their own."""
    monkeypatch.setattr(cli, "all_commands", lambda: COMMANDS)


def test_shows_the_whole_job(
    short_text: None,
    no_heads: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["quickstart", "--max_steps", "3"]) == 0
    output = capsys.readouterr().out
    parts = ["Text", "Corpus", "Pretraining", "Perplexity", "Vectors", "Contexts", "Report", "Done"]
    assert [line.split()[1].rstrip(":") for line in output.splitlines() if line.startswith("== ")] == parts
    assert "complete, 3 steps" in (tmp_path / "quickstart" / "report.html").read_text(encoding="utf-8")
    assert "$ elmo-lite pretrain --config tiny --corpus quickstart/corpus --out quickstart/pretrained" in output
    assert "report    elmo-lite report quickstart/pretrained" in output
    assert "[set] of all names" in output
    assert "== Names" not in output and "ner train" not in output
    for line in ("words counted", "pairs counted", "this model"):
        forward, backward = next(row for row in output.splitlines() if line in row).split()[-2:]
        assert 1 < float(forward) < 10_000 and 1 < float(backward) < 10_000
    assert (tmp_path / "quickstart" / "pretrained" / "model" / "config.json").is_file()

    assert main(["quickstart", "--max_steps", "3"]) == 2
    assert "add --overwrite" in capsys.readouterr().err


def test_heads_are_trained_on_the_packaged_model(
    short_text: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given: list[tuple[Path, str]] = []

    def train_heads(folder: Path, encoder: str) -> None:
        assert find_model(encoder).is_relative_to(models_directory())
        given.append((folder, encoder))

    monkeypatch.setattr(quickstart, "train_heads", train_heads)
    monkeypatch.setattr(cli, "all_commands", lambda: {**COMMANDS, "ner train": Command(f"{__name__}:head_command")})
    folder = tmp_path / "tried"
    assert main(["quickstart", "--out", str(folder), "--max_steps", "1"]) == 0
    assert given == [(folder, "en")]
    next_steps = capsys.readouterr().out.partition("== Done")[2]
    assert "$ elmo-lite ner train --encoder en" in next_steps and "sentiment" not in next_steps


def test_only_its_own_files_are_replaced(tmp_path: Path) -> None:
    for name in ("corpus", "pretrained", "layers", "ner", "sentiment"):
        (tmp_path / name).mkdir()
    (tmp_path / "mine.txt").write_text("kept")
    quickstart._prepare(tmp_path, overwrite=True)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_target_that_is_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert main(["quickstart", "--out", str(tmp_path / "file")]) == 2
    assert "expected a folder or nothing there" in capsys.readouterr().err
