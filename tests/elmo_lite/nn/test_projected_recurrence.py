"""The recurrence's own backward pass against autograd through the same steps written out."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Sequence
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from elmo_lite.nn.projected_recurrence import Recurrence, RunTimeWeights, clip_, pass_within, run

CELL = 5
CLIPS = [(None, None), (0.4, None), (None, 0.2), (0.4, 0.2), (50.0, 50.0)]
"""None, those that bind on the numbers drawn here, and those that never do."""
NAMES = ("gates", "h", "c", "weight_hh", "projection")

Arguments = tuple[Tensor, Tensor, Tensor, Tensor, Tensor | None]


def draw(steps: int = 6, batch: int = 3, projected: bool = True, dtype: torch.dtype = torch.float64) -> Arguments:
    """What ``Recurrence`` takes before the clips, all learning, large enough to leave the gates' linear part."""
    generator = torch.Generator().manual_seed(steps)
    dim = 4 if projected else CELL
    shapes = [(steps, batch, 4 * CELL), (batch, dim), (batch, CELL), (4 * CELL, dim), (dim, CELL)]
    drawn = [
        torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype).requires_grad_() for shape in shapes
    ]
    gates, h, c, weight_hh, projection = drawn
    return gates, h, c, weight_hh, projection if projected else None


def recurrence(*arguments: Any, batch_sizes: Sequence[int] | None = None) -> tuple[Tensor, Tensor, Tensor]:
    """The operation under test; rows end where ``batch_sizes`` says so."""
    return Recurrence.apply(*arguments, batch_sizes)  # type: ignore[no-any-return, no-untyped-call]


def plain(
    gates: Tensor,
    h: Tensor,
    c: Tensor,
    weight_hh: Tensor,
    projection: Tensor | None,
    cell_clip: float | None,
    projection_clip: float | None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Step by step, left to autograd."""
    outputs = []
    for products in gates:
        i, f, g, o = (products + h @ weight_hh.T).split(CELL, dim=1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        c = c if cell_clip is None else c.clamp(-cell_clip, cell_clip)
        h = torch.sigmoid(o) * torch.tanh(c)
        h = h if projection is None else h @ projection.T
        h = h if projection_clip is None else h.clamp(-projection_clip, projection_clip)
        outputs.append(h)
    return torch.stack(outputs) if outputs else gates.new_empty(0, *h.shape), h, c


def weighted(results: tuple[Tensor, ...], which: tuple[bool, ...] = (True, True, True)) -> Tensor:
    """A scalar that every number of the chosen results enters with a factor of its own."""
    generator = torch.Generator().manual_seed(7)
    total = torch.zeros((), dtype=torch.float64)
    for result, chosen in zip(results, which, strict=True):
        factors = torch.randn(result.shape, generator=generator, dtype=torch.float64)
        if chosen:
            total = total + (result.double() * factors).sum() + result.double().square().sum()
    return total


def gradients(function: Any, arguments: Arguments, clips: tuple[Any, Any], **options: Any) -> list[Tensor | None]:
    learned = [argument for argument in arguments if argument is not None and argument.requires_grad]
    loss = weighted(function(*arguments, *clips), **options)
    return list(torch.autograd.grad(loss, learned, allow_unused=True))


def assert_same(found: list[Tensor | None], expected: list[Tensor | None], **tolerance: float) -> None:
    """No gradient and a zero gradient are the same."""
    for ours, theirs in zip(found, expected, strict=True):
        shape_of = ours if ours is not None else theirs
        if shape_of is not None:
            zero = torch.zeros_like(shape_of)
            torch.testing.assert_close(zero if ours is None else ours, zero if theirs is None else theirs, **tolerance)


# Against autograd


@pytest.mark.parametrize("clips", CLIPS)
@pytest.mark.parametrize("projected", [True, False])
@pytest.mark.parametrize(("steps", "batch"), [(6, 3), (1, 3), (0, 3), (6, 1), (2, 0)])
def test_results_and_gradients_of_plain_steps(clips: tuple[Any, Any], projected: bool, steps: int, batch: int) -> None:
    arguments = draw(steps, batch, projected)
    for found, expected in zip(recurrence(*arguments, *clips), plain(*arguments, *clips), strict=True):
        assert found.requires_grad
        torch.testing.assert_close(found, expected)
    assert_same(gradients(recurrence, arguments, clips), gradients(plain, arguments, clips))


def test_the_clips_bind_and_pass_elsewhere() -> None:
    """Else the tests above and below would not see what a clip does to a gradient."""
    arguments = draw()
    free, _, cell = plain(*arguments, None, None)
    assert free.abs().max() > 0.4 and cell.abs().max() > 0.4
    bounded, _, cell = plain(*arguments, 0.4, 0.2)
    for values, bound in ((bounded, 0.2), (cell, 0.4)):
        stopped = (values.abs() == bound).double().mean()
        assert 0.1 < stopped < 0.9
    free, loose = (gradients(plain, arguments, clips) for clips in (CLIPS[0], CLIPS[-1]))
    assert_same(free, loose)
    tight = gradients(plain, arguments, (0.4, 0.2))
    assert all(not torch.allclose(a, b) for a, b in zip(free, tight, strict=True))  # type: ignore[arg-type]


@given(
    st.integers(0, 5),
    st.integers(1, 4),
    st.booleans(),
    st.none() | st.floats(0.01, 2),
    st.none() | st.floats(0.01, 2),
)
@settings(max_examples=40, deadline=None)
def test_gradients_of_any_size_and_clip(
    steps: int, batch: int, projected: bool, cell_clip: float | None, projection_clip: float | None
) -> None:
    arguments, clips = draw(steps, batch, projected), (cell_clip, projection_clip)
    assert_same(gradients(recurrence, arguments, clips), gradients(plain, arguments, clips))


@pytest.mark.parametrize("clips", CLIPS)
@pytest.mark.parametrize("projected", [True, False])
@pytest.mark.parametrize("steps", [0, 1, 3])
def test_gradients_by_finite_differences(clips: tuple[Any, Any], projected: bool, steps: int) -> None:
    arguments = [argument for argument in draw(steps, 2, projected) if argument is not None]

    def function(*tensors: Tensor) -> Any:
        return recurrence(*tensors, *([] if projected else [None]), *clips)

    assert torch.autograd.gradcheck(function, arguments)


@pytest.mark.parametrize(
    ("which", "steps"),
    [((True, False, False), 4), ((False, True, False), 4), ((False, False, True), 4)]
    + [((False, True, False), 0), ((False, False, True), 0)],
)
def test_gradient_of_each_result_alone(which: tuple[bool, ...], steps: int) -> None:
    arguments = draw(steps)
    found, expected = (gradients(each, arguments, (0.4, 0.2), which=which) for each in (recurrence, plain))
    assert_same(found, expected)


@pytest.mark.parametrize("learning", [set(pair) for n in (1, 2) for pair in itertools.combinations(NAMES, n)])
def test_gradients_of_a_part_of_the_arguments(learning: set[str]) -> None:
    """A frozen engine under a learning token layer, a learning projection alone, a state that learns."""
    arguments = draw()
    for name, argument in zip(NAMES, arguments, strict=True):
        assert argument is not None
        argument.requires_grad_(name in learning)
    found = gradients(recurrence, arguments, (0.4, 0.2))
    assert len(found) == len(learning)
    assert_same(found, gradients(plain, arguments, (0.4, 0.2)))


def test_single_precision_is_near() -> None:
    arguments = draw(steps=12, dtype=torch.float32)
    exact: Any = [argument.detach().double().requires_grad_() for argument in arguments if argument is not None]
    found = gradients(recurrence, arguments, (0.4, 0.2))
    expected = [gradient.float() for gradient in gradients(plain, exact, (0.4, 0.2)) if gradient is not None]
    assert_same(found, expected, rtol=1e-4, atol=1e-5)


def test_state_may_be_wider_than_the_products() -> None:
    """Under autocast: products in bfloat16, the cell and the weights in float32."""
    gates, h, c, weight_hh, projection = draw(dtype=torch.float32)
    assert projection is not None
    narrow = gates.detach().bfloat16().requires_grad_()
    arguments = narrow, h, c, weight_hh, projection
    outputs, last_h, last_c = recurrence(*arguments, 0.4, 0.2)
    assert (outputs.dtype, last_h.dtype, last_c.dtype) == (torch.bfloat16, torch.float32, torch.float32)
    found = gradients(recurrence, arguments, (0.4, 0.2))
    assert [gradient.dtype for gradient in found if gradient is not None] == [a.dtype for a in arguments]
    # h, c and the weights get float32 gradients whose direction is that of exact arithmetic
    exact: Any = [argument.detach().double().requires_grad_() for argument in arguments]
    for rounded, wanted in zip(found, gradients(plain, exact, (0.4, 0.2)), strict=True):
        assert rounded is not None and wanted is not None
        similarity = torch.cosine_similarity(rounded.double().flatten(), wanted.flatten(), dim=0)
        assert similarity > 0.98


# Rows that end


def row_by_row(*arguments: Any, lengths: Sequence[int]) -> tuple[Tensor, Tensor, Tensor]:
    """Every row by itself as far as it goes, with zeros behind."""
    gates, h, c, *rest = arguments
    rows = []
    for b, length in enumerate(lengths):
        row = slice(b, b + 1)
        outputs, last_h, last_c = plain(gates[:length, row], h[row], c[row], *rest)
        behind = outputs.new_zeros(len(gates) - length, *outputs.shape[1:])
        rows.append((torch.cat([outputs, behind]), last_h, last_c))
    outputs, last_h, last_c = zip(*rows, strict=True)
    return torch.cat(outputs, dim=1), torch.cat(last_h), torch.cat(last_c)


def counts_of(lengths: Sequence[int], steps: int) -> list[int]:
    return [sum(length > t for length in lengths) for t in range(steps)]


@given(
    st.integers(0, 5).flatmap(
        lambda steps: st.tuples(st.just(steps), st.lists(st.integers(0, steps), min_size=1, max_size=5))
    ),
    st.booleans(),
    st.sampled_from(CLIPS),
)
@settings(max_examples=60, deadline=None)
def test_rows_that_end_equal_each_row_alone(
    steps_and_lengths: tuple[int, list[int]], projected: bool, clips: tuple[Any, Any]
) -> None:
    steps, lengths = steps_and_lengths
    lengths.sort(reverse=True)
    arguments = draw(steps, len(lengths), projected)
    counts = counts_of(lengths, steps)
    ours, theirs = functools.partial(recurrence, batch_sizes=counts), functools.partial(row_by_row, lengths=lengths)
    for found, expected in zip(ours(*arguments, *clips), theirs(*arguments, *clips), strict=True):
        torch.testing.assert_close(found, expected)
    assert_same(gradients(ours, arguments, clips), gradients(theirs, arguments, clips))


def test_nothing_behind_a_row_s_end_counts() -> None:
    lengths = [6, 4, 0]
    arguments = draw()
    ours = functools.partial(recurrence, batch_sizes=counts_of(lengths, 6))
    expected = ours(*arguments, 0.4, 0.2), gradients(ours, arguments, (0.4, 0.2))
    with torch.no_grad():
        for b, length in enumerate(lengths):
            arguments[0][length:, b] = 1e6
    found = ours(*arguments, 0.4, 0.2), gradients(ours, arguments, (0.4, 0.2))
    for ours_now, before in zip(itertools.chain(*found), itertools.chain(*expected), strict=True):
        assert ours_now is not None and before is not None and torch.equal(ours_now, before)


# What a graph asks of an operation


def test_nothing_given_is_modified() -> None:
    arguments = draw()
    copies = [argument.detach().clone() for argument in arguments if argument is not None]
    gradients(recurrence, arguments, (0.4, 0.2))
    for argument, copy in zip(arguments, copies, strict=True):
        assert argument is not None and torch.equal(argument, copy)
        assert argument._version == 0


def test_gradients_given_are_not_modified() -> None:
    """The same tensor may come in as the gradient of another operation's result."""
    results = recurrence(*draw(), 0.4, 0.2)
    given_gradients = [torch.randn_like(result) for result in results]
    copies = [gradient.clone() for gradient in given_gradients]
    torch.autograd.backward(results, given_gradients)
    assert all(torch.equal(gradient, copy) for gradient, copy in zip(given_gradients, copies, strict=True))


def test_backward_twice_over_one_graph() -> None:
    arguments = draw()
    learned = [argument for argument in arguments if argument is not None]
    loss = weighted(recurrence(*arguments, 0.4, 0.2))
    first = torch.autograd.grad(loss, learned, retain_graph=True)
    again = torch.autograd.grad(loss, learned)
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))


def test_no_second_derivative_rather_than_a_wrong_one() -> None:
    arguments = draw()
    loss = weighted(recurrence(*arguments, None, None))
    (first,) = torch.autograd.grad(loss, [arguments[0]], create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        first.sum().backward()  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("place", [3, 4])
def test_a_weight_changed_before_backward_is_an_error(place: int) -> None:
    arguments = draw()
    loss = weighted(recurrence(*arguments, None, None))
    with torch.no_grad():
        arguments[place].add_(1)  # type: ignore[union-attr]
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()  # type: ignore[no-untyped-call]


def test_last_state_is_its_own_memory() -> None:
    """The state goes on to the next window; a view would hold on to all outputs of this one."""
    outputs, h, c = recurrence(*draw(), 0.4, 0.2)
    assert torch.equal(h, outputs[-1])
    for state in (h, c):
        assert state.untyped_storage().nbytes() == state.numel() * state.element_size()


def test_state_handed_on_through_windows_carries_gradients() -> None:
    gates, h, c, *weights = draw(steps=6)
    whole = gradients(recurrence, (gates, h, c, *weights), (0.4, 0.2))  # type: ignore[arg-type]

    def in_windows(gates: Tensor, h: Tensor, c: Tensor, *rest: Any) -> tuple[Tensor, Tensor, Tensor]:
        parts = []
        for window in gates.split([2, 0, 1, 3]):
            outputs, h, c = recurrence(window, h, c, *rest)
            parts.append(outputs)
        return torch.cat(parts), h, c

    assert_same(gradients(in_windows, (gates, h, c, *weights), (0.4, 0.2)), whole)  # type: ignore[arg-type]


# The steps themselves


@torch.no_grad()
@pytest.mark.parametrize("clips", CLIPS)
@pytest.mark.parametrize("projected", [True, False])
def test_run_fills_what_it_says(clips: tuple[Any, Any], projected: bool) -> None:
    gates, h, c, weight_hh, projection = (a if a is None else a.detach() for a in draw(4, 3, projected))
    assert gates is not None and h is not None and c is not None and weight_hh is not None
    expected, _, _ = plain(gates, h, c, weight_hh, projection, *clips)
    products, before, cell = gates.clone(), h.clone(), c.clone()
    outputs, cells = torch.full((4, *h.shape), torch.nan).double(), torch.full((4, *c.shape), torch.nan).double()
    run(gates, h, cell, RunTimeWeights(weight_hh, projection, *clips), outputs, cells)
    torch.testing.assert_close(outputs, expected)
    assert torch.equal(outputs[-1], h) and torch.equal(cells[-1], cell)
    for t in range(4):  # the gates' values are left where their products were
        _, _, wanted_cell = plain(products[: t + 1], before, c, weight_hh, projection, *clips)
        torch.testing.assert_close(cells[t], wanted_cell)
        step = products[t] + (outputs[t - 1] if t else before) @ weight_hh.T
        step[:, : 2 * CELL], step[:, 3 * CELL :] = step[:, : 2 * CELL].sigmoid(), step[:, 3 * CELL :].sigmoid()
        step[:, 2 * CELL : 3 * CELL] = step[:, 2 * CELL : 3 * CELL].tanh()
        torch.testing.assert_close(gates[t], step)


@torch.no_grad()
def test_run_over_no_position() -> None:
    gates, h, c, weight_hh, projection = draw(steps=0)
    before = h.clone(), c.clone()
    run(gates, h, c, RunTimeWeights(weight_hh, projection, None, None), h.new_empty(0, *h.shape))
    assert torch.equal(h, before[0]) and torch.equal(c, before[1])


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
@pytest.mark.parametrize("bound", [0.05, 0.1, 0.3, 0.7, 1.0, 3.0, 1 / 3])
def test_no_gradient_passes_a_bound_that_rounds(dtype: torch.dtype, bound: float) -> None:
    """A narrow dtype's bound is not the number given: what the bound stopped must still be recognised."""
    values = clip_(torch.tensor([-9.0, -0.01, 0.0, 0.01, 9.0], dtype=dtype), bound)
    passed = pass_within(torch.ones(5, dtype=dtype), values, bound)
    assert passed.tolist() == [0, 1, 1, 1, 0]
    assert torch.equal(values, torch.tensor([-bound, -0.01, 0.0, 0.01, bound], dtype=dtype))


def test_no_bound_changes_nothing() -> None:
    values = torch.tensor([-9.0, 9.0])
    assert clip_(values.clone(), None).tolist() == values.tolist()
    assert pass_within(values, values, None) is values
