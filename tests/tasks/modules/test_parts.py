"""Linear maps of vectors in parts against the same map of the joined vectors."""

import math

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from tasks.modules.bilstm import BiLSTM
from tasks.modules.parts import Linear, linear, side_by_side

WIDTHS = [3, 1, 4]


def drawn(*shape: int) -> list[torch.Tensor]:
    torch.manual_seed(0)
    return [torch.randn(*shape, width, dtype=torch.double, requires_grad=True) for width in WIDTHS]


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", [(2,), (2, 5)])
def test_equals_the_map_of_the_joined_vectors(shape: tuple[int, ...], bias: bool) -> None:
    parts, reference = drawn(*shape), nn.Linear(sum(WIDTHS), 6, bias=bias).double()
    inputs = [*parts, *reference.parameters()]
    factors = torch.randn(*shape, 6, dtype=torch.double)
    expected, found = reference(torch.cat(parts, dim=-1)), linear(parts, reference.weight, reference.bias)
    torch.testing.assert_close(found, expected)
    gradients = [torch.autograd.grad((factors * outputs).sum(), inputs) for outputs in (found, expected)]
    torch.testing.assert_close(*gradients)


def test_a_module_has_the_weights_of_torch() -> None:
    model, reference = Linear(sum(WIDTHS), 6).double(), nn.Linear(sum(WIDTHS), 6).double()
    model.load_state_dict(reference.state_dict())
    parts = drawn(2, 5)
    torch.testing.assert_close(model(parts), reference(torch.cat(parts, dim=-1)))
    torch.testing.assert_close(model(parts[0].new_ones(2, 8)), reference(parts[0].new_ones(2, 8)))  # a tensor too


class Watch(TorchDispatchMode):
    """Collects the shapes of all results, those of several dimensions before the last as one."""

    def __init__(self) -> None:
        super().__init__()
        self.shapes: set[tuple[int, int]] = set()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        found = function(*args, **(kwargs or {}))
        if isinstance(found, torch.Tensor) and found.dim() > 1:
            self.shapes.add((math.prod(found.shape[:-1]), found.shape[-1]))
        return found


@pytest.mark.parametrize("head", ["linear", "bilstm"])
def test_no_gradient_is_computed_of_a_frozen_part(head: str) -> None:
    learned, frozen = torch.randn(1, 7, 3, requires_grad=True), torch.randn(1, 7, 5)
    model = BiLSTM(8, 2)
    mask = torch.ones(1, 7, dtype=torch.bool)
    outputs = Linear(8, 6)([learned, frozen]) if head == "linear" else model([learned, frozen], mask)
    with Watch() as watch:
        outputs.sum().backward()
    assert (7, 3) in watch.shapes
    assert not watch.shapes & {(7, 5), (7, 8)}


def test_parts_of_a_bilstm() -> None:
    model, parts = BiLSTM(sum(WIDTHS), 4).double(), drawn(2, 5)
    mask = torch.tensor([[True] * 5, [True] * 2 + [False] * 3])
    torch.testing.assert_close(model(parts, mask), model(side_by_side(parts), mask))
    torch.testing.assert_close(model._one_by_one(parts, mask), model._one_by_one(side_by_side(parts), mask))
