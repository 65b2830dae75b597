"""The page of a ladder: its figures are those of the files, and a ladder in progress is shown as far as it is."""

from __future__ import annotations

import dataclasses
import json
import os
import shlex
import signal
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl

from elmo_lite.cli.arguments import parse
from elmo_lite.cli.main import COMMANDS, command_positionals
from elmo_lite.cli.signatures import function_parser
from elmo_lite.errors import CheckpointError
from elmo_lite.ladder.clock import Clock
from elmo_lite.ladder.config import LadderConfig
from elmo_lite.ladder.ladder import climb
from elmo_lite.locks import hold
from elmo_lite.report.report import make_report
from elmo_lite.stopping import Stopped
from tests.elmo_lite.ladder.toy import toy_corpus, toy_ladder
from tests.elmo_lite.report.made_runs import NEURAL, RESULTS, Page, ladder_run, pretraining_run, rung


def page_of(*paths: Path) -> Page:
    return Page(make_report(paths)[0])


def after(page: Page, title: str, number: int) -> list[str]:
    """The texts that follow a title."""
    place = page.texts.index(title)
    return page.texts[place + 1 : place + 1 + number]


def test_a_ladder(tmp_path: Path) -> None:
    page = page_of(ladder_run(tmp_path / "run"))
    assert "complete, 3 models" in page.texts
    assert after(page, "best n-gram model", 1) == ["300.2, the unigram"]
    assert after(page, "best neural model", 1) == ["55.8, the lstm"]
    assert after(page, "words of the training text", 1) == ["12,345"]
    assert after(page, "held-out predictions", 1) == ["2,345"] and "predictions on test" not in page.texts
    assert after(page, "Models, held-out perplexity", 6) == [
        "model", "perplexity", "parameters", "words/s", "seconds", "width"
    ]  # fmt: skip
    rows = after(page, "width", 22)
    assert rows[:6] == ["the unigram", "300.2", "1,234", "200", "4.5", "–"]
    assert rows[6:12] == ["the lstm", "55.8", "1,234", "200", "4.5", "16"]
    assert rows[18:20] == ["its backward direction", "70.5"]
    assert after(page, "sentence", 2) == ["the unigram", "a b"]


def test_its_curves(tmp_path: Path) -> None:
    page = page_of(ladder_run(tmp_path / "run"))
    dots = {text for text in page.texts if ": " in text}
    assert {"the lstm 1.5: 90.5", "the lstm 3: 60.25", "the bilm 2: 80"} <= dots
    assert {"the unigram 0: 300.25", "the unigram 3: 300.25"} <= dots  # a level as long as the longest curve
    assert {"the lstm 0: 1", "the lstm 1: 0.5", "the lstm, its cell 1: 0.25", "the lstm 0: 2"} <= dots
    assert not any(text.startswith(("the lstm, its cell 0", "the lstm 2: 1e")) for text in dots)  # none, and too small
    assert "Gradients by distance, before training" in page.texts


def test_a_model_that_failed(tmp_path: Path) -> None:
    failed = rung("lstm", None, dim=16, failed="step 7: expected finite gradients", sentence="")
    page = page_of(ladder_run(tmp_path / "run", (RESULTS[0], failed, RESULTS[2])))
    assert "step 7: expected finite gradients" in page.texts and after(page, "best neural model", 1) == [
        "66.5, the bilm"
    ]


def test_the_test_text(tmp_path: Path) -> None:
    results = (rung("unigram", 300.0, test_perplexity=310.5), RESULTS[1], RESULTS[2])
    page = page_of(ladder_run(tmp_path / "run", results, test="my test.txt"))
    assert after(page, "Models, held-out perplexity", 3) == ["model", "perplexity", "test"]
    assert "310.5" in page.texts and after(page, "test", 1) == ["my test.txt"]


def test_a_ladder_in_progress(tmp_path: Path) -> None:
    run = ladder_run(tmp_path / "run", RESULTS[:1])
    pretraining_run(run / "rungs" / "lstm", rows=("0,39,6.25,,,", "0,39,,210.5,,"))
    with hold(run):
        assert "in progress, 1 of 3 models; lstm: unfinished, step 40 of 60" in page_of(run).texts
    page = page_of(run)
    assert "unfinished, 1 of 3 models; lstm: unfinished, step 40 of 60" in page.texts
    assert after(page, "width", 1) == ["the unigram"] and "best neural model" not in page.texts
    assert "Held-out perplexity, lstm in training" in page.texts and "forward 40: 210.5" in page.texts


def test_a_ladder_without_anything_yet(tmp_path: Path) -> None:
    page = page_of(ladder_run(tmp_path / "run", ()))
    assert "unfinished, 0 of 3 models" in page.texts and "Nothing has been measured yet." in page.texts


def test_ladders_are_compared(tmp_path: Path) -> None:
    runs = [ladder_run(tmp_path / "one"), ladder_run(tmp_path / "two", config={"rungs": ("lstm",), "dim": 64})]
    text = make_report(runs)[0]
    page = Page(text)
    assert after(page, "Ladder: settings that differ", 3) == ["setting", "one", "two"]
    assert after(page, "dim", 2) == ["128", "64"]
    assert {"one 3: 60.25", "two 3: 60.25"} <= set(page.texts) and "not comparable" not in text
    other = ladder_run(tmp_path / "other", corpus="cd" * 32)
    assert "measured on different data: not comparable" in make_report([runs[0], other])[0]


@pytest.mark.parametrize("changes", [{}, {"equal": "parameters", "epochs": 7, "rungs": ("bigram", "gru")}])
def test_the_command_repeats_it(changes: dict[str, Any], tmp_path: Path) -> None:
    config = LadderConfig(**changes)
    run = ladder_run(tmp_path / "run", (), config=changes, test="a test.txt")
    (line,) = page_of(run).commands
    words = shlex.split(line)
    assert words[:3] == ["elmo-lite", "ladder", "my corpus"]
    command = COMMANDS["ladder"]
    values = parse(function_parser(command.load(), "ladder", command_positionals(command)), words[2:], "ladder")
    assert LadderConfig(**{field.name: values[field.name] for field in dataclasses.fields(LadderConfig)}) == config
    assert (values["corpus"], values["test"], values["out"]) == ("my corpus", "a test.txt", str(run))


def test_a_ladder_of_an_older_version(tmp_path: Path) -> None:
    run = ladder_run(tmp_path / "run")
    settings = json.loads((run / "settings.json").read_text())
    del settings["corpus_name"]
    (run / "settings.json").write_text(json.dumps(settings))
    page = page_of(run)
    assert after(page, "corpus", 1) == ["fingerprint abababababab"] and " CORPUS " in page.commands[0]


def test_a_real_ladder(tmp_path: Path) -> None:
    corpus, out = toy_corpus(tmp_path / "toy"), tmp_path / "out"
    results = climb(toy_ladder(rungs=("bigram", "rnn_tanh"), epochs=1), corpus, out, progress=False)
    page = page_of(out)
    assert "complete, 2 models" in page.texts and after(page, "corpus", 1) == [str(corpus)]
    assert {f"{round(result.perplexity or 0, 1)}" for result in results} <= set(page.texts)
    assert {result.sentence for result in results} <= set(page.texts)
    assert {"Perplexity over time", "Gradients by distance, after training"} <= set(page.texts)


def test_a_ladder_that_was_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that has been validated once has saved a model, which reads forward alone."""
    config, out = toy_ladder(rungs=("bigram", "gru"), epochs=1, validations=4), tmp_path / "out"
    with monkeypatch.context() as patch:
        patch.setattr(Clock, "on_validation_end", stop_at_second)
        with pytest.raises(Stopped):
            climb(config, toy_corpus(tmp_path / "toy"), out, progress=False)
    assert (out / "rungs" / "gru" / "model" / "config.json").is_file()
    page = page_of(out)
    assert any(text.startswith("unfinished, 1 of 2 models; gru: unfinished, step ") for text in page.texts)
    assert "Held-out perplexity, gru in training" in page.texts
    page = page_of(out / "rungs" / "gru")  # on its own, a pretraining run of one direction
    assert "forward perplexity" in page.texts and "backward perplexity" not in page.texts


def stop_at_second(self: Clock, trainer: pl.Trainer, *_: Any) -> None:
    """A method of ``Clock`` that sends SIGINT at the second validation."""
    if trainer.global_step > 4:
        os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("settings.json", "{}", "config: expected an object, found nothing"),
        ("settings.json", "[]", "expected a JSON object, found list"),
        ("ladder.json", '{"classes": "x"}', "expected the results of a ladder, found invalid literal"),
        ("rungs/lstm.json", "{", "expected JSON, found"),
        ("rungs/lstm.json", "{}", "name: expected a string, found nothing"),
    ],
)
def test_damaged_files(name: str, content: str, message: str, tmp_path: Path) -> None:
    run = ladder_run(tmp_path / "run")
    (run / name).write_text(content)
    with pytest.raises(CheckpointError) as error:
        make_report([run])
    assert message in str(error.value) and str(error.value).startswith(str(run / name))


@pytest.mark.parametrize("name", ["settings.json", "ladder.json", "rungs/lstm.json"])
def test_values_of_any_type_give_a_page_or_one_line(name: str, tmp_path: Path) -> None:
    run = ladder_run(tmp_path / "run")
    content = json.loads((run / name).read_text())
    keys = [(key,) for key in content]
    keys += [("points", 0), ("points", 0, 0), ("gradients", "before"), ("gradients", "before", "hidden")]
    keys += [("gradients", "before", "hidden", 0)] + [("config", key) for key in content.get("config", ())]
    for place in keys:
        for value in (None, "x", -1, 1e300, [], [[]], {"x": 1}):
            changed: Any = json.loads(json.dumps(content))
            inner = changed
            try:
                for key in place[:-1]:
                    inner = inner[key]
            except KeyError:
                continue
            inner[place[-1]] = value
            (run / name).write_text(json.dumps(changed))
            try:
                make_report([run])
            except CheckpointError as error:
                assert str(run) in str(error)


def test_hostile_text_is_text(tmp_path: Path) -> None:
    text = "<script>alert(1)</script>"
    run = ladder_run(tmp_path / "run", (rung("unigram", 9.0, title=text, sentence=text), rung("lstm", 9.0, **NEURAL)))
    page = page_of(run)
    assert "script" not in page.elements and page.texts.count(text) >= 2
