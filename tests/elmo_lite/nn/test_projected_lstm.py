"""The projected, clipped LSTM engine against one plain step written out, and against torch where torch can do it."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from elmo_lite.nn import projected_lstm
from elmo_lite.nn.projected_lstm import ProjectedLSTM

BATCH, STEPS, INPUT, DIM, CELL = 3, 7, 5, 4, 6
CLIPS = [(None, None), (0.3, None), (None, 0.05), (0.3, 0.05)]


def make(
    cell_clip: float | None = None,
    projection_clip: float | None = None,
    forget_bias: float = 0.0,
    projection: bool = True,
) -> ProjectedLSTM:
    torch.manual_seed(0)
    dim = DIM if projection else CELL
    lstm = ProjectedLSTM(INPUT, dim, CELL, cell_clip, projection_clip, forget_bias, projection).double()
    with torch.no_grad():  # the drawn weights are too small to leave the linear part of the gates
        for parameter in lstm.parameters():
            parameter.mul_(2)
    return lstm


def draw(batch: int = BATCH, steps: int = STEPS, dim: int = DIM) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    generator = torch.Generator().manual_seed(1)
    shapes = [(batch, steps, INPUT), (batch, dim), (batch, CELL)]
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
            m = torch.stack(squashed)
            if lstm.weight_projection is not None:
                m = torch.stack([weights @ m for weights in lstm.weight_projection])
            if lstm.projection_clip is not None:
                m = m.clip(-lstm.projection_clip, lstm.projection_clip)
            row.append(m)
        rows.append(torch.stack(row))
        states.append((m, cell))
    return torch.stack(rows), (torch.stack([m for m, _ in states]), torch.stack([cell for _, cell in states]))


@pytest.mark.parametrize(("cell_clip", "projection_clip"), CLIPS)
@pytest.mark.parametrize("forget_bias", [0.0, 1.0])
@pytest.mark.parametrize("recorded", [True, False])
@pytest.mark.parametrize("projection", [True, False])
def test_equals_plain_steps(
    cell_clip: float | None, projection_clip: float | None, forget_bias: float, recorded: bool, projection: bool
) -> None:
    lstm = make(cell_clip, projection_clip, forget_bias, projection)
    inputs, state = draw(dim=lstm.dim)
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
@pytest.mark.parametrize("projection", [True, False])
def test_gradients(cell_clip: float | None, projection_clip: float | None, projection: bool) -> None:
    lstm = make(cell_clip, projection_clip, forget_bias=1.0, projection=projection)
    inputs, (h, c) = draw(batch=2, steps=3, dim=lstm.dim)
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
    for tensor, before in zip((inputs, h, c, *lstm.parameters()), copies, strict=True):
        assert torch.equal(tensor, before)


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


# Settings


@pytest.mark.parametrize("recorded", [True, False])
@pytest.mark.parametrize("projection", [True, False])
def test_forget_bias_is_a_bias_that_is_not_stored(recorded: bool, projection: bool) -> None:
    constant, learned = make(0.3, 0.05, 0.75, projection), make(0.3, 0.05, 0.0, projection)
    stored = constant.bias.detach().clone()
    learned.load_state_dict(constant.state_dict())
    with torch.no_grad():
        learned.bias[CELL : 2 * CELL] += 0.75
    inputs, state = draw(dim=constant.dim)
    with torch.set_grad_enabled(recorded):
        found, expected = constant(inputs, state), learned(inputs, state)
    torch.testing.assert_close(found, expected)
    assert torch.equal(constant.bias, stored)
    if recorded:
        found[0].square().sum().backward()
        expected[0].square().sum().backward()
        torch.testing.assert_close(constant.bias.grad, learned.bias.grad)


def test_without_a_projection_nothing_bounds_the_output() -> None:
    lstm = make(None, 0.05, projection=False)
    assert lstm.weight_projection is None and lstm.projection_clip is None
    assert list(lstm.state_dict()) == ["weight_ih", "weight_hh", "bias"]
    with torch.no_grad():
        assert lstm(*draw(dim=CELL))[0].abs().max() > 0.05


# Without a graph: packed weights


@pytest.mark.parametrize("settings", [(None, None, 0.0), (0.3, 0.05, 1.0)])
@pytest.mark.parametrize("projection", [True, False])
@pytest.mark.parametrize(("batch", "steps"), [(3, 7), (1, 0), (1, 300), (300, 3), (33, 40), (2000, 2)])
def test_both_paths_agree(settings: tuple[Any, Any, float], projection: bool, batch: int, steps: int) -> None:
    """Input products of a few positions at a time, or of all: also where one position is more than that few."""
    lstm = make(*settings, projection).float()
    inputs, (h, c) = draw(batch, steps, lstm.dim)
    arguments = inputs.float(), (h.float(), c.float())
    recorded, recorded_state = lstm(*arguments)
    with torch.no_grad():
        found, state = lstm(*arguments)
    assert recorded.requires_grad and not found.requires_grad
    assert found.shape == (batch, steps, lstm.dim)
    torch.testing.assert_close(found, recorded.detach(), rtol=1e-5, atol=1e-5)
    for ours, theirs in zip(state, recorded_state, strict=True):
        torch.testing.assert_close(ours, theirs.detach(), rtol=1e-5, atol=1e-5)


def step_of(make_optimizer: Callable[..., torch.optim.Optimizer], **options: Any) -> Callable[[ProjectedLSTM], None]:
    def step(lstm: ProjectedLSTM) -> None:
        optimizer = make_optimizer(lstm.parameters(), lr=0.1, **options)
        lstm(torch.ones(2, 3, INPUT))[0].square().sum().backward()
        optimizer.step()

    return step


def shift(name: str) -> Callable[[ProjectedLSTM], Any]:
    @torch.no_grad()
    def change(lstm: ProjectedLSTM) -> None:
        lstm.get_parameter(name).add_(0.3)

    return change


@torch.no_grad()
def other_weights() -> dict[str, Tensor]:
    return {name: weight.flip(0) for name, weight in make().float().state_dict().items()}


def replace_recurrent_weight(lstm: ProjectedLSTM) -> None:
    lstm.weight_hh = nn.Parameter(lstm.weight_hh.detach().roll(1, 0))


def write_data(lstm: ProjectedLSTM) -> None:
    lstm.weight_ih.data.mul_(-1.5)
    lstm.clear_packed()


CHANGES: dict[str, Callable[[ProjectedLSTM], Any]] = {
    **{name: shift(name) for name in ("weight_ih", "weight_hh", "bias", "weight_projection")},
    "SGD": step_of(torch.optim.SGD),
    "AdamW": step_of(torch.optim.AdamW),
    "fused AdamW": step_of(torch.optim.AdamW, fused=True),
    "state dict": lambda lstm: lstm.load_state_dict(other_weights()),
    "state dict, assigned": lambda lstm: lstm.load_state_dict(other_weights(), assign=True),
    "replaced": replace_recurrent_weight,
    "drawn again": lambda lstm: lstm.reset_parameters(),
    "data written and said so": write_data,
}


@pytest.mark.parametrize("change", CHANGES)
def test_packed_weights_follow_the_weights(change: str) -> None:
    lstm = make(0.3, 0.05, 1.0).float()
    inputs = draw()[0].float()
    with torch.no_grad():
        before, _ = lstm(inputs)
    for _ in range(2):
        CHANGES[change](lstm)
        expected, _ = lstm(inputs)
        with torch.no_grad():
            found, _ = lstm(inputs)
        torch.testing.assert_close(found, expected.detach(), rtol=1e-5, atol=1e-5)
        assert not torch.allclose(found, before, atol=1e-3)


@torch.no_grad()
def test_weights_are_packed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []

    class Counted(projected_lstm.RunTimeWeights):
        def __init__(self, *arguments: Any) -> None:
            made.append(self)
            super().__init__(*arguments)

    monkeypatch.setattr(projected_lstm, "RunTimeWeights", Counted)
    lstm, inputs = make().float(), draw()[0].float()
    for steps in (1, 7, 0, 3):
        lstm(inputs[:, :steps])
    assert len(made) == 1
    shift("weight_projection")(lstm)
    lstm(inputs)
    lstm(inputs)
    assert len(made) == 2


@torch.no_grad()
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_weights_follow_to_another_dtype(dtype: torch.dtype) -> None:
    lstm, inputs = make(0.3, 0.05).float(), draw()[0].float()
    exact, _ = lstm(inputs)
    found, (h, c) = lstm.to(dtype)(inputs.to(dtype))
    assert found.dtype == h.dtype == c.dtype == dtype
    torch.testing.assert_close(found.float(), exact, rtol=0, atol=5e-3 if dtype == torch.bfloat16 else 1e-5)
    rounded = {name: weight.to(dtype).float() for name, weight in lstm.state_dict().items()}
    again, _ = lstm.float()(inputs)
    torch.testing.assert_close(again, torch.func.functional_call(lstm, rounded, (inputs,))[0])


@torch.no_grad()
@pytest.mark.parametrize("how", [copy.deepcopy, lambda lstm: pickle.loads(pickle.dumps(lstm))])
def test_copies_pack_their_own_weights(how: Callable[[ProjectedLSTM], ProjectedLSTM]) -> None:
    lstm, inputs = make(0.3, 0.05).float(), draw()[0].float()
    before, _ = lstm(inputs)
    other = how(lstm)
    torch.testing.assert_close(other(inputs)[0], before)
    shift("weight_hh")(other)
    assert not torch.allclose(other(inputs)[0], before, atol=1e-3)
    assert torch.equal(lstm(inputs)[0], before)


@torch.no_grad()
@pytest.mark.filterwarnings("ignore:TF32 acceleration")
def test_same_numbers_where_onednn_is_off() -> None:
    lstm, inputs = make(0.3, 0.05, 1.0).float(), draw()[0].float()
    other = copy.deepcopy(lstm)
    with torch.backends.mkldnn.flags(enabled=False):
        found, _ = other(inputs)
    torch.testing.assert_close(found, lstm(inputs)[0], rtol=1e-5, atol=1e-5)


# Mixed precision


@pytest.mark.parametrize("clips", [(None, None), (0.3, 0.05), (0.7, 0.1)])
@pytest.mark.parametrize("projection", [True, False])
def test_training_under_autocast_is_near_float32(clips: tuple[Any, Any], projection: bool) -> None:
    lstm = make(*clips, 1.0, projection).float()
    inputs, (h, c) = draw(8, 12, lstm.dim)
    x, h, c = (tensor.float().requires_grad_() for tensor in (inputs, h, c))
    learned = [x, h, c, *lstm.parameters()]
    exact, _ = lstm(x, (h, c))
    expected = torch.autograd.grad(exact.square().sum(), learned)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rounded, (last_h, last_c) = lstm(x, (h, c))
        loss = rounded.float().square().sum()
    assert rounded.dtype == torch.bfloat16 and last_h.dtype == last_c.dtype == torch.float32
    torch.testing.assert_close(rounded.float(), exact, rtol=2e-2, atol=2e-2)
    names = ["inputs", "h", "c", *dict(lstm.named_parameters())]
    for name, found, wanted in zip(names, torch.autograd.grad(loss, learned), expected, strict=True):
        assert found.dtype == torch.float32, name
        assert torch.cosine_similarity(found.flatten(), wanted.flatten(), dim=0) > 0.97, name
        assert 0.8 < found.norm() / wanted.norm() < 1.25, name  # rounding moves some values over a bound


@torch.no_grad()
def test_precision_of_one_call_is_that_call_s_alone() -> None:
    lstm, inputs = make(0.3, 0.05).float(), draw()[0].float()
    before, _ = lstm(inputs)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert lstm(inputs)[0].dtype == torch.bfloat16
    assert torch.equal(lstm(inputs)[0], before)


# Rows that end


@pytest.mark.parametrize("at_once", [6, 1000])
@pytest.mark.parametrize("recorded", [True, False])
@pytest.mark.parametrize("lengths", [[7, 4, 1], [5, 5, 0], [7, 7, 7], [1, 0, 0], [0, 0, 0], [7, 0, 0]])
def test_rows_end_where_the_counts_say(
    recorded: bool, lengths: list[int], at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the input products are computed in several parts, each with counts of its own."""
    monkeypatch.setattr(projected_lstm, "_POSITIONS_AT_ONCE", at_once)
    lstm = make(0.3, 0.05, 1.0)
    inputs, (h, c) = draw()
    counts = [sum(length > t for length in lengths) for t in range(STEPS)]
    with torch.set_grad_enabled(recorded):
        outputs, last = lstm(inputs, (h, c), counts)
    assert outputs.requires_grad == recorded
    with torch.no_grad():
        for b, length in enumerate(lengths):
            row = slice(b, b + 1)
            expected, expected_last = lstm(inputs[row, :length], (h[row], c[row]))
            torch.testing.assert_close(outputs[row, :length].detach(), expected)
            assert not outputs[b, length:].any()
            for ours, theirs in zip(last, expected_last, strict=True):
                torch.testing.assert_close(ours[row].detach(), theirs)


def test_input_products_stop_where_the_last_row_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(projected_lstm, "_POSITIONS_AT_ONCE", BATCH)
    parts: list[int] = []
    monkeypatch.setattr(projected_lstm, "run", lambda gates, *_, **__: parts.append(gates.shape[1]))
    inputs, state = draw()
    with torch.no_grad():
        make()(inputs, state, [3, 1, 0, 0, 0, 0, 0])
    assert parts == [3, 1]


@pytest.mark.parametrize("projection", [True, False])
def test_gradients_where_no_row_is_left(projection: bool) -> None:
    """In float32, where the backward pass multiplies with packed weights: zeros, and the state's own go through."""
    lstm = make(0.3, 0.05, projection=projection).float()
    inputs, state = draw(dim=lstm.dim)
    h, c = (part.float().requires_grad_() for part in state)
    outputs, last = lstm(inputs.float(), (h, c), [0] * STEPS)
    (outputs.sum() + 2 * last[0].sum() + 3 * last[1].sum()).backward()
    assert h.grad is not None and c.grad is not None
    assert torch.equal(h.grad, torch.full_like(h, 2)) and torch.equal(c.grad, torch.full_like(c, 3))
    for parameter in lstm.parameters():
        assert parameter.grad is not None and torch.equal(parameter.grad, torch.zeros_like(parameter))
