"""The forward language model: its cells, its two token layers, tied vectors, and its settings."""

from __future__ import annotations

import math
from typing import Any, get_args

import pytest
import torch

from elmo_lite.errors import ConfigError
from elmo_lite.nn.bilm import BiLM
from elmo_lite.nn.config import BiLMConfig, CharCNNConfig, to_dict
from elmo_lite.nn.forward_config import Cell, ForwardLMConfig, encoder_config_from_dict
from elmo_lite.nn.forward_lm import ForwardLM, make_encoder
from elmo_lite.nn.lm_head import LMHead

CNN = CharCNNConfig(embedding_dim=4, filters=((1, 6), (3, 5)), max_characters=10)


def settings(**changes: Any) -> ForwardLMConfig:
    return ForwardLMConfig(**{"char_cnn": CNN, "dim": 6, "lstm_dim": 6, "dropout": 0.0, **changes})


@pytest.mark.parametrize("cell", get_args(Cell))
def test_a_word_sees_those_before_it_alone(cell: str) -> None:
    encoder = ForwardLM(settings(cell=cell, num_layers=2)).eval()
    vectors = torch.randn(2, 7, 6)
    layers, state = encoder.run_direction("forward", vectors)
    assert [layer.shape for layer in layers] == [(2, 7, 6)] * 2
    vectors[:, 4:] = 0
    changed, _ = encoder.run_direction("forward", vectors)
    torch.testing.assert_close(changed[-1][:, :4], layers[-1][:, :4])
    assert not torch.allclose(changed[-1][:, 4], layers[-1][:, 4])
    assert [[list(part.shape) for part in layer] for layer in state] == encoder.config.state_shapes(2)


def test_the_second_layer_is_residual() -> None:
    encoder = ForwardLM(settings(num_layers=2)).eval()
    with torch.no_grad():
        for parameter in encoder.stack.layers[1].parameters():
            parameter.zero_()
    layers, _ = encoder.run_direction("forward", torch.randn(2, 3, 6))
    torch.testing.assert_close(layers[1], layers[0])


def test_lstm_of_characters_is_one_direction_of_a_bilm() -> None:
    forward = ForwardLM(settings(token_layer="characters", num_layers=2)).eval()
    both = BiLM(BiLMConfig(char_cnn=CNN, dim=6, lstm_dim=6, dropout=0.0)).eval()
    both.char_cnn.load_state_dict(forward.char_cnn.state_dict())
    both.forward_lstm.load_state_dict(forward.stack.state_dict())
    char_ids = torch.randint(1, 250, (5, 10))
    torch.testing.assert_close(forward.token_vectors(char_ids), both.token_vectors(char_ids))
    vectors = torch.randn(1, 5, 6)
    expected, _ = both.run_direction("forward", vectors)
    for found, wanted in zip(forward.run_direction("forward", vectors)[0], expected, strict=True):
        torch.testing.assert_close(found, wanted)


def test_words_have_the_vectors_of_the_softmax() -> None:
    encoder, head = ForwardLM(settings()), LMHead(9, 6)
    assert "head" not in " ".join(encoder.state_dict()), "the table belongs to the head"
    encoder.tie(head)
    rows = torch.tensor([3, 0, 3, 8])
    vectors = encoder.token_vectors(rows)
    torch.testing.assert_close(vectors, head.weight[rows] * math.sqrt(6))
    (vectors.sum() + head.weight[3].sum()).backward()
    assert head.weight.grad is not None
    gradient = head.weight.grad.to_dense()[:, 0].tolist()
    assert [gradient[row] for row in (0, 1, 3)] == pytest.approx([math.sqrt(6), 0, 2 * math.sqrt(6) + 1])


def test_settings_round_trip() -> None:
    config = settings(cell="gru", window=7)
    assert encoder_config_from_dict(to_dict(config)) == config
    assert type(make_encoder(config)) is ForwardLM
    both = BiLMConfig(char_cnn=CNN)
    assert encoder_config_from_dict(to_dict(both)) == both
    assert type(make_encoder(both)) is BiLM


def test_settings_of_a_bilm_have_no_new_field() -> None:
    """Saved models of before are read by this version, and those of this version by the one before."""
    assert set(to_dict(BiLMConfig())) == {
        "char_cnn", "dim", "lstm_dim", "lstm_projection", "num_layers", "skip_connections", "cell_clip",
        "projection_clip", "forget_bias", "dropout", "variational_dropout",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"cell": "rnn"}, "model.cell: expected one of window, rnn_tanh, rnn_relu, gru, lstm, found 'rnn'"),
        ({"token_layer": "word"}, "model.token_layer: expected words or characters"),
        ({"window": 0}, "model.window: expected an integer in 1..1024, found 0"),
        ({"lstm_dim": 12}, "model.lstm_dim: expected dim = 6, without projection, found 12"),
    ],
)
def test_wrong_settings(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        settings(**changes)
