"""benchmarks/few_labels.py: its samples, its settings, runs that are not repeated, and its table."""

import dataclasses
import json
import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
pytest.importorskip("sklearn_crfsuite")
import data_sets
import few_labels
from few_labels import BASELINE, Runs

SAMPLES = Path(__file__).parents[1] / "tasks" / "samples"
TREE_LINES = ["(2 (2 a) (2 b))\n", "(3 (2 a) (3 good))\n", "(0 (0 bad) (2 b))\n"]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The sets uner and sst2 in small."""
    ner, trees = tmp_path / "data/ner/uner-en-ewt", tmp_path / "data/sentiment/sst"
    ner.mkdir(parents=True)
    trees.mkdir(parents=True)
    for part in ("train", "dev", "test"):
        shutil.copy(SAMPLES / f"ner_{part}.iob2", ner / f"{part}.iob2")
        (trees / f"{part}.txt").write_text("".join(TREE_LINES * 20), encoding="utf-8")
    return tmp_path / "data"


def runs(data: Path, *, held_out: bool = False) -> Runs:
    return Runs(data.parent / "out", data, "none", "", held_out, "")


def sentences(path: Path) -> list[str]:
    return data_sets.examples_of(path, data_sets.SETS["uner"])[1]


def test_a_smaller_sample_is_in_the_larger_one(data: Path) -> None:
    small, large, other = (runs(data).sample("uner", *given)[0] for given in ((20, 0), (40, 0), (20, 1)))
    assert (len(sentences(small)), len(sentences(large))) == (20, 40)
    assert set(sentences(small)) < set(sentences(large))
    assert set(sentences(small)) != set(sentences(other))


def test_a_tenth_is_held_out_of_the_sample(data: Path) -> None:
    whole, dev = runs(data).sample("uner", 40, 0)
    train, held_out = runs(data, held_out=True).sample("uner", 40, 0)
    assert dev == data / "ner/uner-en-ewt/dev.iob2"
    assert (len(sentences(train)), len(sentences(held_out))) == (36, 4)
    assert sorted(sentences(train) + sentences(held_out)) == sorted(sentences(whole))


def test_trees_without_a_label_are_no_sentences(data: Path) -> None:
    text = runs(data).sample("sst2", 40, 0)[0].read_text(encoding="utf-8")
    assert sorted(text.splitlines(keepends=True)) == sorted(TREE_LINES[1:] * 20)
    with pytest.raises(SystemExit, match="expected 41 sentences or more, found 40"):
        runs(data).sample("sst2", 41, 0)


def test_lines_of_blanks_end_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "train.conll"
    path.write_text("a\tO\n\t\nb\tO\n\n\nc\tO\n", encoding="utf-8")
    assert data_sets.examples_of(path, data_sets.SETS["wnut17"])[1] == ["a\tO\n", "b\tO\n", "c\tO\n"]


def test_too_few_sentences(data: Path) -> None:
    with pytest.raises(SystemExit, match="expected 5,000 sentences or more, found"):
        runs(data).sample("uner", 5000, 0)


@pytest.mark.parametrize("name", ["uner", "sst2"])
def test_settings_are_those_of_the_command(data: Path, name: str) -> None:
    dataset = data_sets.SETS[name]
    config = runs(data).config(dataset, "none", 3)
    same = type(config)(encoder="none", encoder_inside=False)
    finetune = dataclasses.replace(same.finetune, seed=3, pictures=False)
    given = {"data": dataclasses.replace(dataset.data, phrases=False)} if name == "sst2" else {}
    assert config == dataclasses.replace(same, finetune=finetune, **given)
    assert runs(data).config(dataset, "few", 3).finetune.batch_size == 16


def test_finished_runs_are_not_repeated(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trained = []

    def train_head(config: object, train: Path, dev: Path, out: Path) -> dict[str, object]:
        trained.append(out)
        return {"best_epoch": 1, "seconds_per_epoch": 1.0, "interrupted": False}

    scored = {"dev.iob2": 50.0, "test.iob2": 60.0}
    monkeypatch.setattr(few_labels, "train_head", train_head)
    monkeypatch.setattr(few_labels, "score_head", lambda dataset, directory, encoder, file: {"f1": scored[file.name]})
    table = runs(data)
    assert table.scores("uner", 20, "none", range(2), "dev", train=False) == {}
    for _ in range(2):
        assert table.scores("uner", 20, "none", range(2), "dev", train=True) == {0: 50.0, 1: 50.0}
    assert not list(data.parent.rglob("test.json"))
    assert table.scores("uner", 20, "none", [1], "test", train=True) == {1: 60.0}  # the tagger is not trained again
    assert [path.name for path in trained] == ["sample-0", "sample-1"]


def test_command(data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(few_labels, "train_head", lambda *given: {})
    monkeypatch.setattr(few_labels, "score_head", lambda *given: {"f1": 70.0, "accuracy": 70.0})
    out = data.parent / "out"
    given = ["--encoder", "none", "--data", str(data), "--sets", "uner", "sst2", "--sizes", "40", "--samples", "2"]
    monkeypatch.setattr(sys, "argv", ["few_labels.py", str(out), *given, "--held_out"])
    few_labels.main()
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["set", "sentences", "model", "samples", "dev", "over", "baseline", "in", "SE"]
    assert [line.split()[:4] for line in lines[1::2]] == [
        ["uner", "40", "feature", "CRF"],
        ["sst2", "40", "TF-IDF", "2"],
    ]
    rows = json.loads((out / "few-labels-dev-held-out.json").read_text(encoding="utf-8"))["table"]
    assert [row["model"] for row in rows] == ["feature CRF", "head-default-none", "TF-IDF", "head-default-none"]
    assert rows[1]["scores"] == {"0": 70.0, "1": 70.0}


def test_table() -> None:
    scores = {"uner": {100: {BASELINE: {0: 50.0, 1: 54.0}, "head": {0: 52.0, 1: 60.0}, "few": {}}}}
    assert few_labels.table_of(scores, "dev")[1:] == [
        ["uner", "100", "feature CRF", "2", "52.0 ± 2.8", "", ""],
        ["uner", "100", "head", "2", "56.0 ± 5.7", "+4.0 ± 2.0", "+2.0"],
    ]
    assert few_labels.over((1.0, float("nan"))) == ["+1.0 ± ?", "?"]
    assert few_labels.over(None) == ["-", "-"]
    found = few_labels.summary_of(scores)
    assert [(row["difference"], row["standard_error"]) for row in found] == [(None, None), (4.0, 2.0), (None, None)]
