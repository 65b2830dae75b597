"""The default vocabulary leaves unknown words in training at the rate of new text."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from elmo_lite.corpus.builder import CorpusSettings, build_corpus
from elmo_lite.corpus.corpus import Corpus
from elmo_lite.corpus.unknown_words import (
    MAX_CLASSES,
    default_size,
    expected_unknown_share,
    unseen_share_of_unknown,
)
from elmo_lite.text.tokenization import Tokenization

WHITESPACE = Tokenization(kind="whitespace")


def zipf_text(seed: int, num_words: int, num_types: int = 50_000) -> list[str]:
    generator = np.random.default_rng(seed)
    weights = 1 / np.arange(1, num_types + 1)
    return [f"w{k}" for k in generator.choice(num_types, num_words, p=weights / weights.sum())]


def test_default_size() -> None:
    assert default_size(np.array([9, 5, 2, 2, 1, 1, 1])) == 6
    assert default_size(np.array([1, 1, 1])) == 5, "every word occurs once"
    assert default_size(np.array([], dtype=np.int64)) == 2
    assert default_size(np.full(100_000, 7)) == MAX_CLASSES == 30_000


@pytest.mark.parametrize(
    ("counts", "size", "unknown", "share"),
    [
        ([4, 2, 1, 1], 6, 0, 2 / 8),  # all words have classes: N_1 / N
        ([4, 2, 1, 1], 4, 0, (2 + 2 * 1) / 8),  # without those that occur once: (N_1 + 2 N_2) / N
        ([4, 2, 1, 1], 5, 0, (2 + 0.5 * 2 * 1) / 8),  # one of the two that occur once
        ([4, 3, 3], 4, 0, 4 * 1 / 2 / 10),  # one of those that occur three times
        ([9, 9, 9, 9], 4, 0, 0.5),  # frequent words are as frequent in new text
        ([5, 1, 1, 1], 3, 0, (3 + 3) / 8),  # without words that occur twice there is nothing to discount by
        ([4, 4], 4, 2, 2 / 10),  # the text marks unknown words
        ([], 2, 0, 0.0),
    ],
)
def test_expected_share(counts: list[int], size: int, unknown: int, share: float) -> None:
    found = expected_unknown_share(np.array(counts, dtype=np.int64), size, unknown)
    assert found == pytest.approx(share)


@pytest.mark.parametrize("num_words", [3_000, 30_000, 300_000])
@pytest.mark.parametrize("size", [None, 100, 1000, 0])
def test_the_estimate_holds_on_new_text(num_words: int, size: int | None) -> None:
    """Within a tenth, whatever the size of text and vocabulary."""
    words, counts = np.unique(zipf_text(0, num_words), return_counts=True)
    order = np.argsort(-counts, kind="stable")
    words, counts = words[order], counts[order]
    chosen = default_size(counts) if size is None else size or len(words) + 2
    known = set(words[: chosen - 2].tolist())
    new = zipf_text(1, 100_000)
    share = sum(word not in known for word in new) / len(new)
    assert expected_unknown_share(counts, chosen) == pytest.approx(share, rel=0.1)


@pytest.mark.parametrize("num_words", [6_000, 60_000])
def test_the_unknown_word_is_a_target_at_any_size(tmp_path: Path, num_words: int) -> None:
    """At half the rate of the held-out part or more; with all words as classes it never is one."""
    text = tmp_path / "text.txt"
    words = zipf_text(2, num_words)
    text.write_text("".join(" ".join(words[k : k + 20]) + "\n" for k in range(0, len(words), 20)))
    shares = {}
    for name, size in (("default", None), ("all", 0)):
        settings = CorpusSettings(tokenization=WHITESPACE, vocabulary_size=size)
        meta = build_corpus([str(text)], tmp_path / name, settings, progress=False)
        shares[name] = meta["out_of_vocabulary_share"]
        assert meta["expected_unknown_share"] == pytest.approx(shares[name]["held_out"], rel=0.2)
        classes = Corpus.open(tmp_path / name).class_of_word
        assert (classes == 1).any() == (name == "default" or shares[name]["held_out"] > 0)
    assert shares["all"]["train"] == 0
    assert 0.5 * shares["default"]["held_out"] < shares["default"]["train"] <= shares["default"]["held_out"]


def test_a_vocabulary_that_was_asked_for_is_obeyed(tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text("a a a b b c\n" * 5 + "d e f\n")
    for size, classes in ((3, 3), (4, 4), (0, 8), (100, 8)):
        settings = CorpusSettings(tokenization=WHITESPACE, vocabulary_size=size)
        held_out = tmp_path / "held_out.txt"
        held_out.write_text("a b g\n")
        meta = build_corpus([str(text)], tmp_path / str(size), settings, held_out=[str(held_out)], progress=False)
        assert meta["vocabulary_size"] == classes


def test_marked_words_are_unknown(tmp_path: Path) -> None:
    """A literal <unk> is the unknown word and counts for the estimate, as in prepared corpora."""
    text = tmp_path / "text.txt"
    text.write_text("a a <unk> b b b\n" * 10)
    held_out = tmp_path / "held_out.txt"
    held_out.write_text("a <unk>\n")
    settings = CorpusSettings(tokenization=WHITESPACE)
    meta = build_corpus([str(text)], tmp_path / "out", settings, held_out=[str(held_out)], progress=False)
    assert meta["vocabulary_size"] == 4
    assert meta["expected_unknown_share"] == pytest.approx(1 / 6) == meta["out_of_vocabulary_share"]["train"]


def test_unseen_among_unknown() -> None:
    counts = np.array([9, 5, 3, 2, 2, 1, 1, 1])
    # Those seen once are expected 2 * 2 / 3 times again, at most once, those seen twice 3 * 1 / 2 times.
    again = 3 * 1 + 2 * 3 / 2
    assert unseen_share_of_unknown(counts, np.array([2, 2, 1, 1, 1])) == pytest.approx(3 / (3 + again))
    assert unseen_share_of_unknown(counts, np.array([2, 2, 1, 1, 1]), 4) == pytest.approx(7 / (7 + again))
    assert unseen_share_of_unknown(counts, np.array([], dtype=np.int64)) == 1
    assert unseen_share_of_unknown(np.array([9, 6]), np.array([6])) == pytest.approx(1 / 7), "as if one occurred once"


def test_unseen_words_come_at_that_rate() -> None:
    """Of the words of new text outside of a vocabulary, the share that the first text lacks."""
    first, second = zipf_text(0, 60_000), zipf_text(1, 60_000)
    counted = Counter(first)
    counts = np.array(sorted(counted.values(), reverse=True))
    known = {word for word, _ in counted.most_common(2000)}
    unknown = [word for word in second if word not in known]
    found = sum(word not in counted for word in unknown) / len(unknown)
    assert unseen_share_of_unknown(counts, counts[2000:]) == pytest.approx(found, rel=0.1)
