"""That nothing half-written stays, and that settings are checked."""

import subprocess
import sys
from pathlib import Path

import pytest

from elmo_lite.corpus import builder
from elmo_lite.corpus.builder import CorpusSettings, build_corpus
from elmo_lite.corpus.corpus import Corpus
from elmo_lite.errors import ConfigError, CorpusError
from elmo_lite.locks import hold
from elmo_lite.text.sources import Source


@pytest.mark.parametrize("broken", ["writer._write_stream", "builder.put_in_place", "writer.encode_words"])
def test_a_crash_leaves_the_old_corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str) -> None:
    """Whatever fails: the old directory whole, no other file."""
    text, out = tmp_path / "a.txt", tmp_path / "out"
    text.write_text("a b c\n\nd e f\n")
    build_corpus([str(text)], out, CorpusSettings())
    before = {path.name: path.read_bytes() for path in out.iterdir()}

    def fail(*args: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(f"elmo_lite.corpus.{broken}", fail)
    with pytest.raises(OSError, match="disk full"):
        build_corpus([str(text)], out, CorpusSettings(), overwrite=True)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.txt", "out"]


def test_only_a_corpus_is_overwritten(tmp_path: Path) -> None:
    """And only when told so."""
    text, out = tmp_path / "a.txt", tmp_path / "out"
    text.write_text("a b c\n")
    out.mkdir()
    (out / "thesis.txt").write_text("mine")
    with pytest.raises(CorpusError, match=r"exists already \(replace it with --overwrite\)"):
        build_corpus([str(text)], out, CorpusSettings())
    with pytest.raises(CorpusError, match="is not a corpus directory, so it is not overwritten"):
        build_corpus([str(text)], out, CorpusSettings(), overwrite=True)
    assert (out / "thesis.txt").read_text() == "mine"


def test_two_commands_exclude_each_other(tmp_path: Path) -> None:
    text, out = tmp_path / "a.txt", tmp_path / "out"
    text.write_text("a b c\n")
    with (
        hold(out),
        pytest.raises(ConfigError, match="out: expected an output directory for itself, another process is"),
    ):
        build_corpus([str(text)], out, CorpusSettings())
    assert not out.exists()
    build_corpus([str(text)], out, CorpusSettings())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.txt", "out"]


@pytest.mark.skipif(sys.platform == "win32", reason="no process is known to have ended there")
def test_a_corpus_that_a_killed_process_moved_away_is_not_replaced_unasked(tmp_path: Path) -> None:
    text, out = tmp_path / "a.txt", tmp_path / "out"
    text.write_text("a b c\n")
    build_corpus([str(text)], out, CorpusSettings())
    code = (
        "import sys; from pathlib import Path; from elmo_lite import atomic\n"
        "out = Path(sys.argv[1]); out.rename(atomic._beside(out, '.old'))"
    )
    subprocess.run([sys.executable, "-c", code, out], cwd=Path(__file__).parents[3], check=True)
    with pytest.raises(CorpusError, match="exists already"):
        build_corpus([str(text)], out, CorpusSettings())
    subprocess.run([sys.executable, "-c", code, out], cwd=Path(__file__).parents[3], check=True)
    assert Corpus.open(out).words == ["a", "b", "c"], "opening puts it back as well"


def test_settings_out_of_range_are_named() -> None:
    """Each with what was expected."""
    with pytest.raises(ConfigError, match=r"held_out_share: expected a number in \(0, 1\), found 1"):
        CorpusSettings(held_out_share=1.0)
    with pytest.raises(ConfigError, match="max_characters: expected an integer in 3..4096"):
        CorpusSettings(max_characters=2)
    with pytest.raises(ConfigError, match="vocabulary_size: expected at least 3"):
        CorpusSettings(vocabulary_size=2)
    with pytest.raises(ConfigError, match="num_processes: expected 1 or more"):
        build_corpus(["a"], Path("out"), CorpusSettings(), num_processes=0)


def test_number_of_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    large, small = Source("a.txt", "text", 1 << 30), Source("b.txt", "text", 9)
    pipe = Source("standard input", "text", 0, is_standard_input=True)
    given = ([large], [small], [pipe], [small, pipe])
    assert [builder._processes(sources, 100) for sources in given] == [100, 1, 100, 100]
    monkeypatch.setattr(sys, "platform", "win32")
    assert [builder._processes(sources, 100) for sources in given] == [61, 1, 61, 61]
    assert builder._processes([large], 3) == 3


def test_the_same_file_twice_is_refused(tmp_path: Path) -> None:
    """Under its own name, through a link or another spelling of its path, and as held-out text."""
    path = tmp_path / "a.txt"
    path.write_text("a b\n")
    (tmp_path / "b.txt").write_text("c d\n")
    (tmp_path / "soft.txt").symlink_to(path)
    (tmp_path / "hard.txt").hardlink_to(path)
    others = [path, tmp_path / "soft.txt", tmp_path / "hard.txt", tmp_path / "x" / ".." / "a.txt"]
    (tmp_path / "x").mkdir()
    for other in others:
        with pytest.raises(CorpusError, match=f"expected distinct inputs, found the same as {path}"):
            build_corpus([str(path), str(other)], tmp_path / "out", CorpusSettings())
        with pytest.raises(CorpusError, match="expected held-out text that is not trained on, found it in both"):
            build_corpus([str(path)], tmp_path / "out", CorpusSettings(), held_out=[str(other)])
    assert build_corpus([str(path), str(tmp_path / "b.txt")], tmp_path / "out", CorpusSettings())["distinct_words"] == 4
