"""The quickstart's heads, with commands that only take note of what they are given."""

import re
import tomllib
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

import pytest

from elmo_lite import BiLM, BiLMConfig, CharCNNConfig, Tokenization, save_model
from elmo_lite.cli import main as cli
from elmo_lite.cli.main import COMMANDS, Command
from elmo_lite.quickstart import heads as quickstart_heads
from elmo_lite.quickstart.heads import HEADS, SAMPLES, TRAINING, Head, installed_heads, train_heads

ROOT = Path(__file__).parents[3]
calls: list[dict[str, str]] = []


@dataclass(frozen=True, kw_only=True)
class Finetune:
    """How."""

    batch_size: int = 32
    learning_rate: float = 1e-3
    patience: int = 5
    cache_dir: str = ""


@dataclass(frozen=True, kw_only=True)
class Config:
    """Settings."""

    encoder: str | None = None
    max_epochs: int | None = None
    finetune: Finetune = field(default_factory=Finetune)


def train_command(config: Config, *, train: str, dev: str, test: str, out: str) -> None:
    """Train nothing."""
    assert all(Path(path).is_file() for path in (train, dev, test))
    assert config.encoder is not None
    kept = config.finetune.cache_dir
    calls.append({"encoder": config.encoder, "train": train, "dev": dev, "test": test, "out": out, "layers": kept})
    print("dev 61.5")


def predict_command(model: str, input: str) -> None:
    """Predict nothing."""
    calls.append({"model": model, "input": input})
    print(Path(input).read_text(), end="")


def lacking_command(config: Config, *, train: str, dev: str, test: str, out: str) -> None:
    """Train with a package that is not there."""
    raise ModuleNotFoundError("No module named 'seqeval'", name="seqeval")


def broken_command(config: Config, *, train: str, dev: str, test: str, out: str) -> None:
    """Import a module that nothing provides."""
    raise ModuleNotFoundError("No module named 'tasks.nothing'", name="tasks.nothing")


@pytest.fixture(autouse=True)
def commands(monkeypatch: pytest.MonkeyPatch) -> dict[str, Command]:
    """Whatever is installed, these are all the commands there are; a test may add more."""
    calls.clear()
    available = dict(COMMANDS)
    for head in HEADS:
        for name in ("train", "predict"):
            available[f"{head.task} {name}"] = Command(f"{__name__}:{name}_command")
    monkeypatch.setattr(cli, "all_commands", lambda: available)
    return available


def test_trains_on_copies_of_the_samples(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train_heads(tmp_path, tmp_path / "model")
    ner, ner_predict, sentiment, _ = calls
    assert ner["encoder"] == sentiment["encoder"] == str(tmp_path / "model")
    assert (ner["out"], sentiment["out"]) == (str(tmp_path / "ner"), str(tmp_path / "sentiment"))
    for part in ("train", "dev", "test"):
        for given, name in ((ner, f"ner_{part}.iob2"), (sentiment, f"sentiment_{part}.tsv")):
            assert given[part] == str(tmp_path / "samples" / name)
            assert Path(given[part]).read_bytes() == files(SAMPLES).joinpath(name).read_bytes()
    assert ner["layers"] == sentiment["layers"] == str(tmp_path / "layers")
    assert ner_predict["model"] == str(tmp_path / "ner")
    output = capsys.readouterr().out
    assert output.index("== Names") < output.index("dev 61.5") < output.index("== Opinions")
    assert f"   $ elmo-lite ner train --encoder {tmp_path / 'model'} " in output
    assert all(f"   {sentence}\n" in output for head in HEADS for sentence in head.sentences)


def test_only_what_is_installed(
    commands: dict[str, Command], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    del commands["ner train"]
    assert [head.task for head in installed_heads()] == ["sentiment"]
    train_heads(tmp_path, tmp_path / "model")
    assert "== Names" not in capsys.readouterr().out
    del commands["sentiment train"]
    train_heads(tmp_path / "other", tmp_path / "model")
    assert capsys.readouterr().out == "" and not (tmp_path / "other").exists()


def test_head_without_its_libraries_is_left_out(
    commands: dict[str, Command], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    commands["ner train"] = Command(f"{__name__}:lacking_command")
    train_heads(tmp_path, tmp_path / "model")
    output = capsys.readouterr().out
    assert "   left out: this needs the package seqeval: pip install 'elmo_lite[tasks]'\n" in output
    assert [Path(call["out"]).name for call in calls if "out" in call] == ["sentiment"]


def test_other_missing_modules_are_mistakes(commands: dict[str, Command], tmp_path: Path) -> None:
    commands["ner train"] = Command(f"{__name__}:broken_command")
    with pytest.raises(ModuleNotFoundError, match=r"tasks\.nothing"):
        train_heads(tmp_path, tmp_path / "model")


@pytest.mark.parametrize("head", HEADS, ids=lambda head: head.task)
def test_sentences_to_try_are_new(head: Head) -> None:
    """No sentence of the samples, and no word with a capital, other than the first, that training has."""
    text = files(SAMPLES).joinpath(f"{head.task}_train{head.suffix}").read_text(encoding="utf-8")
    known = set(re.findall(r"\w+", text))
    for sentence in head.sentences:
        assert sentence not in text
        assert not {word for word in re.findall(r"(?<!^)\b[A-Z]\w+", sentence)} & known


def test_real_heads(
    commands: dict[str, Command],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The commands as they are take what the quickstart gives them, and its sentences come out."""
    for package in ("seqeval", "sklearn"):
        pytest.importorskip(package)
    points = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["entry-points"]
    for name, target in points[cli.ENTRY_POINT_GROUP].items():
        commands[name.replace(".", " ")] = Command(target)
    monkeypatch.setattr(quickstart_heads, "TRAINING", [*TRAINING, "--finetune.pictures", "false", "--max_epochs", "1"])
    cnn = CharCNNConfig(embedding_dim=4, filters=((1, 4), (2, 4)))
    save_model(tmp_path / "model", BiLM(BiLMConfig(char_cnn=cnn, dim=8, lstm_dim=8)), Tokenization(kind="words"))
    train_heads(tmp_path, tmp_path / "model")
    output = capsys.readouterr().out
    assert "test  F1" in output and "test  accuracy" in output
    ner, sentiment = HEADS
    found = re.sub(r"\[(PER|ORG|LOC) |\]", "", output)
    assert all(" ".join(Tokenization().words(sentence)) in found for sentence in ner.sentences)
    assert all(re.search(rf"(positive|negative).*{re.escape(text)}", output) for text in sentiment.sentences)
