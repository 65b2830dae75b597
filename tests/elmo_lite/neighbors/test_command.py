"""The command: what it shows, what it writes, and what bad input gets."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from elmo_lite.cli.main import main
from elmo_lite.corpus.builder import CorpusSettings, build_corpus
from elmo_lite.neighbors import finder
from elmo_lite.neighbors.approximate import ApproximateSearch
from elmo_lite.neighbors.concordance import concordance_line, sides
from elmo_lite.neighbors.occurrence_index import Occurrence
from elmo_lite.text.tokenization import Tokenization

CONTEXT = "we play a game"


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    status = main(["neighbors", *map(str, arguments)])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def test_neighbors_of_a_context(model: Path, text: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = run(capsys, model, text, "--word", "play", "--context", CONTEXT, "--top_k", 4, "--quiet")
    assert status == 0 and err == ""
    heading, _, query, *neighbors, _, static = out.splitlines()
    assert heading == f"'play': 6 occurrences in {text}; cosine similarity, layer top"
    assert query.split() == ["we", "[play]", "a", "game"]
    assert len(neighbors) == 4 and all(line.index("[") == query.index("[") for line in neighbors)
    similarities = [float(line.split()[0]) for line in neighbors]
    assert similarities == sorted(similarities, reverse=True) and -1 <= similarities[-1] <= similarities[0] <= 1
    assert all(line.split()[-2] == "line" and "text.txt" not in line for line in neighbors)
    (text.parent / "other.txt").write_text("one more play\n")
    _, out, _ = run(capsys, model, text.parent / "*.txt", "--word", "play", "--context", CONTEXT, "--quiet")
    assert "text.txt, line 2" in out and "other.txt, line 1" in out and f"{text.parent}/text" not in out
    assert static.startswith("without context, nearest to 'play' (token layer): ") and static.count(", ") == 4


def test_groups_without_a_context(model: Path, text: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, model, text, "--word", "play", "--word", "plays", "--quiet")
    assert status == 0
    assert out.startswith("'play': 6 occurrences, 'plays': 1 occurrence in ")
    assert "  the occurrence in the middle of all 7:" in out or "  group A, " in out


@pytest.mark.parametrize("layer", ["0", "1", "-1", "top", "mean"])
def test_layers(model: Path, text: Path, capsys: pytest.CaptureFixture[str], layer: str) -> None:
    """The token layer is the same in every context."""
    options = ("--word", "play", "--context", CONTEXT, "--quiet", "--layer", layer)
    status, out, _ = run(capsys, model, text, *options)
    similarities = {line.split()[0] for line in out.splitlines()[3:-2]}
    assert status == 0
    assert (similarities == {"1.00"}) == (layer == "0")


def test_files(model: Path, text: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    outputs = [tmp_path / name for name in ("n.tsv", "n.jsonl", "n.png")]
    flags = [flag for output in outputs for flag in ("--output", output)]
    status, out, err = run(capsys, model, text, "--word", "play", "--context", CONTEXT, "--top_k", 3, *flags)
    assert status == 0, err
    header, *rows = [line.split("\t") for line in outputs[0].read_text().splitlines()]
    assert len({len(row) for row in (header, *rows)}) == 1
    table = [dict(zip(header, row, strict=True)) for row in rows]
    assert [(row["kind"], row["rank"]) for row in table] == [
        (kind, str(rank)) for kind in ("context", "static") for rank in (1, 2, 3)
    ]
    assert table[0]["query"] == "we [play] a game" and table[0]["sentence"].split()[int(table[0]["position"])] == "play"
    (row,) = map(json.loads, outputs[1].read_text().splitlines())
    assert row["words"] == CONTEXT.split() and row["position"] == 1 and len(row["static"]) == 3
    assert [f"{one['similarity']:.6f}" for one in row["neighbors"]] == [row["similarity"] for row in table[:3]]
    assert [f"{one['similarity']:.2f}" for one in row["neighbors"]] == [x.split()[0] for x in out.splitlines()[3:6]]
    assert row["neighbors"][0]["place"] == table[0]["place"] and str(text) in table[0]["place"]
    assert outputs[2].read_bytes().startswith(b"\x89PNG") and outputs[2].stat().st_size > 10_000
    status, _, err = run(capsys, model, text, "--word", "play", "--context", CONTEXT, "--output", outputs[0])
    assert status == 2 and err.endswith("n.tsv: expected nothing there, found a file (--overwrite replaces it)\n")
    overwrite = ("--output", outputs[0], "--overwrite")
    assert run(capsys, model, text, "--word", "play", "--context", CONTEXT, *overwrite)[0] == 0


def test_all_words(model: Path, text: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ("--word", "chess", "--context", "a chess game", "--quiet", "--top_k", 50)
    _, alone, _ = run(capsys, model, text, *options)
    status, out, _ = run(capsys, model, text, *options, "--min_count", 1)
    assert status == 0 and len(alone.splitlines()) == 3 + 1 + 2 and len(out.splitlines()) == 3 + 5 + 2
    assert "'chess': 2 occurrences in " in out and ", and 35 of other words; " in out


def test_corpus_and_kept_index(
    model: Path, text: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    settings = CorpusSettings(tokenization=Tokenization(kind="whitespace"), held_out_share=0.2)
    build_corpus([str(text)], tmp_path / "corpus", settings)
    options = ("--word", "play", "--context", CONTEXT, "--index", tmp_path / "index")
    status, first, err = run(capsys, model, tmp_path / "corpus", *options)
    assert status == 0 and "train, sentence " in first
    status, second, err = run(capsys, model, tmp_path / "corpus", *options)
    assert status == 0 and second == first
    assert caplog.text.count("index: indexed 6 occurrences") == 1


def test_many_occurrences_are_searched_approximately(
    model: Path, text: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finder, "EXACT_LIMIT", 5)
    used = []

    class Search(ApproximateSearch):
        def __init__(self, *arguments: Any) -> None:
            used.append(arguments)
            raise ModuleNotFoundError("usearch", name="usearch.index")

    monkeypatch.setattr("elmo_lite.neighbors.approximate.ApproximateSearch", Search)
    status, _, err = run(capsys, model, text, "--word", "play", "--context", CONTEXT, "--quiet")
    assert used and status == 2
    assert err == "elmo-lite: error: this needs the package usearch: pip install 'elmo_lite[neighbors]'\n"
    monkeypatch.setattr(finder, "EXACT_LIMIT", 6)
    assert run(capsys, model, text, "--word", "play", "--context", CONTEXT, "--quiet")[0] == 0


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        (None, ["--word", "Play"], r"text.txt: expected the word 'Play', found no occurrence of it; did you mean play"),
        (None, ["--word", "two words"], "found no occurrence of it, as the tokenisation splits it into 'two', 'words'"),
        (None, ["--word", ""], "text.txt: expected the word '', found no occurrence of it"),
        (None, ["--word", "play", "--context", "none"], "--context: expected a sentence with the word 'play', found"),
        (None, ["--word", "play", "--context", ""], "--context: expected a sentence with the word 'play', found ''"),
        (None, ["--word", "play", "--layer", "3"], "--layer: expected mean, top or a number in -3..2, found '3'"),
        (None, ["--word", "play", "--layer", "all"], "--layer: expected mean, top or a number in -3..2, found 'all'"),
        (None, ["--word", "play", "--top_k", "0"], "--top_k: expected an integer in 1..1000, found 0"),
        (None, ["--word", "play", "--min_count", "0"], "--min_count: expected 1 or more, found 0"),
        (None, ["--word", "play", "--output", "x.pdf"], "--output: expected a file named .tsv, .jsonl, .png, found"),
        (None, [], "expected --word, found no such argument"),
        (None, ["--word", "unknown"], r"'unknown': expected two occurrences or more, found one \(.*text.txt, line 2\)"),
        (b"play\n", ["--word", "play"], "'play': expected two occurrences or more, found one"),
        (b"play\nplay\n", ["--word", "play"], "'play': expected occurrences in other contexts, found 2 occurrences"),
        (b"play play play\n", ["--word", "play"], "'play': expected occurrences in other contexts, found 3"),
        (b"", ["--word", "play"], "text.txt: expected text, found an empty file"),
        (b"\n\n", ["--word", "play"], "text.txt: expected words, found none"),
        (b"play \xff\xfe\x00", ["--word", "play"], "text.txt, line 1, byte 5: expected UTF-8, found byte 0xff"),
    ],
)
def test_bad_input_is_one_line(
    model: Path,
    text: Path,
    capsys: pytest.CaptureFixture[str],
    content: bytes | None,
    options: list[str],
    message: str,
) -> None:
    if content is not None:
        text.write_bytes(content)
    status, out, err = run(capsys, model, text, *options, "--quiet")
    assert status == 2 and out == ""
    assert err.startswith("elmo-lite: error: ") and err.count("\n") == 1
    assert __import__("re").search(message, err), err


def test_one_occurrence_is_the_neighbor_of_a_context(
    model: Path, text: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text.write_bytes(b"play\n")
    status, out, _ = run(capsys, model, text, "--word", "play", "--context", CONTEXT, "--quiet")
    assert status == 0 and out.count("[play]") == 2
    assert out.endswith("nearest to 'play' (token layer): no other word\n")


def test_groups_need_scikit_learn(
    model: Path, text: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "sklearn", None)
    status, _, err = run(capsys, model, text, "--word", "play", "--quiet")
    assert status == 2 and err.endswith("this needs the package scikit-learn: pip install 'elmo_lite[tasks]'\n")
    assert run(capsys, model, text, "--word", "play", "--context", CONTEXT, "--quiet")[0] == 0


def test_standard_input(
    model: Path, text: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with text.open() as stream:
        monkeypatch.setattr(sys, "stdin", stream)
        status, out, _ = run(capsys, model, "-", "--word", "play", "--context", CONTEXT, "--quiet")
    assert status == 0 and out.startswith("'play': 6 occurrences in standard input; ") and "  line 2\n" in out


def test_concordance_lines_have_whole_words() -> None:
    words = "one two set three four".split()
    assert concordance_line(Occurrence(words, 2), 5) == "  two [set] three"
    assert concordance_line(Occurrence(words, 2), 7) == "one two [set] three"
    assert concordance_line(Occurrence(["set", "three"], 0), 5) == "      [set] three"
    assert concordance_line(Occurrence(["one", "set"], 1), 5) == "  one [set]"
    assert sides(Occurrence(["incomprehensibilities", "set"], 1), 4) == ("ties", "set", "")
    assert sides(Occurrence(["a\tb", "\x1b[31m", "\u2028"], 1), 9) == ("a\ufffdb", "\ufffd[31m", "\ufffd")


def test_wide_characters_take_two_columns() -> None:
    words = ["我们", "的", "银行", "很", "大"]
    assert concordance_line(Occurrence(words, 2), 8) == " 我们 的 [银行] 很 大"
    assert concordance_line(Occurrence(words, 2), 6) == "    的 [银行] 很 大"
    assert concordance_line(Occurrence(["e\u0301te\u0301", "x"], 1), 4) == " e\u0301te\u0301 [x]"


def test_picture_of_several_words_and_large_groups(
    model: Path, text: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(0)
    lines = [f"{a} the {word} {b}" for word in ("play", "plays") for a, b in rng.integers(0, 99, (40, 2))]
    text.write_text("\n".join(lines))
    monkeypatch.setattr("elmo_lite.neighbors.picture.MAX_DRAWN", 30)
    words = ("--word", "play", "--word", "plays", "--layer", "mean", "--projection", "pca")
    status, _, err = run(capsys, model, text, *words, "--output", tmp_path / "words.png", "--quiet")
    assert status == 0 and (tmp_path / "words.png").stat().st_size > 10_000, err
