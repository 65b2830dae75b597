"""Samples of raw text from every kind of input, without reading more than they must."""

import bz2
import gzip
import io
import json
import os
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from elmo_lite.corpus import builder
from elmo_lite.corpus.builder import CorpusSettings, build_corpus
from elmo_lite.errors import CorpusError
from elmo_lite.text.lines import SAMPLE_SIZE
from elmo_lite.text.samples import check_beginnings, sample_text, warn_of_beginnings
from elmo_lite.text.sources import find_sources


def sample(*names: str | Path, field: str | None = None) -> str:
    return sample_text(find_sources(map(str, names)), field)


def test_kinds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.txt").write_text("一\n二\n", encoding="utf-8")
    Path("a.txt.gz").write_bytes(gzip.compress("三".encode()))
    Path("a.jsonl").write_text('{"text": "\\u56db"}\n{"text": ["words", "given"]}\n{"text": "五"}\n', encoding="utf-8")
    Path("a.json").write_text('["六", {"text": "七"}]', encoding="utf-8")
    Path("a.csv").write_text("text,n\n八,1\n", encoding="utf-8")
    Path("a.conll").write_text("九\tO\n十\tO\n\n百\tO\n", encoding="utf-8")
    texts = {name: sample(name).split() for name in ("a.txt", "a.txt.gz", "a.jsonl", "a.csv", "a.conll")}
    assert texts == {"a.txt": ["一", "二"], "a.txt.gz": ["三"], "a.jsonl": ["四", "五"], "a.csv": ["八"], "a.conll": []}
    assert sample("a.json", field="text").split() == ["六", "七"]
    assert sample("a.txt", "a.csv").split() == ["一", "二", "八"]


def test_hub_data_sets(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = ({"text": f"{number}"} for number in range(10**9))
    monkeypatch.setattr("elmo_lite.text.sources.open_data_set", lambda name, streaming: (rows, {}))
    assert 0 < len(sample("owner/name")) <= 2 * SAMPLE_SIZE


def test_samples_are_bounded(tmp_path: Path) -> None:
    for name, line in {"a.txt": "中文 ", "b.jsonl": json.dumps({"text": "中文 " * 99}) + "\n"}.items():
        (tmp_path / name).write_text(line * (400_000 // len(line)), encoding="utf-8")
        assert 0 < len(sample(tmp_path / name)) <= SAMPLE_SIZE + 1_000
    assert len(sample(*[tmp_path / "a.txt"] * 50)) <= 8 * (SAMPLE_SIZE + 1)


@pytest.mark.parametrize("name", ["pipe", "pipe.jsonl"])
def test_pipes_are_not_read(name: str, tmp_path: Path) -> None:
    """Opening one would wait for a writer."""
    if not hasattr(os, "mkfifo"):
        pytest.skip("needs named pipes")
    os.mkfifo(tmp_path / name)
    assert sample(tmp_path / name) == ""


def test_standard_input_is_looked_at_but_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    given = io.BufferedReader(io.BytesIO("中文".encode()))  # type: ignore[arg-type]
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=given))
    assert sample("-") == "中文" and given.read().decode() == "中文"
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO("中文".encode())))
    assert sample("-") == ""


def test_a_wrong_field_is_the_error_of_reading(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"body": "x"}\n')
    with pytest.raises(CorpusError, match="expected one field of"):
        sample(tmp_path / "a.jsonl")


def test_a_wrong_file_is_found_before_any_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last of many, such as a table of titles that a glob matches; others are read as if nothing had happened."""
    monkeypatch.chdir(tmp_path)
    Path("a.txt").write_text("one two\n" * 30)
    Path("b.jsonl").write_text('{"text": "three"}\n' * 30)
    Path("c.tsv").write_text("number\ttitle\n1\tfour\n2\tfive\n")
    settings = CorpusSettings()
    monkeypatch.setattr(builder, "encode_blocks", lambda *_: pytest.fail("text was read"))
    with pytest.raises(CorpusError, match=r"c.tsv.*expected one field of text, words, tokens"):
        build_corpus(["a.txt", "b.jsonl", "c.tsv"], Path("out"), settings, progress=False)
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    (source,) = find_sources(["b.jsonl"])
    check_beginnings([source])
    assert source.position == 0 and source.sha256 is None


def test_numbered_lines_are_named_and_removed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "leipzig.txt"
    path.write_text("".join(f"{number}\tSentence {number} .\n" for number in range(7, 300)))
    with caplog.at_level("WARNING", logger="elmo_lite"):
        warn_of_beginnings(find_sources([str(path)]))
    hint = "which are read as words (--numbered_lines removes them)"
    assert caplog.messages == [f"{path}: lines begin with numbers and a TAB, {hint}"]
    caplog.clear()
    (source,) = find_sources([str(path)], numbered_lines=True)
    warn_of_beginnings([source])
    text = "".join(block.text() for block in source.blocks(block_size=100))
    assert text == "".join(f"Sentence {number} .\n" for number in range(7, 300))
    path.write_text("1984\tA year.\n1812\tAnother.\n")
    warn_of_beginnings(find_sources([str(path)]))
    assert not caplog.messages


@pytest.mark.parametrize(
    ("content", "is_markup"),
    [
        ("<!DOCTYPE html>\n<html>\n", True),
        ("\n  <HTML lang='en'>\n", True),
        ('<?xml version="1.0"?>\n<TEI>\n', True),
        ('<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.10/">\n', True),
        ("<unk> is the class of unknown words\n", False),
        ("a tag <html> inside\n", False),
        ("2\n00:00:20,000 is late\n", False),
    ],
)
def test_markup_is_named(content: str, is_markup: bool, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "page.bz2"
    path.write_bytes(bz2.compress(content.encode()))
    with caplog.at_level("WARNING", logger="elmo_lite"):
        warn_of_beginnings(find_sources([str(path)]))
    found = [f"{path}: begins as HTML or XML, whose tags are read as words (extract its text first)"]
    assert caplog.messages == (found if is_markup else [])


@pytest.mark.parametrize("content", ["1\r\n00:00:20,000 --> 00:00:24,400\r\nHi\r\n", "\ufeffWEBVTT\n\n00:20.0 -->\n"])
def test_subtitles_are_named(content: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "film.srt").write_text(content)
    warn_of_beginnings(find_sources([str(tmp_path / "film.srt")]))
    found = "begins as subtitles, whose numbers and times are read as words (extract its text first)"
    assert caplog.messages == [f"{tmp_path / 'film.srt'}: {found}"]
