"""``elmo-lite score``: formats, figures, what is refused."""

import csv
import io
import json
import math
import re
import signal
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from elmo_lite.cli.main import main
from elmo_lite.corpus.builder import CorpusSettings, build_corpus
from elmo_lite.lm import score_command
from elmo_lite.lm.evaluate import evaluate
from elmo_lite.saved_model.checkpoint import load_model, save_model
from elmo_lite.text.tokenization import Tokenization
from tests.elmo_lite.lm.tiny import VOCABULARY, language_model, make, saved

TEXT = " the cat sat . \n\nZoe <b> mat\n \nthe <unk> and a dog , on\n"
SENTENCES = [line.split() for line in TEXT.split("\n") if line.split()]


@pytest.fixture
def model(tmp_path: Path) -> str:
    return str(saved(tmp_path / "model"))


@pytest.fixture
def text(tmp_path: Path) -> str:
    (tmp_path / "text.txt").write_text(TEXT, encoding="utf-8")
    return str(tmp_path / "text.txt")


def run(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    assert main(["score", *argv, "--quiet"]) == 0
    return capsys.readouterr().out


def test_tsv_on_a_pipe(model: str, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    rows = list(csv.DictReader(io.StringIO(run(capsys, model, text)), delimiter="\t", quoting=csv.QUOTE_NONE))
    assert len(rows) == sum(len(sentence) + 2 for sentence in SENTENCES)
    for number, score in enumerate(language_model().score(SENTENCES), 1):
        *words, whole = [row for row in rows if row["sentence"] == str(number)]
        assert [row["word"] for row in words] == [*score.words, "</S>"]
        assert [row["scored_as"] for row in words] == [*score.scored_as, "boundary"]
        assert [row["position"] for row in words] == [str(place) for place in range(1, len(score.words) + 2)]
        for name, values in (("forward", score.forward), ("backward", score.backward), ("sum", score.sum)):
            assert [float(row[name]) for row in words] == pytest.approx(values.tolist(), abs=1e-5)
            assert float(whole[name]) == pytest.approx(values.sum(), abs=1e-5)
        assert (whole["scored_as"], whole["word"], whole["position"]) == ("sentence", "", str(len(score.words)))
        assert float(whole["forward_perplexity"]) == pytest.approx(score.score.forward_perplexity, rel=1e-4)
        assert float(whole["backward_perplexity"]) == pytest.approx(score.score.backward_perplexity, rel=1e-4)


@pytest.mark.parametrize("name", ["out.tsv", "out.jsonl", "out.html", "out.txt"])
@pytest.mark.parametrize("oov", ["unk", "skip"])
def test_a_file_and_the_figures_of_evaluate(
    model: str, text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, oov: str
) -> None:
    figures = json.loads(run(capsys, model, text, str(tmp_path / name), "--oov", oov))
    expected: dict[str, Any] = evaluate(load_model(model, with_head=True), [text])
    expected = expected if oov == "unk" else expected["without_unknown"]
    for key in ("forward_perplexity", "backward_perplexity", "mean_perplexity", "predictions"):
        assert figures[key] == pytest.approx(expected[key], rel=1e-5)
    assert figures["oov"] == oov and "outside of the vocabulary" in figures["oov_means"]
    assert (tmp_path / name).stat().st_size > 100
    assert main(["score", model, text, str(tmp_path / name)]) == 2
    assert "expected no such file (or --overwrite), found one" in capsys.readouterr().err


def test_json_lines(model: str, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [json.loads(line) for line in run(capsys, model, text, "--format", "jsonl", "--oov", "skip").splitlines()]
    assert [line["words"] for line in lines] == SENTENCES and [line["sentence"] for line in lines] == [1, 2, 3]
    assert lines[1]["scored_as"] == ["skipped", "skipped", "word"] and lines[1]["forward"][:2] == [None, None]
    for line in lines:
        total = sum(filter(None, line["forward"])) + line["boundary"]["forward"]
        scored = line["scored_as"].count("word") + 1
        assert line["total"]["forward"] == pytest.approx(total)
        assert line["perplexity"]["forward"] == pytest.approx(math.exp(-total / scored))
        assert line["total"]["sum"] == pytest.approx(line["total"]["forward"] + line["total"]["backward"])
        assert line["oov"] == "skip"


class Page(HTMLParser):
    """Words of a page, and whether its tags are closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.words: list[tuple[str, dict[str, str | None]]] = []
        self.attributes: dict[str, str | None] = {}
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        assert tag not in ("script", "link", "img"), "the page needs nothing else"
        if tag not in ("meta", "hr"):
            self.open.append(tag)
        self.attributes = dict(attributes)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] == ["span"] and "title" in self.attributes:
            self.words.append((data, self.attributes))


def test_page(model: str, text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, model, text, str(tmp_path / "out.html"))
    content = (tmp_path / "out.html").read_text(encoding="utf-8")
    page = Page(content)
    assert [word for word, _ in page.words] == [word for sentence in SENTENCES for word in sentence]
    assert not page.open and "sum of both is the log of no probability" in content
    bits = [value for score in language_model().score(SENTENCES) for value in score.bits()[:-1].tolist()]
    for (_, attributes), value in zip(page.words, bits, strict=True):
        assert f"{value:.1f} bits" in (attributes["title"] or "")
        band = sum(value >= least for least in (4, 7, 10, 13))
        assert (f"b{band}" in (attributes.get("class") or "")) == (band > 0)


def test_text_and_colours(
    model: str, text: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = run(capsys, model, text, "--format", "text", "--oov", "skip")
    assert "Zoe/- <b>/- mat/" in plain and "\x1b" not in plain
    assert "perplexity" in plain.splitlines()[1] and "3 sentences, 14 words, 3 outside of the vocabulary" in plain
    monkeypatch.setenv("FORCE_COLOR", "1")
    coloured = run(capsys, model, text, "--format", "text")
    assert "\x1b[30;48;5;" in coloured and "surprise from" in coloured
    words = re.sub(r"\x1b\[[\d;]*m", "", coloured).splitlines()[1]
    assert words == "the cat sat ."
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in run(capsys, model, text, "--format", "text")


def test_a_terminal_shows_colours(
    model: str, text: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(sys.stdout), "isatty", lambda self: True, raising=False)
    assert "\x1b[30;48;5;" in run(capsys, model, text)


def test_surprise_of_one_direction(model: str, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    shown = run(capsys, model, text, "--format", "text", "--surprise", "backward").splitlines()[0]
    bits = language_model().score(SENTENCES[:1])[0].bits("backward")[:-1]
    assert shown == " ".join(f"{word}/{value:.1f}" for word, value in zip(SENTENCES[0], bits, strict=True))


def test_spread_by_a_corpus(model: str, text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = CorpusSettings(tokenization=Tokenization(kind="whitespace"), vocabulary_size=4)
    (tmp_path / "train.txt").write_text("the the cat Zoe Zoe\n.\n")
    build_corpus([str(tmp_path / "train.txt")], tmp_path / "corpus", settings, held_out=[text])
    lines = run(capsys, model, text, "--oov", "spread", "--corpus", str(tmp_path / "corpus"))
    kinds = [row["scored_as"] for row in csv.DictReader(io.StringIO(lines), delimiter="\t") if row["sentence"] == "2"]
    assert kinds == ["spelling", "unseen", "word", "boundary", "sentence"]
    shown = run(capsys, model, text, "--format", "text", "--oov", "spread", "--corpus", str(tmp_path / "corpus"))
    assert "which their counts in the corpus give" in shown and "1 spellings divide the rest" in shown
    # Of a corpus directory, the held-out part is scored.
    on_corpus = run(capsys, model, str(tmp_path / "corpus"))
    assert on_corpus == run(capsys, model, text)


def test_standard_input(
    model: str, text: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(TEXT.encode())))
    assert run(capsys, model, "-") == run(capsys, model, text)


def test_what_is_refused(model: str, text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_model(tmp_path / "bare", make()[0], Tokenization(kind="whitespace"), VOCABULARY)
    other = CorpusSettings(tokenization=Tokenization(kind="words"), vocabulary_size=4)
    build_corpus([text], tmp_path / "corpus", other)
    (tmp_path / "empty.txt").write_text("")
    (tmp_path / "blank.txt").write_text("\n \n")
    (tmp_path / "binary.txt").write_bytes(b"the \x00 cat\n")
    for argv, message in [
        ([str(tmp_path / "bare"), text], "bare: expected a model with its language model head, found an encoder alone"),
        ([model, str(tmp_path / "empty.txt")], "found an empty file"),
        ([model, str(tmp_path / "blank.txt")], "expected at least one sentence, found none"),
        ([model, str(tmp_path / "binary.txt")], "binary.txt, line 1"),
        ([model, str(tmp_path / "txet.txt")], "txet.txt: expected a file, found nothing there"),
        (
            [model, text, str(tmp_path / "out.csv")],
            "expected a name that ends in .tsv, .jsonl, .html, .txt, found .csv",
        ),
        ([model, text, text, "--overwrite"], "expected another file than INPUT, found the same"),
        ([model, text, "--oov", "spread"], "--corpus: expected a corpus directory with --oov spread alone, found None"),
        (
            [model, text, "--corpus", str(tmp_path / "corpus")],
            "--corpus: expected a corpus directory with --oov spread",
        ),
        ([model, text, "--oov", "spread", "--corpus", str(tmp_path / "corpus")], "expected the model's tokenization"),
        ([model, text, "--oov", "split"], "oov"),
    ]:
        assert main(["score", *argv]) == 2
        output = capsys.readouterr()
        assert message in output.err and output.err.count("error:") == 1, argv
        assert output.out == ""


def test_an_interrupt_leaves_no_file(
    model: str, text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(self: object, *arguments: object) -> Any:
        yield "begun"
        signal.raise_signal(signal.SIGINT)
        yield "never"

    monkeypatch.setattr(score_command.ScoreWriter, "lines", interrupted)
    before = sorted(path.name for path in tmp_path.iterdir())
    assert main(["score", model, text, str(tmp_path / "out.tsv")]) == 130
    assert sorted(path.name for path in tmp_path.iterdir()) == before
    assert "interrupted" in capsys.readouterr().err
