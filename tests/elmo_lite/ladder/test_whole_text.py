"""Every prediction of a text once, and perplexities as ``elmo-lite evaluate`` measures them."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from elmo_lite.corpus.corpus import Corpus
from elmo_lite.ladder import whole_text
from elmo_lite.ladder.rungs import training_config
from elmo_lite.ladder.whole_text import TextWords, WholeText, perplexities
from elmo_lite.lm.perplexity import stream_perplexity
from elmo_lite.pretraining.config import DataConfig
from elmo_lite.pretraining.initial_model import build_model
from tests.elmo_lite.ladder.toy import toy_corpus, toy_ladder


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return Corpus.open(toy_corpus(tmp_path_factory.mktemp("toy")))


@pytest.mark.parametrize("carries_states", [False, True])
def test_every_prediction_once(carries_states: bool, corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whole_text, "CHUNK", 50)
    monkeypatch.setattr(whole_text, "BATCH_POSITIONS", 60)
    text = WholeText(corpus, corpus.held_out, carries_states)
    forward, backward = Counter[int](), Counter[int]()
    for batch in text.batches():
        forward.update(batch.forward_targets.flatten()[batch.real].tolist())
        backward.update(batch.backward_targets.flatten()[batch.real].tolist())
    assert forward == Counter(text.classes[1:].tolist())
    assert backward == Counter(text.classes[:-1].tolist())


@pytest.mark.parametrize("carries_states", [False, True])
def test_perplexity_is_that_of_evaluate(carries_states: bool, corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whole_text, "CHUNK", 50)
    data = DataConfig(batching="windows" if carries_states else "sentences", batch_words=64, max_length=8)
    module = build_model(training_config("bilm", toy_ladder(data=data), corpus), corpus, 1, None)
    module.head.weight.data.mul_(8)
    found = perplexities(module, WholeText(corpus, corpus.held_out, carries_states))
    expected = stream_perplexity(
        module.bilm, module.head, corpus.held_out, corpus.char_ids, corpus.class_of_word, stateful=carries_states
    )
    assert found["forward"] == pytest.approx(expected.forward_perplexity, rel=1e-5)
    assert found["backward"] == pytest.approx(expected.backward_perplexity, rel=1e-5)
    assert module.training


def test_words_of_a_test_text(corpus: Corpus) -> None:
    words = TextWords(["the", "unheard-of"], corpus.vocabulary, 12)
    assert words.class_of_word.tolist() == [0, corpus.vocabulary.class_of("the"), 1]
    np.testing.assert_array_equal(words.char_ids[0], corpus.char_ids[corpus.words.index("the")])
