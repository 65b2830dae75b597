"""Cross-validation: every sentence scored once by a model that has not seen it; resumed where it stopped."""

import dataclasses
import json
import shlex
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("sklearn")

import tasks.sentiment  # noqa: E402
from elmo_lite import BiLM, BiLMConfig, CharCNNConfig, ConfigError, CorpusError, Elmo, Tokenization  # noqa: E402
from elmo_lite.cli.main import main  # noqa: E402
from elmo_lite.report.report import make_report  # noqa: E402
from tasks.inputs.word_input_config import WordInputConfig  # noqa: E402
from tasks.sentiment import SentimentConfig  # noqa: E402
from tasks.training import train_task  # noqa: E402
from tasks.training.config import FinetuneConfig  # noqa: E402

INPUTS = WordInputConfig(word_dim=4, char_filters=2, dropout=0.0)
FINETUNE = FinetuneConfig(max_epochs=1, batch_size=8, precision="float32", device="cpu", pictures=False)
CONFIG = SentimentConfig(inputs=INPUTS, finetune=FINETUNE)
TEXTS = [f"text {number}" for number in range(30)]
LABELS = ["good", "bad", "good"] * 10
DATA: Any = (TEXTS, LABELS)
DEV: Any = (["a good text", "a bad one"], ["good", "bad"])


class Trainings:
    """Stands in for the training of one model: keeps what it is given, and may stop."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, stop_before: int = 99) -> None:
        self.stop_before = stop_before
        self.seen: dict[str, tuple[set[str], set[str], set[str]]] = {}
        monkeypatch.setattr(train_task, "_train_one", self.train)

    def train(self, task: Any, config: Any, data: Any, encoder: Any, out: Path, progress: bool) -> dict[str, Any]:
        if len(self.seen) == self.stop_before:
            raise KeyboardInterrupt
        parts = (data.train, data.scored["dev"], data.scored["test"])
        self.seen[out.name] = tuple({" ".join(e.words) for e in part} for part in parts)  # type: ignore[assignment]
        return {"test": {"accuracy": 10.0 * len(self.seen), "macro_f1": 0.0}, "dev": {}}


def test_each_sentence_is_scored_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = Trainings(monkeypatch)
    summary = tasks.sentiment.train(CONFIG, DATA, None, tmp_path / "out", folds=5, progress=False)
    assert list(runs.seen) == [f"fold-{number}" for number in range(1, 6)]
    tests = [test for _, _, test in runs.seen.values()]
    assert sorted(text for test in tests for text in test) == sorted(TEXTS)
    for train, dev, test in runs.seen.values():
        assert train | dev | test == set(TEXTS) and len(train) + len(dev) + len(test) == 30
        assert len(test) == 6 and 2 <= len(dev) <= 3
    assert summary["folds"] == 5 and summary["mean"]["test.accuracy"] == 30
    assert summary["deviation"]["test.accuracy"] == pytest.approx(250**0.5)
    assert json.loads((tmp_path / "out" / "folds.json").read_text()) == summary


def test_a_dev_that_is_given_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = Trainings(monkeypatch)
    tasks.sentiment.train(CONFIG, DATA, DEV, tmp_path / "out", folds=3, progress=False)
    assert all(dev == set(DEV[0]) and len(train) == 20 for train, dev, _ in runs.seen.values())


def test_it_goes_on_where_it_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = Trainings(monkeypatch, stop_before=2)
    with pytest.raises(KeyboardInterrupt):
        tasks.sentiment.train(CONFIG, DATA, None, tmp_path / "out", folds=3, progress=False)
    rest = Trainings(monkeypatch)
    tasks.sentiment.train(CONFIG, DATA, None, tmp_path / "out", folds=3, progress=False)
    assert list(first.seen) == ["fold-1", "fold-2"] and list(rest.seen) == ["fold-3"]


@pytest.mark.parametrize(
    ("changes", "folds", "named"),
    [({}, 2, "folds"), ({"split_seed": 1}, 3, "split_seed"), ({"learning_rate": 0.5}, 3, "finetune.learning_rate")],
)
def test_other_folds_do_not_mix(
    changes: dict[str, Any], folds: int, named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Trainings(monkeypatch)
    tasks.sentiment.train(CONFIG, DATA, None, tmp_path / "out", folds=3, progress=False)
    changed = dataclasses.replace(CONFIG, finetune=dataclasses.replace(FINETUNE, **changes))
    with pytest.raises(ConfigError, match=f"found others in {named}; use another --out"):
        tasks.sentiment.train(changed, DATA, None, tmp_path / "out", folds=folds, progress=False)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"folds": 0}, ConfigError, "folds: expected 1 or more, found 0"),
        ({"folds": 2, "seeds": 2}, ConfigError, "folds: expected 1 with several seeds, found 2"),
        ({"folds": 2, "test": DEV}, ConfigError, "folds: expected no --test, since each fold is the test part of its"),
        ({"folds": 31}, CorpusError, "train: expected at least 31 sentences to split, found 30"),
    ],
)
def test_what_cannot_be(arguments: Any, error: type[Exception], message: str, tmp_path: Path) -> None:
    with pytest.raises(error, match=message):
        tasks.sentiment.train(CONFIG, DATA, None, tmp_path / "out", progress=False, **arguments)


def test_at_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, out = tmp_path / "data.tsv", tmp_path / "out"
    path.write_text("text\tlabel\n" + "".join(f"{t}\t{label}\n" for t, label in zip(TEXTS, LABELS, strict=True)))
    tiny = ["--inputs.word_dim", "4", "--max_epochs", "1", "--finetune.pictures", "false", "--quiet"]
    assert main(["sentiment", "train", "--train", str(path), "--out", str(out), "--folds", "2", *tiny]) == 0
    first, models, last = capsys.readouterr().out.splitlines()
    assert first.startswith("folds accuracy ") and first.endswith("(2 folds: mean, deviation)") and "+-" in first
    assert models == f"models {out / 'fold-1'} to fold-2" and shlex.split(last)[-1] == str(out)
    command = json.loads((out / "fold-1" / "training.json").read_text())["command"]
    assert "--folds 2" in command and f"--out {out} " in command
    page, number = make_report([out])
    assert number == 2 and "out: 2 folds" in page


def test_the_layers_of_all_folds_are_computed_once(tmp_path: Path) -> None:
    char_cnn = CharCNNConfig(embedding_dim=4, filters=((1, 4),), max_characters=12)
    elmo = Elmo(BiLM(BiLMConfig(char_cnn=char_cnn, dim=4, lstm_dim=4)), Tokenization(kind="whitespace"))
    elmo.save_pretrained(tmp_path / "model")
    finetune = dataclasses.replace(FINETUNE, max_epochs=2, cache_dir=str(tmp_path / "cache"))
    config = dataclasses.replace(CONFIG, encoder=str(tmp_path / "model"), finetune=finetune)
    tasks.sentiment.train(config, DATA, None, tmp_path / "out", folds=3, progress=False)
    assert len(list((tmp_path / "cache").iterdir())) == 1
    scores = [tasks.sentiment.train(config, DATA, None, tmp_path / "one", progress=False)]
    uncached = dataclasses.replace(config, finetune=dataclasses.replace(finetune, cache="off"))
    scores.append(tasks.sentiment.train(uncached, DATA, None, tmp_path / "off", progress=False))
    assert len(list((tmp_path / "cache").iterdir())) == 1
    assert scores[0]["dev"]["accuracy"] == scores[1]["dev"]["accuracy"]
