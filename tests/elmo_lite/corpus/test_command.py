"""``elmo-lite corpus --segmenter``: what is taken, stored, said, and refused before any work."""

import json
import sys
from pathlib import Path

import pytest

from elmo_lite.cli.main import main
from elmo_lite.corpus import builder
from elmo_lite.corpus.builder import CorpusSettings, build_corpus
from elmo_lite.corpus.corpus import Corpus
from elmo_lite.text.sources import Source
from elmo_lite.text.tokenization import Tokenization
from tests.segmenter_fakes import Segmenters

TEXT = "我们今天学习。Good!\n"
WITHOUT = ["我", "们", "今", "天", "学", "习", "。", "Good", "!"]
WITH = ["我们", "今天", "学习", "。", "Good", "!"]


@pytest.fixture
def text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    Path("text.txt").write_text(TEXT * 20, encoding="utf-8")
    return "text.txt"


@pytest.mark.parametrize(
    ("flags", "installed", "segmenter", "said"),
    [
        ([], ["jieba"], "jieba", "Chinese text: words are found by jieba, which using the model needs too"),
        ([], ["icu", "sudachi"], "icu", "Chinese text: words are found by icu, which using the model needs too"),
        (["--segmenter", "auto"], [], None, "pip install 'elmo_lite[chinese]'"),
        (["--segmenter", "none"], ["jieba"], None, ""),
        (["--segmenter", "icu"], ["jieba", "icu"], "icu", ""),
        (["--tokenizer", "whitespace"], ["jieba"], None, ""),
        (["--tokenizer", "whitespace", "--segmenter", "none"], ["jieba"], None, ""),
    ],
)
def test_what_is_taken_and_said(
    flags: list[str],
    installed: list[str],
    segmenter: str | None,
    said: str,
    text: str,
    segmenters: Segmenters,
    caplog: pytest.LogCaptureFixture,
) -> None:
    segmenters.install(*installed)
    assert main(["corpus", text, "--out", "out", *flags]) == 0
    stored = json.loads(Path("out/meta.json").read_text())["tokenization"]
    assert stored.get("segmenter") == segmenter and ("segmenter" in stored) == (segmenter is not None)
    if "whitespace" not in flags:
        assert sorted(Corpus.open("out").words) == sorted(WITH if segmenter else WITHOUT)
    assert [message.endswith(said) for message in caplog.messages] == [True] * bool(said)
    assert ("each character is a word" in caplog.text) == ("pip install" in said)
    assert repr(Corpus.open("out")).endswith(f"by {segmenter})" if segmenter else f"tokenisation {stored['kind']})")


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--segmenter", "jieba"], "this needs the package jieba: pip install 'elmo_lite[chinese]'"),
        (["--segmenter", "sudachi"], "pip install 'elmo_lite[japanese]'"),
        (
            ["--segmenter", "icu", "--tokenizer", "whitespace"],
            "segmenter: expected none with whitespace, found 'icu'",
        ),
    ],
)
def test_refused_before_any_work(
    flags: list[str], message: str, text: str, segmenters: Segmenters, capsys: pytest.CaptureFixture[str]
) -> None:
    """Even for a text that needs no segmenter."""
    Path(text).write_text("Good words.\n")
    assert main(["corpus", text, "--out", "out", *flags]) == 2
    error = capsys.readouterr().err
    assert error.endswith(f"{message}\n") and error.count("\n") == 1
    assert not Path("out").exists()


def test_worker_processes_have_the_segmenter(
    text: str, segmenters: Segmenters, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A spawned process gets the settings and imports the package itself; the result does not depend on it."""
    (tmp_path / "packages").mkdir()
    (tmp_path / "packages" / "jieba.py").write_text(
        "class Tokenizer:\n"
        "    get_dict_file = gen_pfdict = lambda self, *file: ({}, 0)\n"
        "    cut = lambda self, text: [text[at : at + 2] for at in range(0, len(text), 2)]\n"
    )
    monkeypatch.delitem(sys.modules, "jieba")
    monkeypatch.syspath_prepend(str(tmp_path / "packages"))
    settings = CorpusSettings(tokenization=Tokenization(segmenter="jieba"))
    build_corpus([text], Path("one"), settings, num_processes=1)
    monkeypatch.setattr(builder, "_SMALL_INPUT", 0)
    read = Source.blocks
    monkeypatch.setattr(Source, "blocks", lambda self, field: read(self, field, 300))
    build_corpus([text], Path("two"), settings, num_processes=2)
    assert sorted(Corpus.open("one").words) == sorted(WITH)
    files = {path.name: path.read_bytes() for path in Path("one").iterdir()}
    assert files == {path.name: path.read_bytes() for path in Path("two").iterdir()}
    monkeypatch.delitem(sys.modules, "jieba")
