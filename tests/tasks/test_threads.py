"""Taggers, classifiers and the vectorizer in several threads: the answers of one thread."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from elmo_lite import BiLM, BiLMConfig, CharCNNConfig, Elmo
from tasks.inputs.word_input_config import WordInputConfig
from tasks.ner.config import NerConfig
from tasks.ner.tagger import NerTagger, new_tagger
from tasks.sentiment.classifier import SentimentClassifier, new_classifier
from tasks.sentiment.config import SentimentConfig

NUM_THREADS = 8
InThreads = Callable[[Callable[[int], Any]], list[Any]]
INPUTS = WordInputConfig(word_dim=4, char_filters=4)


def sentences(seed: int) -> list[list[str]]:
    generator = np.random.default_rng(seed)
    return [[f"word{n}" for n in generator.integers(0, 500, generator.integers(1, 10))] for _ in range(30)]


def make_elmo() -> Elmo:
    torch.manual_seed(0)
    char_cnn = CharCNNConfig(embedding_dim=4, filters=((1, 8), (3, 8)), max_characters=12)
    return Elmo(BiLM(BiLMConfig(char_cnn=char_cnn, dim=8, lstm_dim=8)).requires_grad_(False)).eval()


def tagger() -> NerTagger:
    elmo = make_elmo()
    return new_tagger(NerConfig(lstm_dim=8, inputs=INPUTS), ["PER", "LOC"], elmo, sentences(0))


def classifier() -> SentimentClassifier:
    elmo = make_elmo()
    return new_classifier(SentimentConfig(inputs=INPUTS), ["negative", "positive"], elmo, sentences(0))


def test_taggers(in_threads: InThreads) -> None:
    expected = [[found.decoded.tags for found in tagger().tag(sentences(seed))] for seed in range(NUM_THREADS)]
    shared = tagger()
    found = in_threads(lambda seed: [found.decoded.tags for found in shared.tag(sentences(seed))])
    assert found == expected


def test_classifiers(in_threads: InThreads) -> None:
    expected = [[one.score for one in classifier().predict(sentences(seed))] for seed in range(NUM_THREADS)]
    shared = classifier()
    for right, found in zip(expected, in_threads(lambda seed: shared.predict(sentences(seed))), strict=True):
        assert [one.score for one in found] == pytest.approx(right, abs=1e-5)


def test_the_vectorizer(in_threads: InThreads) -> None:
    pytest.importorskip("sklearn")
    from tasks import ElmoVectorizer

    expected = [ElmoVectorizer(make_elmo()).transform(sentences(seed)) for seed in range(NUM_THREADS)]
    shared = ElmoVectorizer(make_elmo())
    for right, found in zip(expected, in_threads(lambda seed: shared.transform(sentences(seed))), strict=True):
        np.testing.assert_allclose(found, right, rtol=0, atol=1e-5)
