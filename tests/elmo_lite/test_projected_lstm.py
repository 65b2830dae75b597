"""The projected, clipped LSTM engine against one plain step written out, and against torch where torch can do it."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from elmo_lite.projected_lstm import ProjectedLSTM

BATCH, STEPS, INPUT, DIM, CELL = 3, 7, 5, 4, 6
CLIPS = [(None, None), (0.3, None), (None, 0.05), (0.3, 0.05)]


def make(
    cell_clip: float | None = None, projection_clip: float | None = None, forget_bias: float = 0.0
) -> ProjectedLSTM:
    torch.manual_seed(0)
    lstm = ProjectedLSTM(INPUT, DIM, CELL, cell_clip, projection_clip, forget_bias).double()
    with torch.no_grad():  # the drawn weights are too small to leave the linear part of the gates
        for parameter in lstm.parameters():
            parameter.mul_(2)
    return lstm


def draw(batch: int = BATCH, steps: int = STEPS) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    generator = torch.Generator().manual_seed(1)
    shapes = [(batch, steps, INPUT), (batch, DIM), (batch, CELL)]
    inputs, h, c = (torch.randn(*shape, generator=generator, dtype=torch.float64) for shape in shapes)
    return inputs, (h, c)


def plain(lstm: ProjectedLSTM, inputs: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """One sentence, one step, one unit at a time; the formulas of the published format."""
    rows, states = [], []
    for b in range(inputs.shape[0]):
        m, cell, row = h[b], c[b], []
        for x in inputs[b]:
            gate = [lstm.weight_ih[k] @ x + lstm.weight_hh[k] @ m + lstm.bias[k] for k in range(4 * CELL)]
            new_cell, squashed = [], []
            for unit in range(CELL):
                i = torch.sigmoid(gate[unit])
                f = torch.sigmoid(gate[CELL + unit] + lstm.forget_bias)
                value = f * cell[unit] + i * torch.tanh(gate[2 * CELL + unit])
                if lstm.cell_clip is not None:
                    value = value.clip(-lstm.cell_clip, lstm.cell_clip)
                new_cell.append(value)
                squashed.append(torch.sigmoid(gate[3 * CELL + unit]) * torch.tanh(value))
            cell = torch.stack(new_cell)
            m = torch.stack([lstm.weight_projection[d] @ torch.stack(squashed) for d in range(DIM)])
            if lstm.projection_clip is not None:
                m = m.clip(-lstm.projection_clip, lstm.projection_clip)
            row.append(m)
        rows.append(torch.stack(row))
        states.append((m, cell))
    return torch.stack(rows), (torch.stack([m for m, _ in states]), torch.stack([cell for _, cell in states]))


@pytest.mark.parametrize(("cell_clip", "projection_clip"), CLIPS)
@pytest.mark.parametrize("forget_bias", [0.0, 1.0])
@pytest.mark.parametrize("recorded", [True, False])
def test_equals_plain_steps(
    cell_clip: float | None, projection_clip: float | None, forget_bias: float, recorded: bool
) -> None:
    lstm = make(cell_clip, projection_clip, forget_bias)
    inputs, state = draw()
    with torch.set_grad_enabled(recorded):
        outputs, (h, c) = lstm(inputs, state)
    assert outputs.requires_grad == recorded
    with torch.no_grad():
        expected, (expected_h, expected_c) = plain(lstm, inputs, *state)
    torch.testing.assert_close(outputs.detach(), expected)
    torch.testing.assert_close(h.detach(), expected_h)
    torch.testing.assert_close(c.detach(), expected_c)


def test_both_clips_bind() -> None:
    inputs, state = draw()
    with torch.no_grad():
        free, (_, free_cell) = make()(inputs, state)
        clipped, (_, cell) = make(0.3, 0.05)(inputs, state)
    assert free.abs().max() > 0.05 and free_cell.abs().max() > 0.3
    assert clipped.abs().max() == 0.05 and cell.abs().max() == 0.3
    assert (clipped.abs() == 0.05).any() and (clipped.abs() < 0.05).any()


@pytest.mark.parametrize("recorded", [True, False])
def test_equals_torch_where_nothing_is_clipped(recorded: bool) -> None:
    lstm = make()
    other = nn.LSTM(INPUT, CELL, proj_size=DIM, batch_first=True).double()
    with torch.no_grad():
        other.weight_ih_l0.copy_(lstm.weight_ih)
        other.weight_hh_l0.copy_(lstm.weight_hh)
        other.bias_ih_l0.copy_(lstm.bias)
        other.bias_hh_l0.zero_()
        other.weight_hr_l0.copy_(lstm.weight_projection)
    inputs, (h, c) = draw()
    with torch.set_grad_enabled(recorded):
        outputs, (new_h, new_c) = lstm(inputs, (h, c))
    expected, (expected_h, expected_c) = other(inputs, (h[None], c[None]))
    torch.testing.assert_close(outputs, expected, check_layout=False)
    torch.testing.assert_close(new_h, expected_h[0])
    torch.testing.assert_close(new_c, expected_c[0])
    if recorded:
        outputs.square().sum().backward()
        expected.square().sum().backward()
        torch.testing.assert_close(lstm.weight_ih.grad, other.weight_ih_l0.grad)
        torch.testing.assert_close(lstm.weight_hh.grad, other.weight_hh_l0.grad)
        torch.testing.assert_close(lstm.bias.grad, other.bias_ih_l0.grad)
        torch.testing.assert_close(lstm.weight_projection.grad, other.weight_hr_l0.grad)


@pytest.mark.parametrize(("cell_clip", "projection_clip"), [(None, None), (0.4, 0.1)])
def test_gradients(cell_clip: float | None, projection_clip: float | None) -> None:
    lstm = make(cell_clip, projection_clip, forget_bias=1.0)
    inputs, (h, c) = draw(batch=2, steps=3)
    names = [name for name, _ in lstm.named_parameters()]

    def run(x: Tensor, h: Tensor, c: Tensor, *weights: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        parameters = dict(zip(names, weights, strict=True))
        outputs, (new_h, new_c) = torch.func.functional_call(lstm, parameters, (x, (h, c)))
        return outputs, new_h, new_c

    weights = [parameter.detach().clone() for parameter in lstm.parameters()]
    arguments = [tensor.requires_grad_() for tensor in (inputs, h, c, *weights)]
    assert torch.autograd.gradcheck(run, arguments)


def test_gradient_reaches_the_given_state() -> None:
    lstm = make().requires_grad_(False)
    inputs, (h, c) = draw()
    outputs, _ = lstm(inputs, (h.requires_grad_(), c))
    outputs.sum().backward()
    assert h.grad is not None and h.grad.abs().sum() > 0


@pytest.mark.parametrize("recorded", [True, False])
@pytest.mark.parametrize("cuts", [(1, 6), (3, 4), (1, 1, 5), (7, 0)])
def test_chunks_with_carried_state_equal_one_run(cuts: tuple[int, ...], recorded: bool) -> None:
    lstm = make(0.3, 0.05)
    inputs, state = draw()
    with torch.set_grad_enabled(recorded):
        expected, (expected_h, expected_c) = lstm(inputs, state)
        parts = []
        for chunk in inputs.split(list(cuts), dim=1):
            part, state = lstm(chunk, state)
            parts.append(part)
    torch.testing.assert_close(torch.cat(parts, dim=1), expected)
    torch.testing.assert_close(state[0], expected_h)
    torch.testing.assert_close(state[1], expected_c)


@torch.no_grad()
def test_no_state_is_the_zero_state_and_rows_do_not_mix() -> None:
    lstm = make()
    inputs, _ = draw()
    zeros = (torch.zeros(BATCH, DIM).double(), torch.zeros(BATCH, CELL).double())
    together, _ = lstm(inputs)
    torch.testing.assert_close(lstm(inputs, zeros)[0], together)
    for row in range(BATCH):
        torch.testing.assert_close(lstm(inputs[row : row + 1])[0][0], together[row])


@torch.no_grad()
def test_right_padding_leaves_earlier_positions() -> None:
    lstm = make()
    inputs, state = draw()
    padded = torch.cat([inputs, torch.full((BATCH, 2, INPUT), 9.0).double()], dim=1)
    torch.testing.assert_close(lstm(padded, state)[0][:, :STEPS], lstm(inputs, state)[0])


@torch.no_grad()
def test_arguments_stay_as_they_were() -> None:
    lstm = make(0.3, 0.05)
    inputs, (h, c) = draw()
    copies = [tensor.clone() for tensor in (inputs, h, c, *lstm.parameters())]
    lstm(inputs, (h, c))
    for tensor, copy in zip((inputs, h, c, *lstm.parameters()), copies, strict=True):
        assert torch.equal(tensor, copy)


@torch.no_grad()
def test_state_does_not_hold_on_to_the_outputs() -> None:
    outputs, (h, c) = make()(*draw())
    assert h.untyped_storage().nbytes() == h.numel() * h.element_size()
    assert torch.equal(h, outputs[:, -1])


def test_frozen_engine_records_nothing() -> None:
    outputs, (h, c) = make().requires_grad_(False)(*draw())
    assert not outputs.requires_grad and not h.requires_grad and not c.requires_grad


@torch.inference_mode()
def test_autocast_in_bfloat16_is_near_float32() -> None:
    lstm = make(0.3, 0.05).float()
    inputs, (h, c) = draw()
    exact, _ = lstm(inputs.float(), (h.float(), c.float()))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rounded, (new_h, new_c) = lstm(inputs.float(), (h.float(), c.float()))
    assert new_h.dtype == new_c.dtype == torch.float32
    torch.testing.assert_close(rounded.float(), exact, atol=5e-3, rtol=0)


@torch.no_grad()
@pytest.mark.parametrize(("forget_bias", "expected"), [(0.0, 1.0), (1.0, 0.0)])
def test_drawn_weights(forget_bias: float, expected: float) -> None:
    torch.manual_seed(0)
    lstm = ProjectedLSTM(32, 16, 64, None, None, forget_bias)
    forget = lstm.bias[64:128]
    assert abs(forget.mean() - expected) < 0.1
    assert all(p.abs().max() <= 1 / 8 for p in (lstm.weight_ih, lstm.weight_hh, lstm.weight_projection))
    assert lstm.weight_ih.abs().max() > 0.12
    assert "forget_bias" not in lstm.state_dict() and len(lstm.state_dict()) == 4
