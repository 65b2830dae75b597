"""The page: its figures are those of the run files, text of others is text, and it stands alone."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from elmo_lite.cli.main import main
from elmo_lite.errors import CheckpointError
from elmo_lite.locks import hold
from elmo_lite.report.report import make_report
from tests.elmo_lite.report.made_runs import (
    Page,
    epoch,
    labelled,
    predictions,
    pretraining_run,
    result,
    tagged,
    task_run,
)

HOSTILE = "<script>alert(1)</script>", '"><img/src=x/onerror=alert(1)>', "{{7*7}}", "</style><b>", "a\u202eb\x00\udc80"


def page_of(*paths: Path) -> tuple[Page, str]:
    text = make_report(paths)[0]
    return Page(text), text


def table_of(page: Page, title: str, number: int) -> list[str]:
    """The texts that follow a title."""
    place = page.texts.index(title)
    return page.texts[place + 1 : place + 1 + number]


def test_a_pretraining_run(tmp_path: Path) -> None:
    run = pretraining_run(tmp_path / "my run")
    result(run)
    page, _ = page_of(run)
    assert "complete, 60 steps" in page.texts
    assert table_of(page, "forward perplexity", 1) == ["140.75"]
    assert "140.75 forward, 151.50 backward, at step 60" in page.texts
    assert table_of(page, "words read", 1) == ["61,440 (1.50 passes)"] and table_of(page, "time", 1) == ["1.5 minutes"]
    dots = [text for text in page.texts if re.fullmatch(r".*\d+: [\d.]+", text)]
    assert {"forward 40: 210.5", "forward 60: 140.75", "backward 40: 222.25", "backward 60: 151.5"} <= set(dots)
    assert {"loss 20: 6.5", "loss 40: 6.25", "loss 60: 5.75"} <= set(dots)
    (command,) = page.commands
    assert "--corpus 'my corpus'" in command and command.endswith("--max_steps 60")


def test_a_task_run(tmp_path: Path) -> None:
    run = task_run(tmp_path / "tagger")
    predictions(run, tagged("Anna saw Bob", [[0, 1, "PER", 0.25, 2]], [[2, 3, "LOC", 0.875, 0]], (2,)))
    page, text = page_of(run)
    assert "complete, 2 epochs" in page.texts and table_of(page, "dev F1", 1) == ["61.54"]
    assert table_of(page, "Scores", 8) == ["score", "dev", "F1", "61.54", "precision", "66.67", "recall", "57.14"]
    by_type = ["type", "gold", "precision", "recall", "F1", "PER", "5", "75.00", "60.00", "66.67"]
    assert table_of(page, "By type, dev", 10) == by_type
    matrix = ["O", "31", "94 %", "2", "6 %", "PER", "4", "36 %", "7", "64 %"]
    assert table_of(page, "true \\ predicted", 12)[2:] == matrix
    assert {"F1 1: 40", "F1 2: 61.54", "loss 1: 2.5", "loss 2: 1.25"} <= set(page.texts)
    assert {"token layer 1: 0.25", "token layer 2: 0.5", "LSTM layer 1 2: 0.5"} <= set(page.texts)
    assert page.commands == ["elmo-lite ner train --train a --dev b --out c"]
    assert "LOC “Bob”" in page.texts and "PER “Anna”" in page.texts and "0.88" in page.texts
    assert '<span class="predicted unseen">Bob</span>' in text and '<span class="gold ">Anna</span>' in text


def test_a_run_that_predicts_numbers(tmp_path: Path) -> None:
    run = task_run(tmp_path / "related", task="classify", measure="Pearson")
    metrics = json.loads((run / "metrics.json").read_text())
    groups = [
        {"low": 1, "high": 1, "sentences": 30, "gold": 1.0, "predicted": 1.75, "rmse": 0.876543},
        {"low": 1.5, "high": 4.5, "sentences": 31, "gold": 3.25, "predicted": 3.0, "rmse": 0.5},
    ]
    scores = {"pearson": 81.25, "spearman": 79.5, "mse": 0.54321, "mse_of_mean": 1.5}
    dev = {"sentences": 61, **scores, "groups": groups}
    (run / "metrics.json").write_text(json.dumps({**metrics, "dev": dev, "test": {**scores, "pearson": 80.5}}))
    page, _ = page_of(run)
    assert table_of(page, "test Pearson", 1) == ["80.50"]
    assert table_of(page, "Scores", 6) == ["score", "dev", "test", "Pearson", "81.25", "80.50"]
    assert table_of(page, "MSE", 5) == ["0.5432", "0.5432", "MSE of always saying the mean", "1.5", "1.5"]
    assert {"predicted 1: 1.75", "predicted 3.25: 3", "gold 1: 1", "gold 3.25: 3.25"} <= set(page.texts)
    rows = table_of(page, "By gold number, dev", 15)[5:]
    assert rows == ["1", "30", "1.0", "1.75", "0.8765", "1.5 to 4.5", "31", "3.25", "3.0", "0.5"]
    (run / "metrics.json").write_text(json.dumps({**metrics, "dev": {**dev, "groups": [{"low": 1}]}}))
    with pytest.raises(CheckpointError, match="metrics.json: expected the scores of a training, found no 'gold'"):
        make_report([run])


def test_several_runs_are_compared(tmp_path: Path) -> None:
    one, two = pretraining_run(tmp_path / "one"), pretraining_run(tmp_path / "two", corpus_directory="other")
    third = task_run(tmp_path / "third")
    page, text = page_of(one, two, third)
    differing = ["setting", "one", "two", "corpus", "my corpus", "other"]
    assert table_of(page, "Pretraining: settings that differ", 6) == differing
    assert {"one 60: 140.75", "two 60: 140.75"} <= set(page.texts)
    assert "not comparable" not in text
    assert text.count('class="run"') == 3 and 'id="run-3"' in text
    other = pretraining_run(tmp_path / "other corpus", corpus="cd" * 32)
    assert "measured on different data: not comparable" in make_report([one, other])[0]


def test_equal_settings_are_not_listed(tmp_path: Path) -> None:
    runs = [pretraining_run(tmp_path / name) for name in ("one", "two")]
    assert "settings that differ" not in make_report(runs)[0]


def test_runs_of_several_seeds(tmp_path: Path) -> None:
    for seed in (0, 1, 10):
        task_run(tmp_path / "out" / f"seed-{seed}", settings={"finetune": {"seed": seed}})
    (tmp_path / "out" / "seeds.json").write_text(
        json.dumps({"seeds": 3, "mean": {"dev.f1": 61.5}, "deviation": {"dev.f1": 1.25}, "runs": []})
    )
    page, _ = page_of(tmp_path / "out")
    assert table_of(page, "out: 3 seeds", 6) == ["score", "mean", "deviation", "dev F1", "61.50", "1.25"]
    assert table_of(page, "Task: ner: settings that differ", 8)[1:4] == ["seed-0", "seed-1", "seed-10"]
    assert make_report([tmp_path / "out", tmp_path / "out" / "seed-1"])[1] == 3  # each once


# How far a run is


def test_a_run_without_anything_yet(tmp_path: Path) -> None:
    run = pretraining_run(tmp_path / "new", rows=())
    (run / "logs" / "metrics.csv").unlink()
    task = task_run(tmp_path / "task", complete=False, metrics=False, epochs=[])
    page, _ = page_of(run, task)
    assert "unfinished, step 0 of 60" in page.texts and "unfinished, 0 epochs" in page.texts
    assert page.texts.count("Nothing has been measured yet.") == 2


def test_a_run_in_progress(tmp_path: Path) -> None:
    run = pretraining_run(tmp_path / "run", rows=("0,19,6.5,,,", "0,39,6.25,,,", "0,59,5."))
    (run / "logs" / "metrics.csv").write_bytes((run / "logs" / "metrics.csv").read_bytes()[:-1])  # being written
    with hold(run):
        assert "in progress, step 40 of 60" in page_of(run)[0].texts
    assert "unfinished, step 40 of 60" in page_of(run)[0].texts


def test_a_task_run_in_progress_over_an_earlier_one(tmp_path: Path) -> None:
    run = task_run(tmp_path / "run", complete=False, epochs=[epoch(1, 12.5)])
    predictions(run, tagged("Anna", [[0, 1, "PER", 0.25, 2]], []))
    with hold(run):
        page, text = page_of(run)
    assert "in progress, 1 epoch" in page.texts and table_of(page, "dev F1", 1) == ["12.50"]
    assert "61.54" not in text and "Worst errors" not in text


@pytest.mark.parametrize(
    ("steps", "rows", "status"),
    [
        (40, ("0,39,6.25,,,",), "stopped early at step 40 of 60"),
        (60, ("0,59,6.25,,,",), "complete, 60 steps"),
        (40, ("0,39,6.25,,,", "0,44,6.0,,,"), "unfinished, step 45 of 60"),  # resumed since
    ],
)
def test_how_a_run_has_ended(steps: int, rows: tuple[str, ...], status: str, tmp_path: Path) -> None:
    result(pretraining_run(tmp_path / "run", rows=rows), steps)
    assert status in page_of(tmp_path / "run")[0].texts


def test_an_interrupted_task_run(tmp_path: Path) -> None:
    run = task_run(tmp_path / "run")
    metrics = json.loads((run / "metrics.json").read_text())
    (run / "metrics.json").write_text(json.dumps({**metrics, "interrupted": True}))
    assert "interrupted after 2 epochs" in page_of(run)[0].texts


def test_a_task_run_of_an_older_version(tmp_path: Path) -> None:
    run = task_run(tmp_path / "run")
    (run / "training.json").unlink()
    (run / "config.json").write_text(json.dumps({"task": "ner", "settings": {"config": {"lstm_dim": 17}}}))
    page, _ = page_of(run)
    assert table_of(page, "dev F1", 1) == ["61.54"] and table_of(page, "lstm_dim", 1) == ["17"]


# Text of others


def test_hostile_text_is_text(tmp_path: Path) -> None:
    runs = []
    for number, text in enumerate(HOSTILE):
        folder = re.sub(r"[/\x00\udc80]", "", text)
        run = task_run(tmp_path / str(number) / folder, task=text, command=text, measure=text)
        words = [text, *HOSTILE]
        rows = [{"line": 1, "words": words, "unseen": [0], "gold": [[0, 2, text, 0.5, 0]], "predicted": []}]
        predictions(run, *rows)
        metrics = json.loads((run / "metrics.json").read_text())
        metrics["dev"]["types"] = {text: metrics["dev"]["types"]["PER"]}
        metrics["dev"]["confusion"] = {"labels": [text, "O"], "matrix": [[1, 2], [3, 4]]}
        (run / "metrics.json").write_text(json.dumps(metrics))
        runs.append(run)
        runs.append(pretraining_run(tmp_path / f"p{number}" / folder, corpus_directory=text, init=text))
    page, text = page_of(*runs)
    text.encode("utf-8")
    assert {"script", "img", "b", "iframe", "link", "object"}.isdisjoint(page.elements)
    assert page.elements.count("style") == page.elements.count("main") == 1
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    assert all(word in page.texts for word in HOSTILE[:4]) and "49" not in page.texts
    assert "\x00" not in text and "a\ufffdb\ufffd\ufffd" in page.texts
    assert "Content-Security-Policy" in text and "default-src 'none'" in text


def test_the_page_stands_alone(tmp_path: Path) -> None:
    run = task_run(tmp_path / "run")
    predictions(run, labelled("see https://example.org now", ["a", 0.25], ["b", 0.75]))
    page, text = page_of(run, pretraining_run(tmp_path / "other"))
    kinds = {"src", "href", "srcset", "data", "action", "poster", "xlink:href"}
    references = [(name, value or "") for name, value in page.attributes if name in kinds]
    assert references and all(name == "href" and value.startswith("#run-") for name, value in references)
    style = text[text.index("<style>") : text.index("</style>")]
    assert "url(" not in style and "@import" not in style and "//" not in style
    assert "https://example.org" in page.texts  # as text


# Damage


NO_PREDICTION = "line 1: expected a prediction, found"
TABLE = "logs/metrics.csv"


@pytest.mark.parametrize(
    ("make", "name", "content", "message"),
    [
        (pretraining_run, "run.json", b"{", "expected JSON, found Expecting property"),
        (pretraining_run, "run.json", b"[1]", "expected a JSON object, found list"),
        (pretraining_run, "run.json", b"{}", "config: expected an object, found nothing"),
        (pretraining_run, "result.json", b'{"steps": "x"}', "expected the result of a run, found invalid literal"),
        (pretraining_run, TABLE, b"\0\xff\n", "line 1: expected a row of numbers"),
        (
            pretraining_run,
            TABLE,
            b"step,train/sampled_loss\n1,2\n2,x\n",
            "line 3: expected a row of numbers, found",
        ),
        (pretraining_run, TABLE, b"train/sampled_loss\n1\n", "line 2: expected a row of numbers"),
        (pretraining_run, TABLE, b"x" * 100_000, "line 1: expected a row of numbers, found a line of more than 65,536"),
        (task_run, "metrics.json", b"{}", "expected epochs with their scores, found no 'epochs'"),
        (task_run, "metrics.json", b'{"epochs": [{"epoch": "x"}]}', "expected epochs with their scores, found invalid"),
        (task_run, "metrics.json", b'{"epochs": NaN}', "expected JSON, found a number that is not finite: NaN"),
        (task_run, "metrics.json", None, "expected a regular file, found a directory"),
        (task_run, "training.json", b"\xff", "expected JSON, found"),
        (task_run, "predictions.jsonl", b"", NO_PREDICTION),
        (task_run, "predictions.jsonl", b"{}\n", NO_PREDICTION),
    ],
)
def test_damaged_files(
    make: Any, name: str, content: bytes | None, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = make(tmp_path / "run") / name
    path.unlink(missing_ok=True)
    path.mkdir() if content is None else path.write_bytes(content)
    with pytest.raises(CheckpointError) as error:
        make_report([tmp_path / "run"])
    assert message in str(error.value) and str(error.value).startswith(str(path))
    assert main(["report", str(tmp_path / "run"), "--out", str(tmp_path / "r.html")]) == 2
    assert capsys.readouterr().err.count("\n") == 1 and not (tmp_path / "r.html").exists()


@pytest.mark.parametrize("name", ["run.json", "result.json", "training.json", "metrics.json"])
def test_values_of_any_type_give_a_page_or_one_line(name: str, tmp_path: Path) -> None:
    run = task_run(tmp_path / "run") if name in ("training.json", "metrics.json") else pretraining_run(tmp_path / "run")
    result(run)
    content = json.loads((run / name).read_text())
    places: list[list[Any]] = []

    def visit(value: Any, place: list[Any]) -> None:
        places.append(place)
        for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
            visit(value[key], [*place, key])

    visit(content, [])
    for place in places[1:]:
        for value in (None, "x", -1, 1e300, [[]]):
            changed = json.loads(json.dumps(content))
            inner = changed
            for key in place[:-1]:
                inner = inner[key]
            inner[place[-1]] = value
            (run / name).write_text(json.dumps(changed))
            try:
                make_report([run])
            except CheckpointError as error:
                assert str(run) in str(error)


# The command


def test_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run, out = pretraining_run(tmp_path / "run"), tmp_path / "page.html"
    assert main(["report", str(run), "--out", str(out)]) == 0
    assert capsys.readouterr().out.startswith(f"report  {out} (1 run, ")
    assert out.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert main(["report", str(run), "--out", str(out)]) == 2
    assert "expected no such file (or --overwrite), found one" in capsys.readouterr().err
    assert main(["report", str(run), "--out", str(out), "--overwrite"]) == 0
    assert main(["report", str(run), "--out", "-"]) == 0
    assert "<!DOCTYPE html>" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("out", "message"),
    [(".", "expected a file to write, found a directory"), ("absent/page.html", "expected the directory")],
)
def test_where_no_page_can_be_written(
    out: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", str(pretraining_run(tmp_path / "run")), "--out", str(tmp_path / out)]) == 2
    assert message in capsys.readouterr().err


def test_the_page_is_written_whole_or_not_at_all(
    tmp_path: Path, small_files: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    run, out = pretraining_run(tmp_path / "run"), tmp_path / "page.html"
    out.write_text("before")
    with small_files(1000):
        assert main(["report", str(run), "--out", str(out), "--overwrite"]) == 2
    assert "page.html" in capsys.readouterr().err
    assert out.read_text() == "before" and {path.name for path in tmp_path.iterdir()} == {"run", "page.html"}


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("absent", "nothing there"),
        ("file", "a file"),
        ("empty", "an empty directory"),
        ("folder", "corpus, note.txt, tagger; there are runs in {folder}/tagger"),
        ("folder/tagger/encoder", "config.json; there are runs in {folder}/tagger"),
    ],
)
def test_what_is_no_run(name: str, found: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "empty").mkdir()
    task_run(tmp_path / "folder" / "tagger")
    (tmp_path / "folder" / "corpus").mkdir()
    (tmp_path / "folder" / "note.txt").write_text("")
    (tmp_path / "folder" / "tagger" / "encoder").mkdir()
    (tmp_path / "folder" / "tagger" / "encoder" / "config.json").write_text("{}")
    assert main(["report", str(tmp_path / name), "--out", str(tmp_path / "page.html")]) == 2
    signs = "run.json of pretraining, or training.json or metrics.json of a task, or settings.json of a ladder"
    expected = f"expected the directory of a run ({signs})"
    line = f"elmo-lite: error: {tmp_path / name}: {expected}, found {found.format(folder=tmp_path / 'folder')}\n"
    assert capsys.readouterr().err == line


def test_runs_of_one_name_are_told_apart(tmp_path: Path) -> None:
    runs = [pretraining_run(tmp_path / folder / "run") for folder in ("a", "b")]
    assert {"a/run", "b/run"} <= set(page_of(*runs)[0].texts)


def test_it_needs_no_torch() -> None:
    from tests.test_architecture import loaded

    assert loaded("import elmo_lite.report.command", "torch", "pytorch_lightning", "matplotlib") == set()


def test_a_command_is_never_cut(tmp_path: Path) -> None:
    command = f"elmo-lite ner train --train {'x' * 3000} --dev 'a --b' --out <c>"
    page, text = page_of(task_run(tmp_path / "run", command=command, settings={"words": "y" * 3000}))
    assert page.commands == [command]
    assert "y" * 500 + " …" in text and "y" * 501 not in text
