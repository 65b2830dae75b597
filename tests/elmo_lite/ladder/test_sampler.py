"""Generated sentences: quantiles, ends, the unknown word, and the probabilities that they are drawn from."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch

from elmo_lite.corpus.corpus import Corpus
from elmo_lite.ladder.config import RungName
from elmo_lite.ladder.rungs import training_config
from elmo_lite.ladder.sampler import NeuralNextWord, generate
from elmo_lite.ladder.whole_text import WholeText
from elmo_lite.pretraining.initial_model import build_model
from tests.elmo_lite.ladder.toy import toy_corpus, toy_ladder


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return Corpus.open(toy_corpus(tmp_path_factory.mktemp("toy")))


def test_draws_by_quantile_and_ends_at_the_boundary() -> None:
    histories = []

    def next_word(history: Sequence[int]) -> np.ndarray:
        histories.append(list(history))
        return np.array([1.0 if len(history) == 4 else 0.0, 0.5, 0.2, 0.3]) / 2

    drawn = generate(next_word, seed=3)
    expected = [2 if quantile < 0.4 else 3 for quantile in np.random.default_rng(3).random(3)]
    assert drawn == expected or drawn == expected[:3]
    assert histories[0] == [0] and histories[1] == [0, drawn[0]]


def test_never_draws_the_unknown_word_nor_too_many() -> None:
    drawn = generate(lambda history: np.array([0.0, 0.9, 0.1, 0.0]), seed=0, longest=8)
    assert drawn == [2] * 8


def test_same_seed_same_sentence() -> None:
    shares = np.random.default_rng(0).random(50)
    shares[0] = 0.5
    assert generate(lambda history: shares, seed=5) == generate(lambda history: shares, seed=5)
    assert generate(lambda history: shares, seed=5) != generate(lambda history: shares, seed=6)


@pytest.mark.parametrize("name", ["window", "gru", "char_lstm", "bilm"])
@torch.no_grad()
def test_probabilities_are_those_of_the_model(name: RungName, corpus: Corpus) -> None:
    module = build_model(training_config(name, toy_ladder(), corpus), corpus, 1, None).eval()
    module.head.weight.mul_(8)
    next_word = NeuralNextWord(module, corpus.vocabulary)
    words = [k for k in range(1, len(corpus.words) + 1) if corpus.class_of_word[k] != 1][:4]
    text = WholeText(corpus, np.array([0, *words, 0], dtype=np.int32), False)
    (batch,) = text.batches()
    states, targets = module.top_states(batch, {})[0], batch.forward_targets.flatten()
    logs = module.head.log_probabilities(states, targets)
    history = text.classes.tolist()
    for position, target in enumerate(targets.tolist()):
        shares = next_word(history[: position + 1])
        assert shares.sum() == pytest.approx(1, abs=1e-5)
        assert np.log(shares[target]) == pytest.approx(float(logs[position]), abs=1e-4)
