"""One optimiser for dense and sparse weights: its state, clipping."""

from __future__ import annotations

import copy
import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR

from elmo_lite.pretraining.muon import Muon
from elmo_lite.pretraining.optimizers import (
    CombinedOptimizer,
    clip_gradients,
    make_optimizer,
    num_parameters,
)
from elmo_lite.pretraining.schedule import Schedule

NAMES = ["adamw", "muon"]


class Encoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(7, 4)
        self.linear = nn.Linear(4, 4)
        self.convolution = nn.Conv1d(4, 4, 1)
        self.frozen = nn.Parameter(torch.zeros(3), requires_grad=False)

    def forward(self, ids: Tensor) -> Tensor:
        return self.convolution(self.linear(self.embedding(ids))[..., None])[..., 0]  # type: ignore[no-any-return]


class Model(nn.Module):
    def __init__(self, sparse: bool = True) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.encoder = Encoder()
        self.table = nn.Embedding(11, 4, sparse=sparse)

    def loss(self, step: int) -> Tensor:
        generator = torch.Generator().manual_seed(step)
        states = self.encoder(torch.randint(7, (5,), generator=generator))
        rows = torch.randperm(11, generator=generator)[:5]
        return ((states - self.table(rows)) ** 2).sum()  # type: ignore[no-any-return]


def make(name: str, **changes: Any) -> tuple[Model, CombinedOptimizer, Any]:
    model = Model()
    settings: dict[str, Any] = {
        "name": name,
        "learning_rate": 0.01,
        "table_learning_rate": 0.03,
        "weight_decay": 0.1,
        "betas": (0.9, 0.99),
        **changes,
    }
    optimizer = make_optimizer(model.encoder, model.table.parameters(), **settings)
    return model, optimizer, LambdaLR(optimizer, Schedule(2, 20).factor)


def train(model: Model, optimizer: CombinedOptimizer, schedule: Any, steps: range) -> None:
    for step in steps:
        optimizer.zero_grad()
        model.loss(step).backward()
        optimizer.step()
        schedule.step()


def parameters(model: Model) -> list[Tensor]:
    return [parameter.detach().clone() for parameter in model.parameters()]


@pytest.mark.parametrize("name", NAMES)
def test_goes_on_bit_for_bit_from_its_state(name: str) -> None:
    model, optimizer, schedule = make(name)
    train(model, optimizer, schedule, range(4))
    kept = copy.deepcopy((model.state_dict(), optimizer.state_dict(), schedule.state_dict()))
    train(model, optimizer, schedule, range(4, 9))
    resumed, its_optimizer, its_schedule = make(name)
    resumed.load_state_dict(kept[0])
    its_schedule.load_state_dict(kept[2])
    its_optimizer.load_state_dict(kept[1])
    train(resumed, its_optimizer, its_schedule, range(4, 9))
    for found, expected in zip(parameters(resumed), parameters(model), strict=True):
        assert torch.equal(found, expected)


@pytest.mark.parametrize("name", NAMES)
def test_every_trained_weight_moves(name: str) -> None:
    model, optimizer, schedule = make(name)
    before = dict(zip(dict(model.named_parameters()), parameters(model), strict=True))
    train(model, optimizer, schedule, range(6))
    for key, value in model.named_parameters():
        assert torch.equal(value, before[key]) == (key == "encoder.frozen"), key


@pytest.mark.parametrize("name", NAMES)
def test_only_touched_rows_of_a_sparse_table_move(name: str) -> None:
    model, optimizer, schedule = make(name)
    before = model.table.weight.detach().clone()
    train(model, optimizer, schedule, range(1))
    touched = torch.randperm(11, generator=_after_ids(0))[:5]
    moved = (model.table.weight != before).any(dim=1).nonzero().flatten()
    assert moved.tolist() == sorted(touched.tolist())


def _after_ids(step: int) -> torch.Generator:
    generator = torch.Generator().manual_seed(step)
    torch.randint(7, (5,), generator=generator)
    return generator


def test_adamw_steps_as_torch_does() -> None:
    """One AdamW over the same groups of the encoder, and one SparseAdam, are the same."""
    model, optimizer, _ = make("adamw")
    for group in optimizer.param_groups:
        group["lr"] = group["initial_lr"]  # not yet lowered by warm-up
    twin = Model()
    encoder = twin.encoder
    groups: list[dict[str, Any]] = [
        {"params": [encoder.linear.weight], "weight_decay": 0.1},
        {"params": [encoder.embedding.weight, encoder.linear.bias, *encoder.convolution.parameters()]},
    ]
    of_table = torch.optim.SparseAdam(twin.table.parameters(), lr=0.03, betas=(0.9, 0.99))
    plain = torch.optim.AdamW(groups, lr=0.01, betas=(0.9, 0.99), weight_decay=0.0)
    for step in range(5):
        for one, stepping in ((model, [optimizer]), (twin, [plain, of_table])):
            one.zero_grad()
            one.loss(step).backward()
            for each in stepping:
                each.step()
    for found, expected in zip(model.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(found, expected)


def test_muon_takes_matrices_alone() -> None:
    model, optimizer, _ = make("muon")
    [muon] = [one for one in optimizer.optimizers if isinstance(one, Muon)]
    assert [p for group in muon.param_groups for p in group["params"]] == [model.encoder.linear.weight]
    everything = [p for one in optimizer.optimizers for group in one.param_groups for p in group["params"]]
    assert len(everything) == len({id(p) for p in everything}) == len(list(model.parameters())) - 1


def test_the_closure_runs_once() -> None:
    model, optimizer, _ = make("adamw")
    calls = []

    def closure() -> float:
        calls.append(torch.is_grad_enabled())
        optimizer.zero_grad()
        loss = model.loss(0)
        loss.backward()
        return loss.item()

    with torch.no_grad():
        loss = optimizer.step(closure)
    assert calls == [True] and loss == pytest.approx(Model().loss(0).item())


@pytest.mark.parametrize("name", NAMES)
def test_a_schedule_reaches_all_groups(name: str) -> None:
    _, optimizer, schedule = make(name)
    for step in range(20):
        rates = [group["lr"] for one in optimizer.optimizers for group in one.param_groups]
        assert rates[-1] == pytest.approx(3 * rates[0]) and rates[0] == pytest.approx(
            0.01 * Schedule(2, 20).factor(step)
        )
        optimizer.step()
        schedule.step()


def test_schedule_reaches_groups_after_loading() -> None:
    _, optimizer, schedule = make("adamw")
    optimizer.load_state_dict(optimizer.state_dict())
    for group in optimizer.param_groups:
        group["lr"] = 7.0
    assert all(group["lr"] == 7.0 for one in optimizer.optimizers for group in one.param_groups)
    assert schedule.optimizer is optimizer


# Clipping


def poisoned(sparse: bool, scale: float = 1.0) -> Model:
    model = Model(sparse)
    (scale * model.loss(0)).backward()
    if sparse:
        model.table.weight.grad = model.table.weight.grad.coalesce()  # type: ignore[union-attr]
    return model


def dense_gradients(model: Model) -> list[Tensor]:
    gradients = [parameter.grad for parameter in model.parameters() if parameter.grad is not None]
    return [gradient.to_dense() if gradient.is_sparse else gradient for gradient in gradients]


@pytest.mark.parametrize("scale", [1.0, 100.0, 1e-4])
def test_clipping_covers_dense_and_sparse(scale: float) -> None:
    model, dense = poisoned(True, scale), poisoned(False, scale)
    norm = clip_gradients(model.parameters(), 0.5)
    expected = nn.utils.clip_grad_norm_(dense.parameters(), 0.5)
    assert norm == pytest.approx(float(expected), rel=1e-6)
    assert model.table.weight.grad is not None and model.table.weight.grad.is_sparse
    for found, wanted in zip(dense_gradients(model), dense_gradients(dense), strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-7)
    if expected <= 0.5:
        for found, untouched in zip(dense_gradients(model), dense_gradients(poisoned(True, scale)), strict=True):
            assert torch.equal(found, untouched)


@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize("where", ["dense", "sparse"])
def test_a_gradient_that_is_not_finite_scales_nothing(value: float, where: str) -> None:
    model = poisoned(True, 100.0)
    gradient = model.encoder.linear.weight.grad if where == "dense" else model.table.weight.grad
    assert gradient is not None
    (gradient._values() if gradient.is_sparse else gradient)[0, 0] = value
    before = [found.clone() for found in dense_gradients(model)]
    assert not math.isfinite(clip_gradients(model.parameters(), 0.5))
    for found, untouched in zip(dense_gradients(model), before, strict=True):
        torch.testing.assert_close(found, untouched, rtol=0, atol=0, equal_nan=True)


def test_no_gradients() -> None:
    assert clip_gradients(Model().parameters(), 1.0) == 0


def test_num_parameters_counts_what_is_trained() -> None:
    model = Model()
    assert num_parameters(model) == 7 * 4 + 4 * 4 + 4 + 4 * 4 + 4 + 11 * 4
    assert num_parameters(model.encoder, model.table) == num_parameters(model)
