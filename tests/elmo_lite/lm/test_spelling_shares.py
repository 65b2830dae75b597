"""Shares of the unknown class: they add up to one, and follow the counts of a corpus."""

import math
from pathlib import Path

import pytest

from elmo_lite.corpus.builder import CorpusSettings, build_corpus
from elmo_lite.corpus.corpus import Corpus
from elmo_lite.lm.spelling_shares import SpellingShares
from elmo_lite.text.tokenization import Tokenization
from elmo_lite.text.vocabulary import Vocabulary


def test_shares_add_up_to_one() -> None:
    shares = SpellingShares({"a": 3, "b": 1, "c": 4}, unseen=0.25)
    total = sum(math.exp(shares.of(word)[1]) for word in ("a", "b", "c", "any other"))
    assert total == pytest.approx(1)
    assert math.exp(shares.of("c")[1]) == pytest.approx(0.75 * 4 / 8)
    assert [shares.of(word)[0] for word in ("a", "x", "<unk>")] == ["spelling", "unseen", "unknown"]
    assert shares.of("<unk>")[1] == 0


def test_without_counts_all_spellings_are_unseen() -> None:
    assert SpellingShares({}, unseen=0.3).of("a") == ("unseen", 0.0)


def test_counts_of_a_corpus(tmp_path: Path) -> None:
    """Good's estimates by hand: of 2 words seen once, 1 seen twice and 1 seen three times."""
    (tmp_path / "train.txt").write_text("the the the the cat cat sat\nthe dog dog dog mat <unk>\n")
    (tmp_path / "held.txt").write_text("the xylophone\n")
    settings = CorpusSettings(tokenization=Tokenization(kind="whitespace"), vocabulary_size=3)
    held_out = [str(tmp_path / "held.txt")]
    build_corpus([str(tmp_path / "train.txt")], tmp_path / "corpus", settings, held_out=held_out)
    shares = SpellingShares.from_corpus(Corpus.open(tmp_path / "corpus"), Vocabulary(["the"]))
    assert shares.counts == {"cat": 2, "sat": 1, "dog": 3, "mat": 1}
    # Expected again: the two seen once 2 * N2 / N1 = 1 each, the one seen twice 3 * N3 / N2 = 3, at most 2, and dog
    # 4 * N4 / N3 = 4, at most 3. Never seen: N1 = 2, and one that the text marks itself.
    assert shares.unseen == pytest.approx((2 + 1) / (2 + 1 + 2 * 1 + 2 + 3))
    assert math.exp(shares.of("dog")[1]) == pytest.approx((1 - shares.unseen) * 3 / 7)
