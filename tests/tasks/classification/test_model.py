"""The network: loss and predictions of a batch, the second mix, padding, gradients."""

import dataclasses

import pytest
import torch
import torch.nn.functional as F

from elmo_lite import BiLM, BiLMConfig, CharCNNConfig, ConfigError, Elmo
from tasks.classification.bcn import BCNConfig
from tasks.classification.model import ClassificationModel
from tasks.classification.pooled_head import PooledConfig
from tasks.inputs.batch import Batch, collate
from tasks.inputs.representation import EncoderConfig, Representation
from tasks.inputs.word_input_config import WordInputConfig
from tasks.inputs.word_inputs import WordInputs

SENTENCES = [["a", "good", "film"], ["bad"], ["so", "so"]]
LABELS = ["negative", "neutral", "positive"]
POOLED = PooledConfig(hidden_dim=4)
SMALL_BCN = BCNConfig(feed_forward_dim=4, lstm_dim=3, maxout_dims=(4,), pool_size=2)


def encoder() -> Elmo:
    characters = CharCNNConfig(embedding_dim=2, filters=((1, 3),), num_highway=0)
    return Elmo(BiLM(BiLMConfig(char_cnn=characters, dim=3, lstm_dim=3, num_layers=1)))


def model(head: PooledConfig | BCNConfig, **settings: object) -> ClassificationModel:
    inputs = WordInputs.build(WordInputConfig(word_dim=3, char_filters=2), SENTENCES)
    config = EncoderConfig(**settings)  # type: ignore[arg-type]
    return ClassificationModel(Representation(inputs, encoder(), config), LABELS, head)


def batch(targets: list[int] | None = None) -> Batch:
    return collate(SENTENCES, targets)


@pytest.mark.parametrize("head", [POOLED, SMALL_BCN])
def test_loss_and_predictions(head: PooledConfig | BCNConfig) -> None:
    network = model(head, mix_l2=0.5).eval()
    scores = network(batch())
    assert scores.shape == (3, 3)
    with torch.no_grad():
        network.representation.input_mix.weight[0] = 2.0  # type: ignore[union-attr, index]
    scores = network(batch([2, 0, 1]))
    expected = F.cross_entropy(scores, torch.tensor([2, 0, 1])) + network.penalty()
    torch.testing.assert_close(network.loss(batch([2, 0, 1])), expected)
    assert network.penalty() > 0.5
    torch.testing.assert_close(network.probabilities(batch()).sum(dim=1), torch.ones(3))
    assert network.predict(batch()) == [LABELS[row] for row in scores.argmax(dim=1)]
    assert list(network.mix_weights()) == ["input"]
    with pytest.raises(ValueError, match="expected targets"):
        network.loss(batch())


@pytest.mark.parametrize("head", [POOLED, SMALL_BCN])
def test_a_sentence_alone_has_the_same_scores(head: PooledConfig | BCNConfig) -> None:
    network = model(head).eval()
    together = network(batch())
    for row, sentence in enumerate(SENTENCES):
        torch.testing.assert_close(network(collate([sentence]))[0], together[row], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("head", [POOLED, SMALL_BCN])
def test_it_learns(head: PooledConfig | BCNConfig) -> None:
    network = model(head, layers="mix", dropout=0.0)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.03)
    for _ in range(80):
        optimizer.zero_grad()
        network.loss(batch([2, 0, 1])).backward()
        optimizer.step()
    assert all(parameter.grad is not None for parameter in network.parameters())
    assert network.eval().predict(batch()) == ["positive", "negative", "neutral"]


def test_the_second_mix(monkeypatch: pytest.MonkeyPatch) -> None:
    network = model(SMALL_BCN, layers="mix", output_mix=True).eval()
    assert list(network.mix_weights()) == ["input", "output"]
    runs = []
    run = Elmo.forward
    monkeypatch.setattr(Elmo, "forward", lambda self, words: runs.append(1) or run(self, words))
    before = network(batch())
    assert len(runs) == 1  # one run of the encoder for both mixes
    with torch.no_grad():
        network.representation.output_mix.gamma.fill_(3.0)  # type: ignore[union-attr, operator]
    assert not torch.allclose(network(batch()), before)
    with pytest.raises(ConfigError, match="output_mix: expected false for the pooled head"):
        model(POOLED, output_mix=True)


def test_layers_of_the_batch_are_used() -> None:
    network = model(POOLED).eval()
    layers = torch.randn(2, 3, 3, 6)
    given = dataclasses.replace(batch(), layers=layers)
    assert not torch.allclose(network(given), network(batch()))
