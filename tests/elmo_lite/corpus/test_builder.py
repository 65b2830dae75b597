"""What is held out, what is cut, and that nothing half-written stays."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elmo_lite.corpus import builder as corpus_builder
from elmo_lite.corpus.builder import CorpusSettings, build_corpus, choose_held_out, cut_facts
from elmo_lite.errors import ConfigError, CorpusError


@given(st.lists(st.integers(0, 1000), max_size=200), st.floats(0.001, 0.9))
@settings(deadline=None)
def test_some_documents_are_held_out_never_all(lengths: list[int], share: float) -> None:
    """At least one of two or more, at least one left."""
    chosen = choose_held_out(np.array(lengths, dtype=np.int64), share)
    assert chosen.shape == (len(lengths),)
    if len(lengths) < 2:
        assert not chosen.any()
    else:
        assert 0 < chosen.sum() < len(lengths)


def test_the_share_is_kept_and_spread() -> None:
    """About the share of the text, in every tenth of it, at most a million words."""
    lengths = np.random.default_rng(0).integers(100, 2000, 5000)
    chosen = choose_held_out(lengths, 0.02)
    assert lengths[chosen].sum() / lengths.sum() == pytest.approx(0.02, rel=0.05)
    assert all(5 <= part.sum() <= 15 for part in np.array_split(chosen, 10))
    many = np.tile(lengths, 10)
    assert 1_000_000 <= many[choose_held_out(many, 0.5)].sum() < 1_002_000


def test_a_giant_document_is_not_held_out() -> None:
    """One that is most of the text stays in training."""
    lengths = np.array([10, 100_000, 10, 10])
    assert not choose_held_out(lengths, 0.01)[1]


def test_a_width_is_suggested_where_many_words_are_cut() -> None:
    """The smallest that cuts at most 0.1 % of running words."""
    lengths, counts = np.array([3, 60, 80]), np.array([9970, 20, 10])
    assert cut_facts(lengths, counts, 50) == {"cut_words_share": 0.003, "suggested_max_characters": 62}
    assert cut_facts(lengths, counts, 62) == {"cut_words_share": 0.001, "suggested_max_characters": None}


@pytest.mark.parametrize("broken", ["_write_stream", "put_in_place", "encode_words"])
def test_a_crash_leaves_the_old_corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str) -> None:
    """Whatever fails: the old directory whole, no other file."""
    text, out = tmp_path / "a.txt", tmp_path / "out"
    text.write_text("a b c\n\nd e f\n")
    build_corpus([str(text)], out, CorpusSettings())
    before = {path.name: path.read_bytes() for path in out.iterdir()}

    def fail(*args: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(corpus_builder, broken, fail)
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
    with pytest.raises(CorpusError, match="is no corpus directory, so it is not overwritten"):
        build_corpus([str(text)], out, CorpusSettings(), overwrite=True)
    assert (out / "thesis.txt").read_text() == "mine"


def test_settings_out_of_range_are_named() -> None:
    """Each with what was expected."""
    with pytest.raises(ConfigError, match=r"held_out_share: expected a share in \(0, 1\), found 1"):
        CorpusSettings(held_out_share=1.0)
    with pytest.raises(ConfigError, match="max_characters: expected at least 3"):
        CorpusSettings(max_characters=2)
    with pytest.raises(ConfigError, match="vocabulary_size: expected at least 3"):
        CorpusSettings(vocabulary_size=2)
    with pytest.raises(ConfigError, match="num_processes: expected 1 or more"):
        build_corpus(["a"], Path("out"), CorpusSettings(), num_processes=0)
