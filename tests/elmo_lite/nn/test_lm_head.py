"""The sampled softmax against the full one, against autograd of its plain formulation, and as an estimate."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from elmo_lite.errors import ConfigError
from elmo_lite.nn import sampled_softmax
from elmo_lite.nn.lm_head import LMHead
from elmo_lite.nn.sampled_softmax import GatherRows, expected_counts

DIM, CLASSES = 6, 20
COUNTS = torch.tensor([400, 35, 300, 150, 90, 60, 55, 40, 33, 21, 20, 14, 9, 6, 5, 4, 2, 1, 1, 0])
POWER = 0.75


def make(num_samples: int, classes: int = CLASSES, counts: Tensor = COUNTS) -> LMHead:
    torch.manual_seed(0)
    head = LMHead(classes, DIM)
    with torch.no_grad():
        head.weight.normal_()
        head.bias.normal_()
    head.prepare_sampling(counts, num_samples, POWER)
    return head


def draw(rows: int = 50, classes: int = CLASSES) -> tuple[Tensor, Tensor]:
    """States, and targets that come several times each."""
    generator = torch.Generator().manual_seed(1)
    states = torch.randn(rows, DIM, generator=generator)
    return states.requires_grad_(), torch.randint(classes, (rows,), generator=generator)


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def gradients(loss: Tensor, states: Tensor, head: LMHead) -> list[Tensor]:
    found = torch.autograd.grad(loss, [states, head.weight, head.bias])
    return [gradient.to_dense() if gradient.is_sparse else gradient for gradient in found]


def plain_loss(head: LMHead, states: Tensor, targets: Tensor, samples: Tensor) -> Tensor:
    """Row by row: the target's logit against the samples' corrected ones, the target itself left out of these."""
    log_counts = expected_counts(COUNTS, head.num_samples, POWER).log().float()
    total = states.new_zeros(())
    for state, target in zip(states, targets, strict=True):
        others = samples[samples != target]
        true = head.weight[target] @ state + head.bias[target]
        sampled = head.weight[others] @ state + head.bias[others] - log_counts[others]
        total = total + torch.logsumexp(torch.cat([true[None], sampled]), dim=0) - true
    return total


# Expected counts and draws


@given(
    st.lists(st.integers(0, 10**9), min_size=1, max_size=60),
    st.integers(1, 60),
    st.sampled_from([0.0, 0.5, 0.75, 1.0]),
)
@settings(max_examples=100, deadline=None)
def test_expected_counts(counts: list[int], num_samples: int, power: float) -> None:
    num_samples = min(num_samples, len(counts))
    expected = expected_counts(torch.tensor(counts), num_samples, power)
    assert expected.dtype == torch.float64 and expected.shape == (len(counts),)
    assert float(expected.sum()) == pytest.approx(num_samples, rel=1e-9)
    assert bool((expected > 0).all()) and bool((expected <= 1).all())
    weights = torch.tensor(counts).double().clamp(min=1) ** power
    below = expected < 1
    if below.any():  # what is not capped is proportional to the smoothed counts, and the capped weigh more
        scale = (expected / weights)[below]
        torch.testing.assert_close(scale, scale[:1].expand_as(scale))
        assert not (~below).any() or weights[~below].min() >= weights[below].max() * (1 - 1e-9)


def test_draws_come_as_often_as_expected() -> None:
    head = make(8)
    expected = expected_counts(COUNTS, 8, POWER)
    certain = (expected == 1).nonzero().flatten()
    assert 1 <= len(certain) < 8
    draws, generator = 20_000, seeded(2)
    seen = torch.zeros(CLASSES, dtype=torch.float64)
    squares = torch.zeros(CLASSES, dtype=torch.float64)
    for _ in range(draws):
        sample = head.sample(generator)
        times = torch.bincount(sample, minlength=CLASSES).double()
        seen += times
        squares += times**2
        assert len(sample) == 8
    mean = seen / draws
    assert torch.equal(mean[certain], torch.ones(len(certain), dtype=torch.float64))
    error = ((squares / draws - mean**2) / draws).sqrt()
    assert ((mean - expected).abs() <= 4.5 * error + 1e-12).all()


def test_a_sample_is_sorted_and_repeatable() -> None:
    head = make(8)
    sample = head.sample(seeded(3))
    assert torch.equal(sample, sample.sort().values)
    assert torch.equal(sample, head.sample(seeded(3)))
    assert any(not torch.equal(sample, head.sample(seeded(seed))) for seed in range(4, 8))
    torch.manual_seed(5)
    from_default = head.sample()
    torch.manual_seed(5)
    assert torch.equal(from_default, head.sample())


def test_all_classes_are_sampled_where_there_are_few() -> None:
    head = make(10_000)
    assert head.num_samples == CLASSES
    assert torch.equal(head.sample(), torch.arange(CLASSES))


def test_no_samples() -> None:
    with pytest.raises(ConfigError, match="head.num_samples: expected 1 or more, found 0"):
        make(0)


# The loss


def test_every_class_sampled_is_the_full_softmax() -> None:
    head = make(CLASSES)
    states, targets = draw()
    full = F.cross_entropy(F.linear(states, head.weight, head.bias), targets, reduction="sum")
    loss = head.sampled_loss(states, targets)
    torch.testing.assert_close(loss, full, rtol=1e-5, atol=1e-5)
    for found, expected in zip(gradients(3 * loss, states, head), gradients(3 * full, states, head), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("num_samples", [1, 4, 8, 15])
@pytest.mark.parametrize("seed", range(5))
def test_gradient_is_that_of_the_plain_formulation(num_samples: int, seed: int) -> None:
    head = make(num_samples)
    states, targets = draw()
    samples = head.sample(seeded(seed))
    expected = plain_loss(head, states, targets, samples)
    loss = head.sampled_loss(states, targets, seeded(seed))
    torch.testing.assert_close(loss, expected, rtol=1e-5, atol=1e-5)
    pairs = zip(gradients(loss, states, head), gradients(expected, states, head), strict=True)
    for found, wanted in pairs:
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)


def seed_of_a_class_drawn_twice(head: LMHead) -> tuple[int, int]:
    for seed in range(1000):
        times = torch.bincount(head.sample(seeded(seed)), minlength=CLASSES)
        if times.max() == 2:
            return seed, int(times.argmax())
    raise AssertionError("no class stands across two strata")


def test_a_class_drawn_in_two_strata() -> None:
    head = make(8)
    seed, twice = seed_of_a_class_drawn_twice(head)
    states, targets = draw()
    targets[:10] = twice  # as a target it leaves the sample twice over
    expected = plain_loss(head, states, targets, head.sample(seeded(seed)))
    loss = head.sampled_loss(states, targets, seeded(seed))
    torch.testing.assert_close(loss, expected, rtol=1e-5, atol=1e-5)
    pairs = zip(gradients(loss, states, head), gradients(expected, states, head), strict=True)
    for found, wanted in pairs:
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)


def test_partition_estimate_is_unbiased() -> None:
    """exp(loss + true logit) estimates the partition function, whatever the target: sampled always, often or rarely."""
    head = make(8)
    _, twice = seed_of_a_class_drawn_twice(head)
    expected = expected_counts(COUNTS, 8, POWER)
    targets = {"always": int(expected.argmax()), "twice at times": twice, "rarely": CLASSES - 1}
    assert 0 < expected[twice] < 1
    with torch.no_grad():
        head.weight.mul_(0.5)
        state = draw(1)[0].detach()
        logits = F.linear(state, head.weight, head.bias)[0]
        partition = float(logits.exp().sum())
        for name, target in targets.items():
            generator = seeded(4)
            estimates = torch.tensor(
                [
                    math.exp(float(head.sampled_loss(state, torch.tensor([target]), generator) + logits[target]))
                    for _ in range(2500)
                ]
            )
            error = float(estimates.std()) / math.sqrt(len(estimates))
            assert 0 < error < 0.02 * partition, name
            assert abs(float(estimates.mean()) - partition) < 4 * error, name


def test_sparse_gradient_is_the_dense_one(monkeypatch: pytest.MonkeyPatch) -> None:
    head = make(8)
    states, targets = draw()
    found = []
    for gather in (GatherRows.apply, torch.Tensor.__getitem__):
        monkeypatch.setattr("elmo_lite.nn.lm_head.GatherRows", SimpleNamespace(apply=gather))
        loss = head.sampled_loss(states, targets, seeded(6))
        found.append(torch.autograd.grad(loss, [states, head.weight, head.bias]))
    touched = torch.unique(torch.cat([targets, head.sample(seeded(6))]))
    for gradient, dense in zip(found[0][1:], found[1][1:], strict=True):
        assert gradient.is_sparse and gradient.is_coalesced() and not dense.is_sparse
        assert torch.equal(gradient.indices()[0], touched)
        torch.testing.assert_close(gradient.to_dense(), dense)
    torch.testing.assert_close(found[0][0], found[1][0])


def test_rows_of_other_targets_have_gradients_of_zero() -> None:
    """Several processes have the gradients of the same rows, whose sum is the gradient of one process."""
    head = make(8)
    states, targets = draw()
    whole = torch.autograd.grad(head.sampled_loss(states, targets, seeded(6)), [head.weight, head.bias])
    parts = [
        torch.autograd.grad(
            head.sampled_loss(states[rows], targets[rows], seeded(6), targets.unique()), [head.weight, head.bias]
        )
        for rows in (slice(0, 3), slice(3, None))
    ]
    for expected, *found in zip(whole, *parts, strict=True):
        assert all(torch.equal(part.indices(), expected.indices()) for part in found)
        torch.testing.assert_close(found[0].values() + found[1].values(), expected.values())


@pytest.mark.parametrize("target", [0, 7, CLASSES - 1])
def test_one_target_in_every_row(target: int) -> None:
    head = make(8)
    states, targets = draw()
    targets[:] = target
    loss = head.sampled_loss(states, targets, seeded(7))
    expected = plain_loss(head, states, targets, head.sample(seeded(7)))
    torch.testing.assert_close(loss, expected, rtol=1e-5, atol=1e-5)
    for found, wanted in zip(gradients(loss, states, head), gradients(expected, states, head), strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("rows", [1, 64, 200])
def test_chunks_change_nothing(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    head = make(8)
    states, targets = draw(rows)
    whole = head.sampled_loss(states, targets, seeded(8))
    whole_gradients = gradients(whole, states, head)
    monkeypatch.setattr(sampled_softmax, "CHUNK_NUMBERS", 1)
    loss = head.sampled_loss(states, targets, seeded(8))
    torch.testing.assert_close(loss, whole, rtol=1e-5, atol=1e-5)
    for found, wanted in zip(gradients(loss, states, head), whole_gradients, strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("num_samples", [8, CLASSES])
def test_bfloat16_is_near(num_samples: int) -> None:
    head = make(num_samples)
    states, targets = draw(200)
    exact = head.sampled_loss(states, targets, seeded(9))
    narrow = states.detach().bfloat16().requires_grad_()
    loss = head.sampled_loss(narrow, targets, seeded(9))
    assert loss.dtype == torch.float32 and loss.item() == pytest.approx(exact.item(), rel=0.01)
    for found, wanted in zip(gradients(loss, narrow, head), gradients(exact, states, head), strict=True):
        assert float((found.float() - wanted).norm() / wanted.norm()) < 0.02


def test_large_logits_stay_finite() -> None:
    head = make(8)
    states, targets = draw()
    for sign in (1, -1):
        extreme = (sign * 1e3 * states).detach().requires_grad_()
        loss = head.sampled_loss(extreme, targets, seeded(10))
        assert loss.isfinite() and all(gradient.isfinite().all() for gradient in gradients(loss, extreme, head))


def test_chunks_are_larger_on_a_gpu() -> None:
    counts = {name: len(list(sampled_softmax.row_chunks(8192, 2049, torch.device(name)))) for name in ("cpu", "cuda")}
    assert counts == {"cpu": 5, "cuda": 1}


# The full softmax


@pytest.mark.parametrize("chunk_numbers", [1, 2**21])
def test_log_probabilities(chunk_numbers: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampled_softmax, "CHUNK_NUMBERS", chunk_numbers)
    head = make(8)
    states, targets = draw(150)
    with torch.no_grad():
        found = head.log_probabilities(states, targets)
        expected = F.linear(states, head.weight, head.bias).log_softmax(dim=1)[torch.arange(150), targets]
        assert found.dtype == torch.float32 and found.shape == (150,)
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
        of_all = head.log_probabilities(states[:1].expand(CLASSES, -1), torch.arange(CLASSES))
        assert float(of_all.exp().sum()) == pytest.approx(1, abs=1e-5)
        narrow = head.log_probabilities(states.bfloat16(), targets)
        assert narrow.dtype == torch.float32
        torch.testing.assert_close(narrow, expected, rtol=0.05, atol=0.1)
        assert head.log_probabilities(states[:0], targets[:0]).shape == (0,)


def test_biases_start_at_the_unigram_distribution() -> None:
    head = make(8)
    head.start_from_counts(COUNTS)
    shares = COUNTS.double().clamp(min=0.5)
    shares /= shares.sum()
    with torch.no_grad():
        found = head.log_probabilities(torch.zeros(CLASSES, DIM), torch.arange(CLASSES))
    torch.testing.assert_close(found.double().exp(), shares, rtol=1e-5, atol=1e-7)


def test_a_saved_head_holds_weight_and_bias_alone() -> None:
    head = make(8)
    assert set(head.state_dict()) == {"weight", "bias"}
    assert head.num_classes == CLASSES and head.weight.shape == (CLASSES, DIM) and head.bias.shape == (CLASSES,)
