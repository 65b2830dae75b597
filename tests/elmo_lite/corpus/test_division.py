"""What is held out: about what was asked for, at any size, spread over the text."""

import tempfile
from array import array
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elmo_lite.corpus.builder import CorpusSettings, build_corpus
from elmo_lite.corpus.corpus import Corpus
from elmo_lite.corpus.division import choose_held_out, default_share, divide
from elmo_lite.corpus.streams import Stream
from elmo_lite.text.tokenization import Tokenization


@given(st.lists(st.integers(0, 1000), max_size=200), st.floats(0.001, 0.9))
@settings(deadline=None)
def test_some_documents_are_held_out_never_all(lengths: list[int], share: float) -> None:
    """At least one of two or more, at least one left."""
    chosen = choose_held_out(np.array(lengths, dtype=np.int64), share * sum(lengths))
    assert chosen.shape == (len(lengths),)
    if len(lengths) < 2:
        assert not chosen.any()
    else:
        assert 0 < chosen.sum() < len(lengths)


def test_the_share_is_kept_and_spread() -> None:
    """About the share of the text, in every tenth of it."""
    lengths = np.random.default_rng(0).integers(100, 2000, 5000)
    chosen = choose_held_out(lengths, 0.02 * lengths.sum())
    assert lengths[chosen].sum() / lengths.sum() == pytest.approx(0.02, rel=0.05)
    assert all(5 <= part.sum() <= 15 for part in np.array_split(chosen, 10))


def test_a_giant_document_is_not_held_out() -> None:
    """One that is most of the text stays in training."""
    lengths = np.array([10, 100_000, 10, 10])
    assert not choose_held_out(lengths, 0.01 * lengths.sum())[1]


def stream_of(documents: list[list[int]]) -> Stream:
    """Documents of sentences of the given lengths; words are numbered."""
    stream = Stream(tempfile.TemporaryFile())  # noqa: SIM115
    starts, number = array("q"), 0
    for sentences in documents:
        starts.append(stream.length)
        ids = np.arange(1, sum(sentences) + 1, dtype=np.int32) + number
        number += len(ids)
        stream.add(np.insert(ids, np.cumsum(sentences), 0).astype(np.int32), number)
    stream.starts = starts
    return stream


def ids_of(stream: Stream, segments: np.ndarray) -> list[int]:
    return [int(number) for ids in stream.chunks(segments) for number in ids]


@given(
    st.lists(st.lists(st.integers(1, 30), min_size=1, max_size=40), min_size=1, max_size=30),
    st.one_of(st.none(), st.floats(0.01, 0.5)),
)
@settings(deadline=None, max_examples=60)
def test_parts_hold_every_sentence_once_and_whole(documents: list[list[int]], share: float | None) -> None:
    stream = stream_of(documents)
    total = stream.length
    num_words = sum(map(sum, documents))
    train, held_out, unit = divide(stream, num_words, share)
    parts = [ids_of(stream, part.segments) for part in (train, held_out)]
    assert sorted(parts[0] + parts[1]) == sorted(ids_of(stream, np.array([[0, total]])))
    assert all(not part or part[-1] == 0 for part in parts), "a part ends with a sentence"
    for part, ids in zip((train, held_out), parts, strict=True):
        assert part.counts.tolist() == np.bincount(ids, minlength=num_words + 1).tolist()
        assert part.sizes()["words"] == sum(number > 0 for number in ids)
        assert part.sizes()["documents"] <= len(documents)
    assert sum(map(len, documents)) == 1 or parts[1], "of two sentences or more, one is held out"
    if unit == "documents":
        assert train.sizes()["documents"] + held_out.sizes()["documents"] == len(documents)


@pytest.mark.parametrize("share", [0.01, 0.05, 0.2])
@pytest.mark.parametrize(
    "documents",
    [[[25] * 1480], [[20] * 1500], [[7] * 5000], [[12] * 3000, [12] * 40], [[20] * 300] * 9, [[20] * 300] * 99],
    ids=["a book", "1,500 lines", "5,000 lines", "two files", "nine chapters", "99 novels"],
)
def test_about_what_was_asked_is_held_out(documents: list[list[int]], share: float) -> None:
    """A single document too, and the parts of the text evenly."""
    stream = stream_of(documents)
    train, held_out, unit = divide(stream, sum(map(sum, documents)), share)
    words = [part.sizes()["words"] for part in (train, held_out)]
    assert words[1] / sum(words) == pytest.approx(share, rel=0.2)
    thirds = np.histogram(held_out.segments[:, 0], 3, (0, stream.length))[0]
    assert min(thirds) >= 1
    assert unit == ("documents" if len(documents) * share >= 10 else "lines")


def test_many_short_documents_beside_a_giant_one_are_not_enough() -> None:
    documents = [[12]] * 20 + [[20] * 1500]
    train, held_out, unit = divide(stream_of(documents), sum(map(sum, documents)), 0.05)
    words = [part.sizes()["words"] for part in (train, held_out)]
    assert unit == "lines" and words[1] / sum(words) == pytest.approx(0.05, rel=0.2)


@pytest.mark.parametrize(
    ("words", "share"), [(0, 0.1), (5_000, 0.1), (250_000, 0.04), (1_000_000, 0.01), (10**8, 0.01)]
)
def test_default_share(words: int, share: float) -> None:
    assert default_share(words) == pytest.approx(share)


def test_at_most_a_million_words_are_held_out() -> None:
    stream = stream_of([[9_999] * 2] * 125)
    _, held_out, unit = divide(stream, 9_999 * 250, 0.9)
    assert unit == "documents" and 980_000 <= held_out.sizes()["words"] <= 1_020_000


def test_the_corpus_says_how_it_was_divided(tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text("".join(f"line {number} of a book without blank lines .\n" for number in range(2000)))
    settings = CorpusSettings(tokenization=Tokenization(kind="whitespace"))
    meta = build_corpus([str(text)], tmp_path / "out", settings, progress=False)
    assert meta["held_out_unit"] == "lines" and meta["held_out"]["documents"] == meta["train"]["documents"] == 1
    corpus = Corpus.open(tmp_path / "out")
    assert corpus.held_out[0] == corpus.held_out[-1] == 0
    assert meta["held_out"]["words"] / 18_000 == pytest.approx(0.1, rel=0.1)
