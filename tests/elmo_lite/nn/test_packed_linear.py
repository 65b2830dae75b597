"""Products with packed weights against torch's own, and every way in which a weight can change under a pack."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from elmo_lite.nn import packed_linear
from elmo_lite.nn.packed_linear import PackedLinear, PackedProduct, can_pack, needs_graph
from elmo_lite.nn.weight_snapshot import WeightSnapshot
from elmo_lite.pretraining.optimizers import make_optimizer

DTYPES = [torch.float32, torch.bfloat16]
ROWS = [0, 1, 2, 31, 33, 257]
IN, OUT = 7, 5

pytestmark = pytest.mark.filterwarnings("ignore:TF32 acceleration")  # said by mkldnn.flags
needs_packing = pytest.mark.skipif(not can_pack(torch.ones(1, 1)), reason="this torch packs no weights")


def draw(*shape: int, dtype: torch.dtype = torch.float32, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)).to(dtype)


def exact(inputs: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """The product of the numbers given, in double precision."""
    return F.linear(inputs.double(), weight.double(), None if bias is None else bias.double())


def assert_near(found: Tensor, expected: Tensor) -> None:
    """Within rounding: one unit in the last place of the result, and float32's in the sum."""
    assert found.shape == expected.shape
    rtol, atol = (1e-5, 1e-5) if found.dtype == torch.float32 else (2**-7, 1e-2)
    torch.testing.assert_close(found.double(), expected.double(), rtol=rtol, atol=atol)


# PackedProduct


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize("with_bias", [True, False])
def test_product_equals_linear(dtype: torch.dtype, rows: int, with_bias: bool) -> None:
    inputs, weight = draw(rows, IN, dtype=dtype), draw(OUT, IN, dtype=dtype, seed=1)
    bias = draw(OUT, dtype=dtype, seed=2) if with_bias else None
    found = PackedProduct(weight, bias)(inputs)
    assert found.dtype == dtype
    assert_near(found, exact(inputs, weight, bias))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("leading", [(), (3,), (2, 3), (2, 1, 4), (2, 0, 3), (0,)])
def test_product_keeps_leading_dimensions(dtype: torch.dtype, leading: tuple[int, ...]) -> None:
    inputs, weight, bias = draw(*leading, IN, dtype=dtype), draw(OUT, IN, dtype=dtype, seed=1), draw(OUT, dtype=dtype)
    found = PackedProduct(weight, bias)(inputs)
    assert found.shape == (*leading, OUT) and found.dtype == dtype
    assert_near(found, exact(inputs, weight, bias))


@given(st.integers(1, 40), st.integers(1, 70), st.integers(1, 70), st.sampled_from(DTYPES), st.booleans())
@settings(max_examples=60, deadline=None)
def test_product_of_any_shape(rows: int, width_in: int, width_out: int, dtype: torch.dtype, with_bias: bool) -> None:
    inputs, weight = draw(rows, width_in, dtype=dtype), draw(width_out, width_in, dtype=dtype, seed=1)
    bias = draw(width_out, dtype=dtype, seed=2) if with_bias else None
    assert_near(PackedProduct(weight, bias)(inputs), exact(inputs, weight, bias))


STRIDED: dict[str, Callable[[int, int], Tensor]] = {
    "transposed": lambda n, k: draw(k, n, seed=3).t(),
    "every second": lambda n, k: draw(2 * n, 2 * k, seed=3)[::2, ::2],
    "one row for all": lambda n, k: draw(1, k, seed=3).expand(n, k),
    "from the middle": lambda n, k: draw(n + 2, k + 3, seed=3)[1:-1, 2:-1],
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("of_weight", STRIDED)
@pytest.mark.parametrize("of_inputs", STRIDED)
def test_product_of_strided_tensors(dtype: torch.dtype, of_weight: str, of_inputs: str) -> None:
    """The backward pass packs transposed weights, and steps are slices of longer tensors."""
    weight, inputs = STRIDED[of_weight](OUT, IN).to(dtype), STRIDED[of_inputs](6, IN).to(dtype)
    assert_near(PackedProduct(weight)(inputs), exact(inputs, weight, None))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16])
def test_other_dtypes_get_a_plain_product(dtype: torch.dtype) -> None:
    inputs, weight, bias = draw(3, IN, dtype=dtype), draw(OUT, IN, dtype=dtype, seed=1), draw(OUT, dtype=dtype)
    product = PackedProduct(weight, bias)
    assert not product.packed
    assert torch.equal(product(inputs), F.linear(inputs, weight, bias))


def test_no_packing_without_onednn() -> None:
    inputs, weight, bias = draw(3, IN), draw(OUT, IN, seed=1), draw(OUT, seed=2)
    with torch.backends.mkldnn.flags(enabled=False):
        product = PackedProduct(weight, bias)
        assert not can_pack(weight) and not product.packed
        assert torch.equal(product(inputs), F.linear(inputs, weight, bias))


@needs_packing
def test_what_can_be_packed() -> None:
    assert can_pack(draw(OUT, IN)) and PackedProduct(draw(OUT, IN)).packed
    assert not can_pack(draw(OUT, IN).double())
    assert not can_pack(draw(0, IN)) and not can_pack(draw(OUT, 0))
    assert not can_pack(torch.empty(OUT, IN, device="meta"))


@needs_packing
@torch.no_grad()
def test_a_pack_is_a_copy() -> None:
    weight, inputs = draw(OUT, IN), draw(3, IN, seed=1)
    product, before = PackedProduct(weight), exact(inputs, weight, None)
    weight.zero_()
    assert_near(product(inputs), before)
    assert torch.equal(product(inputs[:0]), torch.empty(0, OUT))


@needs_packing
@pytest.mark.parametrize("leading", [(0,), (2, 0), (2, 0, 3)])
def test_no_rows_unpack_nothing(leading: tuple[int, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    product = PackedProduct(draw(OUT, IN, dtype=torch.bfloat16), draw(OUT, dtype=torch.bfloat16))
    monkeypatch.setattr(Tensor, "to_dense", None)
    found = product(draw(*leading, IN, dtype=torch.bfloat16))
    assert found.shape == (*leading, OUT) and found.dtype == torch.bfloat16


def test_product_records_nothing_of_its_weight() -> None:
    weight, bias = draw(OUT, IN).requires_grad_(), draw(OUT).requires_grad_()
    assert not PackedProduct(weight, bias)(draw(3, IN)).requires_grad


# WeightSnapshot


def test_snapshot_of_the_same_weights() -> None:
    weights = [draw(3, 3), draw(3, seed=1)]
    snapshot = WeightSnapshot(weights)
    assert snapshot.matches(weights) and snapshot.matches(tuple(weights))
    assert snapshot.matches([weight.requires_grad_() for weight in weights])
    weights[0].sum().backward()
    assert snapshot.matches(weights)
    assert WeightSnapshot().matches([]) and not WeightSnapshot().matches(weights)


OTHER_WEIGHTS: dict[str, Callable[[Tensor, Tensor], list[Tensor]]] = {
    "first changed in place": lambda a, b: [a.add_(1), b],
    "last changed in place": lambda a, b: [a, b.zero_()],
    "changed through a view": lambda a, b: [a, b] if a[0].mul_(2) is not None else [],
    "equal copy": lambda a, b: [a.clone(), b],
    "order": lambda a, b: [b, a],
    "one fewer": lambda a, b: [a],
    "one more": lambda a, b: [a, b, b],
    "dtype": lambda a, b: [a.double(), b],
    "same memory read as other numbers": lambda a, b: [a.view(torch.int32), b],
    "same memory transposed": lambda a, b: [a.t(), b],
    "same memory, fewer rows": lambda a, b: [a[:2], b],
    "device": lambda a, b: [a.to("meta"), b],
}


@pytest.mark.parametrize("change", OTHER_WEIGHTS)
def test_snapshot_of_other_weights(change: str) -> None:
    weights = draw(3, 3), draw(3, 3, seed=1)
    snapshot = WeightSnapshot(weights)
    assert not snapshot.matches(OTHER_WEIGHTS[change](*weights))


def test_snapshot_notices_changes_under_inference_mode() -> None:
    weight = draw(3, 3)
    with torch.inference_mode():
        snapshot = WeightSnapshot([weight])
        assert snapshot.matches([weight])
        weight.add_(1)
        assert not snapshot.matches([weight])
        made_there = draw(3, 3)
        assert WeightSnapshot([made_there]).matches([made_there])


def test_no_later_weight_takes_the_place_of_a_remembered_one() -> None:
    """An allocator hands freed memory out again at once: an address alone tells nothing."""
    weight = draw(64, 64)
    snapshot = WeightSnapshot([weight])
    del weight
    assert not any(snapshot.matches([draw(64, 64, seed=seed)]) for seed in range(10))


def test_optimisers_are_watched_from_the_first_snapshot_on() -> None:
    """Importing and building a model changes nothing for other people's optimisers; one hook serves all snapshots."""
    code = """
import threading
import torch
from torch.optim.optimizer import _global_optimizer_post_hooks as hooks
from elmo_lite import BiLM, BiLMConfig, CharCNNConfig
from elmo_lite.nn.weight_snapshot import WeightSnapshot

BiLM(BiLMConfig(char_cnn=CharCNNConfig(filters=((1, 4),)), dim=4, lstm_dim=6))
WeightSnapshot()
print(len(hooks))
weight = torch.nn.Parameter(torch.ones(2))
threads = [threading.Thread(target=WeightSnapshot, args=([weight],)) for _ in range(20)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(len(hooks))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["0", "1"]


# PackedLinear


class Counter(PackedProduct):
    """Counts how often a weight is laid out."""

    made = 0

    def __init__(self, *arguments: Any) -> None:
        type(self).made += 1
        super().__init__(*arguments)


@pytest.fixture
def counter(monkeypatch: pytest.MonkeyPatch) -> type[Counter]:
    monkeypatch.setattr(packed_linear, "PackedProduct", Counter)
    monkeypatch.setattr(Counter, "made", 0)
    return Counter


def make(seed: int = 0, dim: int = IN) -> PackedLinear:
    torch.manual_seed(seed)
    return PackedLinear(dim, dim)


@torch.no_grad()
def check(layer: PackedLinear, inputs: Tensor) -> Tensor:
    """Its product without a graph is that of the weights it has now."""
    found: Tensor = layer(inputs)
    assert not found.requires_grad and found.dtype == layer.weight.dtype
    assert_near(found, exact(inputs, layer.weight, layer.bias))
    return found


def replace_weight(layer: PackedLinear) -> None:
    layer.weight = nn.Parameter(draw(IN, IN, seed=5))


def transpose_weight(layer: PackedLinear) -> None:
    layer.weight = nn.Parameter(layer.weight.detach().t())


def step(layer: PackedLinear, optimizer: torch.optim.Optimizer) -> None:
    layer(draw(4, IN, seed=6)).square().sum().backward()
    optimizer.step()


def pretraining_optimizer(layer: PackedLinear, name: str) -> torch.optim.Optimizer:
    rates = {"learning_rate": 0.1, "table_learning_rate": 0.1}
    table = [nn.Parameter(torch.zeros(1))]
    return make_optimizer(layer, table, name=name, weight_decay=0.0, betas=(0.9, 0.999), **rates)


@torch.no_grad()
def fill(layer: PackedLinear) -> None:
    layer.weight.fill_(0.25)


@torch.no_grad()
def change_bias(layer: PackedLinear) -> None:
    layer.bias += 1


@torch.no_grad()
def change_one_element(layer: PackedLinear) -> None:
    layer.weight[2, 3] += 1


@torch.inference_mode()
def change_under_inference_mode(layer: PackedLinear) -> None:
    layer.weight.mul_(-1)


def there_and_back(layer: PackedLinear) -> None:
    with torch.no_grad():
        layer.bfloat16()(draw(2, IN, dtype=torch.bfloat16))
    layer.float().weight.detach().neg_()


def write_data(layer: PackedLinear) -> None:
    layer.weight.data.mul_(-1)
    layer.clear_packed()


CHANGES: dict[str, Callable[[PackedLinear], Any]] = {
    "in place": fill,
    "bias in place": change_bias,
    "one element": change_one_element,
    "under inference mode": change_under_inference_mode,
    "initialised again": lambda layer: layer.reset_parameters(),
    "state dict": lambda layer: layer.load_state_dict(make(seed=1).state_dict()),
    "state dict, assigned": lambda layer: layer.load_state_dict(make(seed=1).state_dict(), assign=True),
    "replaced": replace_weight,
    "transposed": transpose_weight,
    "data replaced": lambda layer: nn.utils.vector_to_parameters(draw(IN * IN + IN, seed=5), layer.parameters()),
    "data written and said so": write_data,
    "SGD": lambda layer: step(layer, torch.optim.SGD(layer.parameters(), 0.1)),
    "Adam": lambda layer: step(layer, torch.optim.Adam(layer.parameters(), 0.1)),
    "fused Adam": lambda layer: step(layer, torch.optim.Adam(layer.parameters(), 0.1, fused=True)),
    "fused SGD": lambda layer: step(layer, torch.optim.SGD(layer.parameters(), 0.1, fused=True)),
    "pretraining's AdamW": lambda layer: step(layer, pretraining_optimizer(layer, "adamw")),
    "pretraining's Muon": lambda layer: step(layer, pretraining_optimizer(layer, "muon")),
    "to another dtype and back": there_and_back,
}


@pytest.mark.parametrize("change", CHANGES)
def test_packed_again_after_a_change(change: str) -> None:
    layer, inputs = make(), draw(4, IN, seed=2)
    before = check(layer, inputs)
    CHANGES[change](layer)
    after = check(layer, inputs)
    assert not torch.isclose(after, before).all()
    CHANGES[change](layer)
    check(layer, inputs)


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_seen_by_the_recorded_path_first(change: str) -> None:
    layer, inputs = make(), draw(4, IN, seed=2)
    check(layer, inputs)
    CHANGES[change](layer)
    recorded = layer(inputs)
    assert recorded.requires_grad
    assert_near(recorded.detach(), check(layer, inputs).double())


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64, torch.float16])
def test_to_another_dtype(dtype: torch.dtype) -> None:
    layer = make()
    check(layer, draw(4, IN))
    found = check(layer.to(dtype), draw(4, IN, dtype=dtype))
    assert found.dtype == dtype


def test_other_weights_for_one_call() -> None:
    layer, inputs = make(), draw(4, IN, seed=2)
    before, others = check(layer, inputs), dict(make(seed=1).state_dict())
    with torch.no_grad():
        assert_near(torch.func.functional_call(layer, others, (inputs,)), exact(inputs, *others.values()))
    assert torch.equal(check(layer, inputs), before)


@needs_packing
def test_packed_once_while_nothing_changes(counter: type[Counter]) -> None:
    layer = make()
    for rows in ROWS:
        check(layer, draw(rows, IN))
    with torch.inference_mode():
        layer(draw(2, IN))
    layer.requires_grad_(False)
    assert not layer(draw(2, IN)).requires_grad  # nothing to record, with or without no_grad
    layer.eval().train()
    check(layer, draw(2, IN))
    assert counter.made == 1
    fill(layer)
    assert counter.made == 1  # not before it is used
    check(layer, draw(2, IN))
    assert counter.made == 2


def test_training_packs_nothing(counter: type[Counter]) -> None:
    layer = make()
    layer(draw(4, IN)).sum().backward()
    layer.requires_grad_(False)(draw(4, IN).requires_grad_()).sum().backward()
    assert counter.made == 0


def test_nothing_packed_where_onednn_is_off(counter: type[Counter]) -> None:
    layer, inputs = make(), draw(4, IN)
    with torch.backends.mkldnn.flags(enabled=False), torch.no_grad():
        assert torch.equal(layer(inputs), F.linear(inputs, layer.weight, layer.bias))
    assert counter.made == 0
    check(layer, inputs)
    with torch.backends.mkldnn.flags(enabled=False):
        fill(layer)
        check(layer, inputs)


@pytest.mark.parametrize("leading", [(), (3,), (2, 3), (0,)])
@pytest.mark.parametrize("used_before", [True, False])
def test_gradients_are_those_of_linear(leading: tuple[int, ...], used_before: bool) -> None:
    layer, other = make(), nn.Linear(IN, IN)
    other.load_state_dict(layer.state_dict())
    if used_before:
        check(layer, draw(2, IN))
    inputs = [draw(*leading, IN, seed=3).requires_grad_() for _ in range(2)]
    for module, x in zip((layer, other), inputs, strict=True):
        module(x).sin().sum().backward()
    assert inputs[0].grad is not None and inputs[1].grad is not None
    assert torch.equal(inputs[0].grad, inputs[1].grad)
    for ours, theirs in zip(layer.parameters(), other.parameters(), strict=True):
        assert ours.grad is not None and theirs.grad is not None
        assert torch.equal(ours.grad, theirs.grad)


def test_gradient_passes_through_a_frozen_layer() -> None:
    layer = make().requires_grad_(False)
    check(layer, draw(2, IN))
    inputs = draw(2, IN).requires_grad_()
    layer(inputs).sum().backward()
    assert inputs.grad is not None
    assert_near(inputs.grad, layer.weight.sum(dim=0).expand(2, IN).double())


@torch.no_grad()
def test_autocast_decides_the_dtype_as_for_linear() -> None:
    layer, inputs = make(), draw(4, IN)
    check(layer, inputs)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = layer(inputs)
    assert found.dtype == torch.bfloat16
    assert_near(found, exact(inputs, layer.weight, layer.bias))


@pytest.mark.parametrize("how", [copy.deepcopy, lambda layer: pickle.loads(pickle.dumps(layer))])
@pytest.mark.parametrize("used_before", [True, False])
def test_copies_have_packs_of_their_own(how: Callable[[PackedLinear], PackedLinear], used_before: bool) -> None:
    layer, inputs = make(), draw(4, IN, seed=2)
    before = check(layer, inputs)
    other = how(layer if used_before else make())
    torch.testing.assert_close(check(other, inputs), before)
    fill(other)
    assert not torch.isclose(check(other, inputs), before).all()
    assert torch.equal(check(layer, inputs), before)


@needs_packing
def test_copies_do_not_carry_the_pack(counter: type[Counter]) -> None:
    layer = make(dim=64)
    empty = len(pickle.dumps(layer))
    check(layer, draw(2, 64))
    assert len(pickle.dumps(layer)) == empty
    check(copy.deepcopy(layer), draw(2, 64))
    assert counter.made == 2


def test_state_dict_is_that_of_linear() -> None:
    layer = make()
    check(layer, draw(2, IN))
    assert list(layer.state_dict()) == ["weight", "bias"]
    assert [name for name, _ in layer.named_buffers()] == []
    nn.Linear(IN, IN).load_state_dict(layer.state_dict())


def test_needs_graph() -> None:
    plain, learned = draw(2), draw(2).requires_grad_()
    assert needs_graph(plain, learned) and not needs_graph(plain) and not needs_graph()
    with torch.no_grad():
        assert not needs_graph(learned)
    with torch.inference_mode():
        assert not needs_graph(learned)
