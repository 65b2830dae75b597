"""Layers of torch in a data type of their own: the same values and gradients; bfloat16 under autocast on a GPU."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from elmo_lite.nn.recurrent import run_layer, run_layer_in

T, B, D, H = 7, 3, 5, 4
MAKE = {"LSTM": nn.LSTM, "GRU": nn.GRU, "RNN": nn.RNN}


def layer_of(name: str, **settings: object) -> nn.RNNBase:
    torch.manual_seed(0)
    return MAKE[name](D, H, **settings)  # type: ignore[arg-type, no-any-return]


def state_of(name: str) -> tuple[Tensor, ...]:
    return tuple(torch.randn(B, H) for _ in range(2 if name == "LSTM" else 1))


@pytest.mark.parametrize("name", MAKE)
@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("has_state", [False, True])
def test_a_data_type_of_its_own_is_the_module(name: str, batch_first: bool, has_state: bool) -> None:
    layer = layer_of(name, batch_first=batch_first)
    inputs, state = torch.randn((B, T, D) if batch_first else (T, B, D)), state_of(name) if has_state else None
    grads = []
    for run in (
        lambda: run_layer(layer, inputs, state),
        lambda: run_layer_in(layer, inputs, state, torch.float32),
    ):
        outputs, after = run()
        layer.zero_grad()
        (outputs.square().sum() + sum(part.sin().sum() for part in after)).backward()
        grads.append([outputs, *after, *(parameter.grad.clone() for parameter in layer.parameters())])
    for found, expected in zip(*grads, strict=True):
        torch.testing.assert_close(found, expected)


def test_relu_is_kept() -> None:
    layer, inputs = layer_of("RNN", nonlinearity="relu"), torch.randn(T, B, D)
    torch.testing.assert_close(run_layer_in(layer, inputs, None, torch.float32)[0], layer(inputs)[0])


@pytest.mark.parametrize("name", MAKE)
def test_state_continues_a_sequence(name: str) -> None:
    layer, inputs = layer_of(name), torch.randn(T, B, D)
    whole, last = run_layer_in(layer, inputs, None, torch.float32)
    first, state = run_layer_in(layer, inputs[:3], None, torch.float32)
    second, after = run_layer_in(layer, inputs[3:], state, torch.float32)
    torch.testing.assert_close(torch.cat([first, second]), whole)
    for found, expected in zip(after, last, strict=True):
        torch.testing.assert_close(found, expected)


def test_no_cell_or_state_of_another_type_comes_back() -> None:
    outputs, state = run_layer_in(layer_of("LSTM"), torch.randn(T, B, D), None, torch.bfloat16)
    assert {outputs.dtype, *(part.dtype for part in state)} == {torch.bfloat16}
    assert outputs.shape == (T, B, H) and [part.shape for part in state] == [(B, H), (B, H)]


@pytest.mark.gpu
@pytest.mark.parametrize("name", MAKE)
def test_autocast_on_a_gpu_is_bfloat16(name: str) -> None:
    layer, inputs = layer_of(name).cuda(), torch.randn(T, B, D, device="cuda")
    expected, _ = run_layer(layer, inputs, None)
    with torch.autocast("cuda", torch.bfloat16):
        outputs, state = run_layer(layer, inputs, None)
        outputs.float().square().mean().backward()
    assert {outputs.dtype, *(part.dtype for part in state)} == {torch.bfloat16}
    torch.testing.assert_close(outputs.float(), expected, atol=0.02, rtol=0.02)
    assert all(bool(parameter.grad.isfinite().all()) for parameter in layer.parameters())
