"""Stacks of both LSTM engines against single steps written out."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from elmo_lite.bilstm import LSTMStack, LSTMState

BATCH, STEPS, DIM = 3, 6, 4
ENGINES: dict[str, dict[str, Any]] = {
    "plain": {"lstm_dim": DIM},
    "projected": {"lstm_dim": 7},
    "clipped": {"lstm_dim": 7, "cell_clip": 0.4, "projection_clip": 0.15},
    "clipped, one width": {"lstm_dim": DIM, "cell_clip": 0.4},
}


def make(engine: str, num_layers: int = 3, skip_connections: bool = True, **options: Any) -> LSTMStack:
    torch.manual_seed(0)
    stack = LSTMStack(dim=DIM, num_layers=num_layers, skip_connections=skip_connections, **ENGINES[engine], **options)
    with torch.no_grad():
        for parameter in stack.parameters():
            if parameter.requires_grad:
                parameter.normal_(std=0.7)
    return stack


def draw() -> Tensor:
    return torch.randn(BATCH, STEPS, DIM, generator=torch.Generator().manual_seed(1))


def draw_state(engine: str, num_layers: int = 3) -> LSTMState:
    generator = torch.Generator().manual_seed(2)
    cell = ENGINES[engine]["lstm_dim"]
    return [
        (torch.randn(BATCH, DIM, generator=generator) / 8, torch.randn(BATCH, cell, generator=generator) / 3)
        for _ in range(num_layers)
    ]


def weights(layer: Any) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
    lstm = layer.lstm
    if hasattr(lstm, "weight_projection"):
        return lstm.weight_ih, lstm.weight_hh, lstm.bias, lstm.weight_projection
    return lstm.weight_ih_l0, lstm.weight_hh_l0, lstm.bias_ih_l0 + lstm.bias_hh_l0, None


@torch.no_grad()
def plain(
    stack: LSTMStack, inputs: Tensor, state: LSTMState | None, cell_clip: float | None, projection_clip: float | None
) -> tuple[list[Tensor], LSTMState]:
    """Word by word, layer by layer, one sentence at a time."""
    num_layers = len(stack.layers)
    outputs = [torch.zeros(BATCH, STEPS, DIM) for _ in range(num_layers)]
    last: list[list[Any]] = [[None, None] for _ in range(num_layers)]
    for b in range(BATCH):
        for index, layer in enumerate(stack.layers):
            weight_ih, weight_hh, bias, projection = weights(layer)
            width = weight_ih.shape[0] // 4
            h, c = torch.zeros(DIM), torch.zeros(width)
            if state is not None:
                h, c = state[index][0][b], state[index][1][b]
            for t in range(STEPS):
                below = inputs[b, t] if index == 0 else outputs[index - 1][b, t]
                i, f, g, o = (weight_ih @ below + weight_hh @ h + bias).view(4, width)
                c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
                if cell_clip is not None:
                    c = c.clamp(-cell_clip, cell_clip)
                h = torch.sigmoid(o) * torch.tanh(c)
                if projection is not None:
                    h = projection @ h
                    if projection_clip is not None:
                        h = h.clamp(-projection_clip, projection_clip)
                # the residual connection begins at the second layer and never enters the recurrence
                outputs[index][b, t] = h + below if stack.skip_connections and index > 0 else h
            for part, value in enumerate((h, c)):
                last[index][part] = value[None] if b == 0 else torch.cat([last[index][part], value[None]])
    return outputs, [(h, c) for h, c in last]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("skip_connections", [True, False])
@pytest.mark.parametrize("with_state", [True, False])
@pytest.mark.parametrize("recorded", [True, False])
def test_equals_plain_steps(engine: str, skip_connections: bool, with_state: bool, recorded: bool) -> None:
    stack = make(engine, skip_connections=skip_connections)
    inputs, state = draw(), draw_state(engine) if with_state else None
    with torch.set_grad_enabled(recorded):
        outputs, last = stack(inputs, state)
    settings = ENGINES[engine]
    expected, expected_last = plain(stack, inputs, state, settings.get("cell_clip"), settings.get("projection_clip"))
    assert len(outputs) == len(last) == 3
    for found, wanted in zip(outputs, expected, strict=True):
        torch.testing.assert_close(found.detach(), wanted, rtol=1e-5, atol=1e-6)
    for (h, c), (wanted_h, wanted_c) in zip(last, expected_last, strict=True):
        torch.testing.assert_close(h.detach(), wanted_h, rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(c.detach(), wanted_c, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("cut", [1, 4])
def test_chunks_with_the_state_handed_on(engine: str, cut: int) -> None:
    stack, inputs = make(engine), draw()
    with torch.no_grad():
        whole, last = stack(inputs)
        first, middle = stack(inputs[:, :cut])
        second, end = stack(inputs[:, cut:], middle)
    for layer, (a, b) in enumerate(zip(first, second, strict=True)):
        torch.testing.assert_close(torch.cat([a, b], dim=1), whole[layer], rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(end[layer], last[layer], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("t", range(STEPS))
def test_later_inputs_reach_nothing_earlier(engine: str, t: int) -> None:
    stack, inputs = make(engine), draw()
    changed = inputs.clone()
    changed[:, t] += 1
    with torch.no_grad():
        before, _ = stack(inputs)
        after, _ = stack(changed)
    for a, b in zip(before, after, strict=True):
        assert torch.equal(a[:, :t], b[:, :t])
        assert not torch.isclose(a[:, t], b[:, t]).all()


@pytest.mark.parametrize("engine", ENGINES)
def test_the_state_given_is_not_changed(engine: str) -> None:
    state = draw_state(engine)
    copies = [part.clone() for pair in state for part in pair]
    with torch.no_grad():
        make(engine)(draw(), state)
    parts = [part for pair in state for part in pair]
    assert all(torch.equal(part, copy) for part, copy in zip(parts, copies, strict=True))


def test_engine_by_settings() -> None:
    """torch's own engine wherever it can do the work: the two have different weights in a saved model."""
    names = {engine: "layers.0.lstm.weight_projection" in make(engine).state_dict() for engine in ENGINES}
    assert names == {"plain": False, "projected": True, "clipped": True, "clipped, one width": False}


def test_forget_gates_start_open() -> None:
    for engine, settings in ENGINES.items():
        torch.manual_seed(0)
        stack = LSTMStack(dim=DIM, num_layers=2, skip_connections=True, **settings)
        for layer in stack.layers:
            _, _, bias, _ = weights(layer)
            width = settings["lstm_dim"]
            assert bias[width : 2 * width].mean() > 0.6, engine


def test_the_second_bias_of_the_plain_engine_stays_zero() -> None:
    """Two biases that are only ever added are one weight: training both would double its learning rate."""
    stack = make("plain")
    sum(output.sum() for output in stack(draw())[0]).backward()
    for layer in stack.layers:
        assert layer.lstm.bias_hh_l0.grad is None and not layer.lstm.bias_hh_l0.any()
        assert layer.lstm.bias_ih_l0.grad.any()


@pytest.mark.parametrize("engine", ["plain", "projected"])
@pytest.mark.parametrize("variational", [True, False])
def test_dropout_in_training_alone(engine: str, variational: bool) -> None:
    without = make(engine)
    stack = make(engine, dropout=0.5, variational_dropout=variational)
    inputs = draw()
    with torch.no_grad():
        exact, _ = stack.eval()(inputs)
        plainly, _ = without(inputs)
        assert all(torch.equal(a, b) for a, b in zip(exact, plainly, strict=True))
        stack.train()
        torch.manual_seed(3)
        first, _ = stack(inputs)
        torch.manual_seed(3)
        again, _ = stack(inputs)
        other, _ = stack(inputs)
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first[-1], other[-1])
    dropped = first[-1] == 0  # the last output is dropped out too, the others only where they are read
    assert 0.2 < dropped.float().mean() < 0.8
    assert not (first[0] == 0).any()
    if variational:  # one mask for all positions of a sentence, another for each sentence
        assert (dropped == dropped[:, :1]).all()
        assert not (dropped == dropped[:1]).all()
    else:
        assert not (dropped == dropped[:, :1]).all()


@pytest.mark.parametrize("variational", [True, False])
def test_dropout_rate_and_scale(variational: bool) -> None:
    stack = make("plain", dropout=0.25, variational_dropout=variational).train()
    ones = torch.ones(50, 40, 60) if not variational else torch.ones(1, 400, 300)
    dropped = stack.drop(ones)
    assert dropped.shape == ones.shape
    values = dropped.unique()
    torch.testing.assert_close(values, torch.tensor([0.0, 4 / 3]))
    assert (dropped == 0).float().mean() == pytest.approx(0.25, abs=0.01)
