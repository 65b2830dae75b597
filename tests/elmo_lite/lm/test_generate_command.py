"""``elmo-lite generate``: on the screen, in files, stopped."""

import io
import json
import signal
import sys
from contextlib import redirect_stdout
from pathlib import Path

import pytest

from elmo_lite.cli.main import main
from elmo_lite.lm.language_model import LanguageModel
from elmo_lite.saved_model.checkpoint import save_model
from elmo_lite.text.tokenization import Tokenization
from tests.elmo_lite.lm.tiny import VOCABULARY, language_model, make, saved


@pytest.fixture
def model(tmp_path: Path) -> str:
    return str(saved(tmp_path / "model", "words"))


def run(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    assert main(["generate", *argv, "--quiet"]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("prompt", ["", "The cat sat. The dog and"])
def test_a_line_per_sample(model: str, capsys: pytest.CaptureFixture[str], prompt: str) -> None:
    settings = ["--seed", "3", "--num_words", "15", "--temperature", "1.5", "--top_k", "9", "--top_p", "0.95"]
    shown = run(capsys, model, "--prompt", prompt, "--num_samples", "3", *settings)
    expected = language_model("words").generate(prompt, 15, num_samples=3, seed=3, temperature=1.5, top_k=9, top_p=0.95)
    assert shown.splitlines() == [text.text for text in expected]
    assert shown.startswith(prompt)
    assert run(capsys, model, "--prompt", prompt, *settings) == shown.splitlines()[0] + "\n"


class Screen(io.StringIO):
    """Standard output that keeps what is seen at each flush."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def flush(self) -> None:
        self.seen.append(self.getvalue())


def test_words_appear_as_they_are_drawn(model: str) -> None:
    with redirect_stdout(Screen()) as screen:
        assert main(["generate", model, "--num_words", "12", "--seed", "1", "--quiet"]) == 0
    grown = [text for text in dict.fromkeys(screen.seen) if text]
    assert len(grown) >= 10 and all(screen.getvalue().startswith(text.rstrip("\n")) for text in grown)


def test_files(model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = ["--prompt", "the cat", "--num_samples", "2", "--num_words", "6", "--seed", "5"]
    shown = run(capsys, model, *settings)
    assert run(capsys, model, str(tmp_path / "out.txt"), *settings) == ""
    assert (tmp_path / "out.txt").read_text() == shown
    run(capsys, model, str(tmp_path / "out.jsonl"), *settings)
    lines = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [line["text"] for line in lines] == shown.splitlines()
    assert [(line["sample"], line["seed"], line["direction"]) for line in lines] == [
        (0, 5, "forward"),
        (1, 5, "forward"),
    ]
    assert all(line["prompt"] == [["the", "cat"]] and line["sentences"][0][:2] == ["the", "cat"] for line in lines)


def test_backward(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    shown = run(capsys, model, "--prompt", "the mat.", "--direction", "backward", "--num_words", "7", "--seed", "2")
    assert shown == language_model("words").generate("the mat.", 7, seed=2, direction="backward")[0].text + "\n"
    assert shown.endswith("the mat.\n")


def test_the_seed_is_shown_and_repeats_the_text(
    model: str, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    assert main(["generate", model, "--num_words", "20"]) == 0
    shown = capsys.readouterr().out
    flag, seed = caplog.records[0].message.split()
    assert flag == "--seed" and run(capsys, model, "--num_words", "20", "--seed", seed) == shown


def test_prompt_on_standard_input(
    model: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"the cat\n")))
    found = run(capsys, model, "--prompt", "-", "--num_words", "5", "--seed", "1")
    assert found == run(capsys, model, "--prompt", "the cat", "--num_words", "5", "--seed", "1")


def test_words_outside_of_the_vocabulary_are_said_once(model: str, caplog: pytest.LogCaptureFixture) -> None:
    assert main(["generate", model, "--prompt", "Zoe the Zoe", "--num_words", "4", "--seed", "1"]) == 0
    (record,) = caplog.records
    assert record.message == "outside of the vocabulary, read by their characters: Zoe"


def test_what_is_refused(model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_model(tmp_path / "bare", make()[0], Tokenization(), VOCABULARY)
    for argv, message in [
        ([str(tmp_path / "bare")], "expected a model with its language model head, found an encoder alone"),
        ([model, "--num_words", "0"], "num_words: expected 1 or more, found 0"),
        ([model, "--num_samples", "-3"], "num_samples: expected 1 or more, found -3"),
        ([model, "--temperature", "-1"], "temperature: expected a finite number of 0 or more, found -1.0"),
        ([model, "--temperature", "warm"], "temperature"),
        ([model, "--seed", "-1"], "seed: expected a number in 0..4294967295, found -1"),
        (
            [model, "The city"],
            "The city: expected an output that ends in .txt or .jsonl (--prompt TEXT gives a prompt)",
        ),
        ([model, str(tmp_path / "out.tsv")], "expected a name that ends in .jsonl, .txt, found .tsv"),
        ([model, str(tmp_path / "no" / "out.txt")], "to write in, found none"),
        ([model, "--stateful=1"], "stateful"),
    ]:
        assert main(["generate", *argv]) == 2
        error = capsys.readouterr().err
        assert message in error and error.count("\n") == 1, argv


def test_an_interrupt_ends_the_line(
    model: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(self: LanguageModel, *arguments: object, on_word: object, **settings: object) -> None:
        on_word(0, "the")  # type: ignore[operator]
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(LanguageModel, "generate", interrupted)
    assert main(["generate", model, "--seed", "1"]) == 130
    output = capsys.readouterr()
    assert output.out == "the\n" and "interrupted" in output.err
