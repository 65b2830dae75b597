"""Layers of other cells against their formulas, and states that continue a sequence."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from elmo_lite.nn.cells import RecurrentLayer, WindowLayer

T, B, D = 6, 3, 4


def layers() -> dict[str, nn.Module]:
    torch.manual_seed(0)
    made: dict[str, nn.Module] = {
        "rnn_tanh": RecurrentLayer("rnn_tanh", D),
        "rnn_relu": RecurrentLayer("rnn_relu", D),
        "gru": RecurrentLayer("gru", D),
        "window": WindowLayer(D, 3),
    }
    with torch.no_grad():
        for layer in made.values():
            for parameter in layer.parameters():
                parameter.normal_(std=0.7)
    return made


def plain_rnn(layer: RecurrentLayer, inputs: Tensor) -> Tensor:
    rnn, h, found = layer.rnn, torch.zeros(B, D), []
    activation = torch.relu if rnn.nonlinearity == "relu" else torch.tanh
    for x in inputs:
        h = activation(x @ rnn.weight_ih_l0.T + rnn.bias_ih_l0 + h @ rnn.weight_hh_l0.T + rnn.bias_hh_l0)
        found.append(h)
    return torch.stack(found)


@pytest.mark.parametrize("name", ["rnn_tanh", "rnn_relu"])
def test_simple_rnn_by_its_formula(name: str) -> None:
    layer, inputs = layers()[name], torch.randn(T, B, D)
    assert isinstance(layer, RecurrentLayer)
    outputs, (h,) = layer(inputs, None)
    torch.testing.assert_close(outputs, plain_rnn(layer, inputs))
    torch.testing.assert_close(h, outputs[-1])


def test_window_reads_the_last_words_and_zeros_before_them() -> None:
    layer, inputs = layers()["window"], torch.randn(T, B, D)
    assert isinstance(layer, WindowLayer)
    outputs, _ = layer(inputs, None)
    for t in range(T):
        read = [inputs[k] if k >= 0 else torch.zeros(B, D) for k in (t - 2, t - 1, t)]
        expected = torch.tanh(torch.cat(read, dim=1) @ layer.hidden.weight.T + layer.hidden.bias)
        torch.testing.assert_close(outputs[t], expected)


def test_window_of_one_word() -> None:
    outputs, (state,) = WindowLayer(D, 1)(torch.randn(T, B, D), None)
    assert outputs.shape == (T, B, D) and state.shape == (B, 0, D)


@pytest.mark.parametrize("name", ["rnn_tanh", "rnn_relu", "gru", "window"])
def test_a_state_continues_a_sequence(name: str) -> None:
    layer, inputs = layers()[name], torch.randn(T, B, D)
    whole, _ = layer(inputs, None)
    first, state = layer(inputs[:1], None)  # shorter than a window
    second, state = layer(inputs[1:4], state)
    third, _ = layer(inputs[4:], state)
    torch.testing.assert_close(torch.cat([first, second, third]), whole)
