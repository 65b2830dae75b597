"""Stacks of both LSTM engines against single steps written out."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from elmo_lite.hardware import has_bfloat16
from elmo_lite.nn.bilstm import LSTMStack, LSTMState

BATCH, STEPS, DIM = 3, 6, 4
PROJECTED = {"lstm_projection": True, "is_projected": True}
ENGINES: dict[str, dict[str, Any]] = {
    "plain": {"lstm_dim": DIM},
    "projected": {"lstm_dim": 7, **PROJECTED},
    "clipped": {"lstm_dim": 7, "cell_clip": 0.4, "projection_clip": 0.15, **PROJECTED},
    "clipped, one width": {"lstm_dim": DIM, "cell_clip": 0.4, "is_projected": True},
    "projected, one width": {"lstm_dim": DIM, "projection_clip": 0.15, **PROJECTED},
    "plain, forget bias": {"lstm_dim": DIM, "forget_bias": 1.0},
    "published": {"lstm_dim": 7, "cell_clip": 0.4, "projection_clip": 0.15, "forget_bias": 1.0, **PROJECTED},
}

STOPPING = sorted(name for name, options in ENGINES.items() if options.get("is_projected"))
"""Engines that stop at a row's end; the others run over padding."""


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
        bias = lstm.bias.detach().clone()
        bias.view(4, -1)[1] += lstm.forget_bias
        return lstm.weight_ih, lstm.weight_hh, bias, lstm.weight_projection
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
    clips = ENGINES[engine].get("cell_clip"), ENGINES[engine].get("projection_clip")
    expected, expected_last = plain(stack, inputs, state, *clips)
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


def test_weights_of_the_engines() -> None:
    """The two have different weights in a saved model."""
    names = {engine: set(make(engine).layers[0].lstm.state_dict()) for engine in ENGINES}
    own = {"weight_ih", "weight_hh", "bias"}
    plain = {f"{name}_l0" for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")}
    assert names == {
        "plain": plain,
        "projected": own | {"weight_projection"},
        "clipped": own | {"weight_projection"},
        "clipped, one width": own,
        "projected, one width": own | {"weight_projection"},
        "plain, forget bias": plain,
        "published": own | {"weight_projection"},
    }


def test_forget_gates_start_open() -> None:
    for engine, options in ENGINES.items():
        torch.manual_seed(0)
        stack = LSTMStack(dim=DIM, num_layers=2, skip_connections=True, **options)
        for layer in stack.layers:
            _, _, bias, _ = weights(layer)
            width = options["lstm_dim"]
            assert 0.6 < bias[width : 2 * width].mean() < 1.4, engine  # and not twice as open with a constant beside


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


# Rows that end


def random_rows(batch: int, engine: str, num_layers: int = 2) -> tuple[Tensor, LSTMState]:
    generator = torch.Generator().manual_seed(batch)
    inputs = torch.randn(batch, STEPS, DIM, generator=generator)
    cell = ENGINES[engine]["lstm_dim"]
    state = [
        (torch.randn(batch, DIM, generator=generator) / 8, torch.randn(batch, cell, generator=generator) / 3)
        for _ in range(num_layers)
    ]
    return inputs, state


def alone(
    stack: LSTMStack, inputs: Tensor, state: LSTMState | None, lengths: list[int]
) -> tuple[list[Tensor], LSTMState]:
    """Every row by itself, cut where it ends, with zeros put behind; a row of length 0 keeps its state."""
    outputs: list[list[Tensor]] = [[] for _ in stack.layers]
    last: list[list[tuple[Tensor, Tensor]]] = [[] for _ in stack.layers]
    for b, length in enumerate(lengths):
        width = stack.layers[0].lstm.state_dict()["weight_hh" if stack.is_projected else "weight_hh_l0"].shape[0] // 4
        zeros = [(torch.zeros(1, DIM), torch.zeros(1, width)) for _ in stack.layers]
        end = zeros if state is None else [(h[b : b + 1], c[b : b + 1]) for h, c in state]
        layers = [inputs.new_zeros(1, 0, DIM) for _ in stack.layers]
        if length:
            layers, end = stack(inputs[b : b + 1, :length], end)
        for index, layer in enumerate(layers):
            outputs[index].append(torch.cat([layer, inputs.new_zeros(1, STEPS - length, DIM)], dim=1))
            last[index].append(end[index])
    return (
        [torch.cat(rows) for rows in outputs],
        [(torch.cat([h for h, _ in rows]), torch.cat([c for _, c in rows])) for rows in last],
    )


def all_of(outputs: list[Tensor], state: LSTMState) -> list[Tensor]:
    return [*outputs, *(part for pair in state for part in pair)]


LENGTHS = st.lists(st.integers(0, STEPS), min_size=1, max_size=6)


@given(LENGTHS, st.sampled_from(STOPPING), st.booleans(), st.booleans(), st.booleans())
@settings(max_examples=80, deadline=None)
def test_rows_of_any_length_equal_each_row_alone(
    lengths: list[int], engine: str, with_state: bool, skip_connections: bool, recorded: bool
) -> None:
    stack = make(engine, num_layers=2, skip_connections=skip_connections)
    inputs, drawn = random_rows(len(lengths), engine)
    state = drawn if with_state else None
    with torch.set_grad_enabled(recorded):
        found = all_of(*stack(inputs, state, torch.tensor(lengths)))
    with torch.no_grad():
        expected = all_of(*alone(stack, inputs, state, lengths))
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours.detach(), theirs, rtol=1e-5, atol=1e-5)
    for output in found[:2]:
        for row, length in zip(output, lengths, strict=True):
            assert not row[length:].any()


@pytest.mark.parametrize("engine", STOPPING)
@pytest.mark.parametrize("skip_connections", [True, False])
@pytest.mark.parametrize(
    "lengths", [[2, 6, 0, 4, 4], [6, 6, 6, 6, 6], [3, 3, 3, 3, 3], [1, 2, 3, 4, 5], [5, 0, 0, 0, 0]]
)
def test_gradients_of_rows_that_end(engine: str, skip_connections: bool, lengths: list[int]) -> None:
    """Of every output and of the states, to the weights, the inputs and the states given."""
    stack = make(engine, num_layers=2, skip_connections=skip_connections).double()
    inputs, state = random_rows(len(lengths), engine)
    inputs = inputs.double().requires_grad_()
    state = [(h.double().requires_grad_(), c.double().requires_grad_()) for h, c in state]
    learned = [inputs, *(part for pair in state for part in pair), *(p for p in stack.parameters() if p.requires_grad)]
    gradients = []
    for results in (
        all_of(*stack(inputs, state, torch.tensor(lengths))),
        all_of(*alone(stack, inputs, state, lengths)),
    ):
        generator = torch.Generator().manual_seed(9)
        factors = [torch.randn(result.shape, generator=generator, dtype=torch.float64) for result in results]
        loss = sum((result * factor).sum() for result, factor in zip(results, factors, strict=True))
        gradients.append(torch.autograd.grad(loss, learned))
    for ours, theirs in zip(*gradients, strict=True):
        torch.testing.assert_close(ours, theirs)
    for row, length in zip(gradients[0][0], lengths, strict=True):
        assert not row[length:].any() and row[:length].any(dim=1).all()


@torch.no_grad()
@pytest.mark.parametrize("engine", STOPPING)
@pytest.mark.parametrize("lengths", [[2, 6, 0], [0, 0, 0], [3, 1, 1]])
def test_nothing_behind_a_row_is_read(engine: str, lengths: list[int]) -> None:
    stack, inputs, state = make(engine), draw(), draw_state(engine)
    expected = all_of(*stack(inputs, state, torch.tensor(lengths)))
    for row, length in zip(inputs, lengths, strict=True):
        row[length:] = torch.nan
    for ours, before in zip(all_of(*stack(inputs, state, torch.tensor(lengths))), expected, strict=True):
        assert torch.equal(ours, before)


@torch.no_grad()
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("with_state", [True, False])
def test_rows_that_fill_the_batch(engine: str, with_state: bool) -> None:
    stack, inputs, state = make(engine), draw(), draw_state(engine) if with_state else None
    expected, found = (all_of(*stack(inputs, state, ends)) for ends in (None, torch.full((BATCH,), STEPS)))
    assert all(torch.equal(ours, theirs) for ours, theirs in zip(found, expected, strict=True))
    if engine not in STOPPING:
        return
    longer = torch.cat([inputs, torch.ones(BATCH, 2, DIM)], dim=1)
    for ours, theirs in zip(all_of(*stack(longer, state, torch.full((BATCH,), STEPS))), expected, strict=True):
        torch.testing.assert_close(ours[:, :STEPS] if ours.ndim == 3 else ours, theirs, rtol=1e-5, atol=1e-6)


@torch.no_grad()
@pytest.mark.parametrize("engine", STOPPING)
def test_state_of_rows_that_ended_goes_on(engine: str) -> None:
    """Two calls with rows of their own lengths, as a stateful encoder makes them, and one row's words in one call."""
    stack, inputs = make(engine), draw()
    first, second = [3, 0, 2], [1, 4, 0]
    _, middle = stack(inputs, None, torch.tensor(first))
    copies = [part.clone() for pair in middle for part in pair]
    outputs, last = stack(inputs.flip(1), middle, torch.tensor(second))
    assert all(torch.equal(a, b) for a, b in zip([part for pair in middle for part in pair], copies, strict=True))
    for b, (before, after) in enumerate(zip(first, second, strict=True)):
        words = torch.cat([inputs[b, :before], inputs.flip(1)[b, :after]])[None]
        expected, expected_last = stack(words)
        for layer in range(3):
            torch.testing.assert_close(outputs[layer][b, :after], expected[layer][0, before:], rtol=1e-5, atol=1e-5)
            for part, wanted in zip(last[layer], expected_last[layer], strict=True):
                torch.testing.assert_close(part[b], wanted[0], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("engine", ["projected", "clipped"])
@pytest.mark.parametrize("variational", [True, False])
def test_dropout_puts_nothing_behind_a_row(engine: str, variational: bool) -> None:
    stack = make(engine, dropout=0.5, variational_dropout=variational).train()
    outputs, _ = stack(draw(), None, torch.tensor([2, 6, 0]))
    for output in outputs:
        assert not output[0, 2:].any() and not output[2].any() and output[1].any()


@pytest.mark.parametrize("engine", ["plain", "published"])
def test_rows_that_end_under_autocast(engine: str) -> None:
    if engine == "plain" and not has_bfloat16(torch.device("cpu")):
        pytest.skip("torch.nn.LSTM computes in bfloat16 only on processors that have it")
    stack, inputs, lengths = make(engine), draw(), torch.tensor([2, 6, 0])
    exact, _ = stack(inputs, None, lengths)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rounded, _ = stack(inputs, None, lengths)
        sum(output.float().square().sum() for output in rounded).backward()
    for ours, theirs in zip(rounded, exact, strict=True):
        torch.testing.assert_close(ours.float(), theirs, rtol=3e-2, atol=3e-2)
    assert all(p.grad is not None and p.grad.isfinite().all() for p in stack.parameters() if p.requires_grad)


@torch.no_grad()
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("cut", [1, 3, 5])
def test_chunks_of_rows_that_end(engine: str, cut: int) -> None:
    """Every real position of every row, whatever the engine does at padding."""
    stack, inputs, lengths = make(engine), draw(), torch.tensor([2, 6, 4])
    first, middle = stack(inputs[:, :cut], None, lengths.clamp(max=cut))
    second, _ = stack(inputs[:, cut:], middle, (lengths - cut).clamp(min=0))
    for row, length in enumerate(lengths.tolist()):
        expected, _ = stack(inputs[row : row + 1, :length])
        for layer, wanted in enumerate(expected):
            found = torch.cat([first[layer], second[layer]], dim=1)[row, :length]
            torch.testing.assert_close(found, wanted[0], rtol=1e-5, atol=1e-6)


@torch.no_grad()
def test_the_plain_engine_runs_over_padding() -> None:
    stack, inputs = make("plain"), draw()
    expected, found = (all_of(*stack(inputs, None, ends)) for ends in (None, torch.tensor([2, 6, 0])))
    assert all(torch.equal(ours, theirs) for ours, theirs in zip(found, expected, strict=True))


# The constant beside the forget gate's bias


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("recorded", [True, False])
def test_forget_bias_equals_a_bias_moved_by_it(engine: str, recorded: bool) -> None:
    options = {**ENGINES[engine], "forget_bias": 1.0}
    inputs = draw()
    torch.manual_seed(4)
    constant, learned = (
        LSTMStack(dim=DIM, num_layers=2, skip_connections=True, **{**options, "forget_bias": bias})
        for bias in (1.0, 0.0)
    )
    for ours, theirs in zip(constant.layers, learned.layers, strict=True):
        name, dim = ("bias", options["lstm_dim"]) if constant.is_projected else ("bias_ih_l0", DIM)
        weights_of = {key: value for key, value in ours.lstm.state_dict().items() if key != "bias_hh_l0"}
        theirs.lstm.load_state_dict(weights_of, strict=False)
        with torch.no_grad():
            theirs.lstm.get_parameter(name)[dim : 2 * dim] += 1
    with torch.set_grad_enabled(recorded):
        found, expected = all_of(*constant(inputs)), all_of(*learned(inputs))
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs)


def test_the_constant_does_not_learn() -> None:
    stack = make("plain, forget bias")
    optimizer = torch.optim.SGD(stack.parameters(), lr=0.1)
    sum(output.sum() for output in stack(draw())[0]).backward()
    optimizer.step()
    for layer in stack.layers:
        assert layer.lstm.bias_hh_l0.tolist() == [0.0] * DIM + [1.0] * DIM + [0.0] * 2 * DIM
