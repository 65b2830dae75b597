"""A search over settings: the best model in out, what is as good as it, resumed where it stopped."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("sklearn")

import tasks.sentiment  # noqa: E402
from elmo_lite.cli.main import main  # noqa: E402
from elmo_lite.report.report import make_report  # noqa: E402
from tasks.inputs.word_input_config import WordInputConfig  # noqa: E402
from tasks.sentiment import SentimentClassifier, SentimentConfig  # noqa: E402
from tasks.training import train_task  # noqa: E402
from tasks.training.config import FinetuneConfig  # noqa: E402
from tasks.training.search import _ranked  # noqa: E402

INPUTS = WordInputConfig(word_dim=4, char_filters=2, dropout=0.0)
FINETUNE = FinetuneConfig(max_epochs=1, batch_size=4, precision="float32", device="cpu", pictures=False)
CONFIG = SentimentConfig(inputs=INPUTS, finetune=FINETUNE)
TEXTS = ["a good film", "so bad", "good !", "a bad one"] * 3
LABELS = ["good", "bad"] * 6
DATA: Any = (TEXTS, LABELS)
SEARCH = ["learning_rate=1e-7,0.05", "hidden_dim=3"]


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The directories of what is trained, in order."""
    found: list[str] = []
    train_one = train_task._train_one

    def count(task: Any, config: Any, data: Any, encoder: Any, out: Path, progress: bool) -> dict[str, Any]:
        assert "test" not in data.scored  # test is scored with the best model alone
        found.append("/".join(out.parts[-2:]))
        return train_one(task, config, data, encoder, out, progress)

    monkeypatch.setattr(train_task, "_train_one", count)
    return found


def search(out: Path, **changes: Any) -> dict[str, Any]:
    arguments = {"search": SEARCH, "seeds": 2, "test": (["so good"], ["good"]), "progress": False, **changes}
    return tasks.sentiment.train(CONFIG, DATA, DATA, out, **arguments)


def test_the_best_model_is_kept(tmp_path: Path, trained: list[str]) -> None:
    out = tmp_path / "out"
    facts = search(out)
    slow, fast = (f"learning_rate={rate},hidden_dim=3" for rate in ("1e-07", "0.05"))
    assert trained == [f"{slow}/seed-0", f"{slow}/seed-1", f"{fast}/seed-0", f"{fast}/seed-1"]
    best, other = facts["search"]
    assert best["is_best"] and not other["is_best"] and best["mean"] >= other["mean"]
    assert {best["point"], other["point"]} == {point.replace(",", " ") for point in (slow, fast)}
    run = out / "search" / best["point"].replace(" ", ",") / f"seed-{facts['best_seed']}"
    assert (out / "model.safetensors").read_bytes() == (run / "model.safetensors").read_bytes()
    assert json.loads((out / "search.json").read_text()) == facts
    classifier = SentimentClassifier.from_pretrained(out)
    assert classifier.config.finetune.seed == facts["best_seed"]
    assert classifier.evaluate((["so good"], ["good"]))["accuracy"] == facts["test"]["accuracy"]
    metrics = json.loads((out / "metrics.json").read_text())
    assert metrics["test"]["accuracy"] == facts["test"]["accuracy"] and metrics["complete"]
    assert set(json.loads((out / "config.json").read_text())["metrics"]) == {"dev", "test"}
    page, number = make_report([out])
    assert number == 1 and "Search" in page and best["point"] in page


def test_it_goes_on_where_it_stopped(tmp_path: Path, trained: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    whole = search(tmp_path / "whole")
    count = train_task._train_one

    def stop(*arguments: Any) -> dict[str, Any]:
        if len(trained) == 3:
            raise KeyboardInterrupt
        return count(*arguments)

    trained.clear()
    monkeypatch.setattr(train_task, "_train_one", stop)
    with pytest.raises(KeyboardInterrupt):
        search(tmp_path / "cut")
    assert not (tmp_path / "cut" / "config.json").exists()
    monkeypatch.setattr(train_task, "_train_one", count)
    facts = search(tmp_path / "cut")
    assert len(trained) == 4
    assert [row["mean"] for row in facts["search"]] == [row["mean"] for row in whole["search"]]


def test_a_larger_grid_trains_what_is_new(tmp_path: Path, trained: list[str]) -> None:
    search(tmp_path / "out", seeds=1)
    trained.clear()
    search(tmp_path / "out", seeds=1, search=["learning_rate=1e-7,0.05,0.5", "hidden_dim=3"], overwrite=True)
    assert trained == ["learning_rate=0.5,hidden_dim=3/seed-0"]


def test_a_single_training_leaves_no_search(tmp_path: Path) -> None:
    search(tmp_path / "out", seeds=1, search=["hidden_dim=3"])
    tasks.sentiment.train(CONFIG, DATA, DATA, tmp_path / "out", overwrite=True, progress=False)
    assert not (tmp_path / "out" / "search.json").exists()


def test_settings_that_change_the_reading_of_the_data(tmp_path: Path) -> None:
    path = tmp_path / "trees.txt"
    path.write_text("".join(f"({n % 2 * 4} (2 It{n}) ({4 - n % 2 * 4} works))\n" for n in range(6)))
    config = dataclasses.replace(CONFIG, data=dataclasses.replace(CONFIG.data, classes=2))
    grid = ["data.phrases=true,false"]
    tasks.sentiment.train(config, path, path, tmp_path / "out", search=grid, progress=False)
    sizes = {
        read["settings"]["data"]["phrases"]: read["data"]["train"]["sentences"]
        for read in (json.loads(file.read_text()) for file in (tmp_path / "out" / "search").rglob("training.json"))
    }
    assert sizes == {True: 8, False: 6}


def test_what_is_as_good_as_the_best() -> None:
    class Named:
        def __init__(self, name: str) -> None:
            self.name, self.values = name, {}

    def of(mean: float, deviation: float) -> Any:
        return {"mean": {"dev.f1": mean}, "deviation": {"dev.f1": deviation}}

    found: Any = [(Named("a"), of(70, 9)), (Named("b"), of(72, 4)), (Named("c"), of(69.9, 0))]
    rows = _ranked(found, "dev.f1", seeds=4)  # standard error of the best: 4 / 2
    assert [(row["point"], row["is_best"], row["is_within"]) for row in rows] == [
        ("b", True, True),
        ("a", False, True),
        ("c", False, False),
    ]
    assert rows[0]["error"] == 2 and rows[1]["error"] == 4.5


def test_at_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, out = tmp_path / "data.tsv", tmp_path / "out"
    path.write_text("text\tlabel\n" + "".join(f"{t}\t{label}\n" for t, label in zip(TEXTS, LABELS, strict=True)))
    tiny = ["--inputs.word_dim", "4", "--max_epochs", "1", "--finetune.pictures", "false", "--quiet"]
    files = ["--train", str(path), "--dev", str(path), "--out", str(out)]
    argv = ["sentiment", "train", *files, "--search", *SEARCH, "--seeds", "2", *tiny]
    assert main(argv) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split("  ")[-1] == "accuracy on dev (2 seeds: mean, deviation)"
    assert lines[1].startswith("learning_rate=") and lines[1].endswith("best") and "+-" in lines[1]
    assert lines[3].startswith("best  learning_rate=") and lines[4].startswith("dev ")
    assert lines[5] == f"model {out}"
    assert main(argv) == 2
    assert "expected no model there, found config.json; --overwrite replaces it" in capsys.readouterr().err
    assert main([*argv, "--overwrite", "--folds", "2"]) == 2
    assert " folds: expected 1 with several seeds, found 2" in capsys.readouterr().err


def test_a_search_without_settings(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sentiment", "train", "--train", "a", "--out", "b", "--search"]) == 2
    assert capsys.readouterr().err == "elmo-lite: error: --search: expected a value, found none\n"
