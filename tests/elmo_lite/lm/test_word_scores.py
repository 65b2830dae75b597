"""Scores of words against one prediction at a time, and against evaluate."""

import math
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elmo_lite.errors import ConfigError, CorpusError
from elmo_lite.lm import word_scores
from elmo_lite.lm.evaluate import evaluate
from elmo_lite.lm.spelling_shares import SpellingShares
from elmo_lite.lm.word_scores import TextScore
from elmo_lite.saved_model.checkpoint import load_model
from tests.elmo_lite.lm.tiny import VOCABULARY, WORDS, language_model, plain, saved

SENTENCES = st.lists(st.lists(st.sampled_from([*WORDS, "Zoe", "<unk>", "élan"]), max_size=7), max_size=6)


@settings(max_examples=15, deadline=None)
@given(SENTENCES, st.integers(1, 30))
def test_scores_are_the_plain_ones(sentences: list[list[str]], window: int) -> None:
    lm = language_model()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(word_scores, "WINDOW_POSITIONS", window)
        found = lm.score(sentences)
    assert [score.words for score in found] == sentences
    for words, score in zip(sentences, found, strict=True):
        classes = [VOCABULARY.class_of(word) for word in words]
        forward = [plain(lm, [words[:k]])[target] for k, target in enumerate([*classes, 0])]
        backward = [plain(lm, [words[k + 1 :][::-1]], "backward")[target] for k, target in enumerate(classes)]
        backward.append(plain(lm, [words[::-1]], "backward")[0])
        np.testing.assert_allclose(score.forward, np.array(forward), atol=1e-5)
        np.testing.assert_allclose(score.backward, np.array(backward), atol=1e-5)
        assert score.scored_as == ["unknown" if target == 1 else "word" for target in classes]
        assert score.score.forward_nats == pytest.approx(-np.mean(forward), abs=1e-5)
        np.testing.assert_allclose(score.sum, score.forward + score.backward)
        np.testing.assert_allclose(score.bits("forward"), -score.forward / math.log(2))
        np.testing.assert_allclose(score.bits(), -score.sum / 2 / math.log(2))


TEXT = " the cat sat . \n\nZoe mat\n \nthe <unk> and a dog , on\n.\n"


@pytest.mark.parametrize("keep_empty", [False, True])
def test_totals_are_those_of_evaluate(tmp_path: Path, keep_empty: bool) -> None:
    (tmp_path / "text.txt").write_text(TEXT)
    model = load_model(saved(tmp_path / "model"), with_head=True)
    expected = evaluate(model, [str(tmp_path / "text.txt")], keep_empty_lines=keep_empty)
    sentences = [line.split() for line in TEXT.split("\n")[:-1] if keep_empty or line.split()]
    for oov, figures in (("unk", expected), ("skip", expected["without_unknown"])):
        total = TextScore()
        for sentence in language_model().score_iter(sentences, oov):  # type: ignore[arg-type]
            total.add(sentence)
        found = total.to_dict()
        for name in ("forward_nats", "backward_nats", "predictions"):
            assert found[name] == pytest.approx(figures[name], rel=1e-6), name
        assert found["forward_total"] == pytest.approx(-figures["forward_nats"] * figures["predictions"], rel=1e-6)
        for name in ("words", "sentences", "out_of_vocabulary_share"):
            assert found[name] == expected[name]


def test_skipped_words_have_no_score() -> None:
    (score,) = language_model().score([["the", "Zoe", "."]], "skip")
    assert score.scored_as == ["word", "skipped", "word"]
    assert np.isnan(score.forward).tolist() == np.isnan(score.backward).tolist() == [False, True, False, False]
    (kept,) = language_model().score([["the", "Zoe", "."]])
    assert score.score.forward_nats == pytest.approx(-np.delete(kept.forward, 1).mean(), abs=1e-6)


def test_spread_adds_the_share_of_the_spelling() -> None:
    lm, shares = language_model(), SpellingShares({"Zoe": 3, "élan": 1}, unseen=0.2)
    words = ["the", "Zoe", "élan", "xyz", "<unk>"]
    (whole,), (spread,) = lm.score([words]), lm.score([words], "spread", shares)
    added = np.log([1, 0.8 * 3 / 4, 0.8 / 4, 0.2, 1, 1])
    np.testing.assert_allclose(spread.forward, whole.forward + added)
    np.testing.assert_allclose(spread.backward, whole.backward + added)
    assert spread.scored_as == ["word", "spelling", "spelling", "unseen", "unknown"]


def test_strings_are_tokenised() -> None:
    (score,) = language_model("words").score(["the cat, and a dog."])
    assert score.words == ["the", "cat", ",", "and", "a", "dog", "."]


def test_settings_are_checked_at_once() -> None:
    lm = language_model()
    with pytest.raises(ConfigError, match="oov: expected one of unk, skip, spread, found 'unknown'"):
        lm.score_iter([], "unknown")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="expected shares of spellings with oov spread, and only then"):
        lm.score_iter([], "spread")
    with pytest.raises(ConfigError, match="only then"):
        lm.score_iter([], "unk", SpellingShares({}, 1.0))
    with pytest.raises(CorpusError, match="one string: put it in a list"):
        lm.score("the cat")
    with pytest.raises(CorpusError, match="sentence 1, word 0: expected a string, found int 3"):
        lm.score([["the"], [3]])  # type: ignore[list-item]


def test_memory_does_not_grow_with_the_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten times the text, all words new: the same peak, but for noise."""
    monkeypatch.setattr(word_scores, "WINDOW_POSITIONS", 200)
    monkeypatch.setattr("elmo_lite.lm.language_model.CACHE_WORDS", 500)

    def sentences(number: int) -> Iterator[list[str]]:
        for place in range(number):
            yield ["the", f"w{place}", "cat"]

    def peak(number: int) -> int:
        lm = language_model()
        tracemalloc.start()
        assert sum(len(score.words) for score in lm.score_iter(sentences(number))) == 3 * number
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    peak(1000)  # imports
    assert peak(10_000) < peak(1000) + 100_000
