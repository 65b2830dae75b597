"""A forward model in the loop of pretraining: its settings, its loss, the gradient of its tied table, its state."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from elmo_lite.corpus.batches import SentenceBatches
from elmo_lite.errors import CheckpointError, ConfigError
from elmo_lite.nn.config import CharCNNConfig, to_dict
from elmo_lite.nn.forward_config import Cell, ForwardLMConfig
from elmo_lite.nn.forward_lm import ForwardLM
from elmo_lite.nn.lm_head import LMHead
from elmo_lite.pretraining.config import DataConfig, OptimizerConfig, PretrainConfig
from elmo_lite.pretraining.forward_config import ForwardPretrainConfig, pretrain_config_from_dict
from elmo_lite.pretraining.training_module import LanguageModel
from elmo_lite.saved_model.checkpoint import load_model, load_weights, save_model
from elmo_lite.text.tokenization import Tokenization
from elmo_lite.text.vocabulary import Vocabulary
from tests.elmo_lite.pretraining.test_training_module import CLASSES, STREAM, Words

CNN = CharCNNConfig(embedding_dim=4, filters=((1, 6), (3, 5)), max_characters=10)


def make(cell: Cell = "gru", **changes: Any) -> LanguageModel:
    torch.manual_seed(0)
    model = ForwardLMConfig(char_cnn=CNN, dim=6, lstm_dim=6, num_layers=1, dropout=0.0, cell=cell)
    data = DataConfig(batch_words=12, max_length=6)
    config = ForwardPretrainConfig(model=model, data=data, **changes)
    head = LMHead(CLASSES, 6)
    head.prepare_sampling(torch.ones(CLASSES), CLASSES)
    return LanguageModel(ForwardLM(model), head, config, max_steps=10)


def sentences() -> SentenceBatches:
    return SentenceBatches(Words(), STREAM, num_words=20, max_length=20, seed=0)


def test_settings_round_trip() -> None:
    config = make().config
    assert pretrain_config_from_dict(json.loads(json.dumps(to_dict(config)))) == config
    assert pretrain_config_from_dict(to_dict(PretrainConfig())) == PretrainConfig()
    with pytest.raises(ConfigError, match="model.cell: expected one of window"):
        pretrain_config_from_dict({"model": {**to_dict(config.model), "cell": "rnn"}})


@pytest.mark.parametrize("cell", ["window", "rnn_tanh", "gru", "lstm"])
def test_loss_and_gradient_of_the_tied_table(cell: Cell) -> None:
    """Every class is sampled, so that the loss is that of the full softmax, and its gradient that of autograd."""
    module, batch = make(cell, optimizer=OptimizerConfig(gradient_clip=1e6)), sentences().batch(1)
    loss = module.loss(batch)
    loss.backward()
    module.clip(0)
    found = module.head.weight.grad
    assert found is not None and found.is_coalesced()
    table = module.head.weight.detach().clone().requires_grad_()
    vectors = table[batch.classes] * 6**0.5
    layers, _ = module.bilm.run_direction("forward", vectors[batch.forward_inputs])
    logits = F.linear(layers[-1].flatten(0, 1)[batch.real], table, module.head.bias)
    expected = F.cross_entropy(logits, batch.forward_targets.flatten()[batch.real])
    expected.backward()
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)
    assert table.grad is not None
    torch.testing.assert_close(found.to_dense(), table.grad, rtol=1e-4, atol=1e-6)


def test_clipping_counts_the_tied_table_once() -> None:
    module = make(optimizer=OptimizerConfig(gradient_clip=0.01))
    module.loss(sentences().batch(0)).backward()
    module.clip(0)
    gradients = [p.grad.to_dense() for p in module.parameters() if p.grad is not None]
    assert sum(float(g.square().sum()) for g in gradients) ** 0.5 == pytest.approx(0.01, rel=1e-4)


def test_validation_logs_the_forward_direction_alone() -> None:
    module = make()
    module.on_validation_epoch_start()
    with torch.no_grad():
        module.validation_step(sentences().batch(0), 0)
    nats, known = module.validation_nats()
    assert list(nats) == ["forward"] and 0 < known < 10


def test_saved_weights_load_into_their_settings(tmp_path: Path) -> None:
    module, other = make(), make()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.normal_()
    vocabulary = Vocabulary([f"w{k}" for k in range(CLASSES - 2)])
    save_model(tmp_path / "model", module.bilm, Tokenization(kind="whitespace"), vocabulary, module.head)
    load_weights(tmp_path / "model", other.bilm, other.head)
    for name, value in module.state_dict().items():
        torch.testing.assert_close(other.state_dict()[name], value, rtol=0, atol=0)
    rows = torch.tensor([2, 5])
    torch.testing.assert_close(other.bilm.token_vectors(rows), module.bilm.token_vectors(rows))
    with pytest.raises(CheckpointError, match="expected a model of both directions, found one that reads forward"):
        load_model(tmp_path / "model")
    wrong = make("lstm")
    with pytest.raises(CheckpointError, match="stack.layers.0"):
        load_weights(tmp_path / "model", wrong.bilm, wrong.head)
