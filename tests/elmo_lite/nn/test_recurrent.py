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


@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("has_state", [False, True])
def test_rows_are_added_in_bfloat16(batch_first: bool, has_state: bool) -> None:
    """With 37 rows, a prime number, oneDNN's LSTM in bfloat16 takes several times as long as with 48."""
    rows, layer = 37, layer_of("LSTM", batch_first=batch_first)
    inputs = torch.randn((rows, T, D) if batch_first else (T, rows, D), requires_grad=True)
    state = tuple(torch.randn(rows, H) for _ in "hc") if has_state else None
    seen: list[int] = []
    layer.register_forward_pre_hook(lambda _, given: seen.append(given[0].shape[0 if batch_first else 1]))
    found = []
    for run in (
        lambda: run_layer(layer, inputs, state),
        lambda: layer(inputs, None if state is None else tuple(part[None] for part in state)),
    ):
        layer.zero_grad()
        inputs.grad = None
        with torch.autocast("cpu", torch.bfloat16):
            outputs, after = run()
        (outputs.float().square().sum() + sum(part.float().sin().sum() for part in after)).backward()
        grads = [inputs.grad, *(parameter.grad.clone() for parameter in layer.parameters())]
        found.append([outputs, *(part.reshape(rows, H) for part in after), *grads])
    assert seen == [48, rows]
    for ours, theirs in zip(*found, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=2e-2, atol=2e-2)


def test_rows_are_not_added_where_it_does_not_help() -> None:
    seen: list[int] = []
    for name, rows, dtype in [
        ("LSTM", 37, torch.float32),
        ("LSTM", 31, torch.bfloat16),
        ("LSTM", 48, torch.bfloat16),
        ("GRU", 37, torch.bfloat16),
    ]:
        layer = layer_of(name).to(dtype)
        layer.register_forward_pre_hook(lambda _, given: seen.append(given[0].shape[1]))
        run_layer(layer, torch.randn(T, rows, D, dtype=dtype), None)
    assert seen == [37, 31, 48, 37]


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
