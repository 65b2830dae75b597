"""The CRF against an enumeration of all sequences."""

import dataclasses
import itertools
import math

import pytest
import torch
from torch import Tensor

from tasks.tagging import recursions as module
from tasks.tagging.crf import LinearChainCRF
from tasks.tagging.tags import bioes_labels, legal_bioes

LENGTHS = (4, 1, 3)
Path = tuple[int, ...]


def everything_allowed(labels: int) -> LinearChainCRF:
    return LinearChainCRF([True] * labels, [[True] * labels] * labels, [True] * labels)


def bioes() -> LinearChainCRF:
    legal = legal_bioes(bioes_labels(["X"]))
    return LinearChainCRF(legal.first, legal.follow, legal.last)


CRFS = {"free": lambda: everything_allowed(3), "bioes": bioes}


@pytest.fixture(params=sorted(CRFS))
def crf(request: pytest.FixtureRequest) -> LinearChainCRF:
    made = CRFS[request.param]().double()
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter)
    return made


@pytest.fixture
def emissions(crf: LinearChainCRF) -> Tensor:
    return torch.randn(len(LENGTHS), max(LENGTHS), crf.num_labels, dtype=torch.float64)


MASK = torch.arange(max(LENGTHS)) < torch.tensor(LENGTHS)[:, None]


@torch.no_grad()
def score(crf: LinearChainCRF, emissions: Tensor, path: Path) -> float:
    """s(y) by its definition, one sentence's emissions (T, N)."""
    if crf.forbidden_first[path[0]] or crf.forbidden_last[path[-1]]:
        return -math.inf
    total = float(crf.first[path[0]] + crf.last[path[-1]])
    total += sum(float(emissions[t, label]) for t, label in enumerate(path))
    for i, j in itertools.pairwise(path):
        total += -math.inf if crf.forbidden_follow[i, j] else float(crf.follow[i, j])
    return total


def weights(crf: LinearChainCRF, emissions: Tensor, length: int) -> dict[Path, float]:
    """Probability of every sequence of a sentence, by enumeration."""
    paths = itertools.product(range(crf.num_labels), repeat=length)
    found = {path: math.exp(score(crf, emissions, path)) for path in paths}
    total = sum(found.values())
    return {path: weight / total for path, weight in found.items()}


def test_log_likelihood(crf: LinearChainCRF, emissions: Tensor) -> None:
    by_path = [weights(crf, e, n) for e, n in zip(emissions, LENGTHS, strict=True)]
    # The most and the least probable legal sequence of each sentence.
    for pick in (max, min):
        paths = [pick((p for p in known if known[p] > 0), key=known.__getitem__) for known in by_path]
        targets = torch.zeros(MASK.shape, dtype=torch.long)
        for row, path in enumerate(paths):
            targets[row, : len(path)] = torch.tensor(path)
        expected = torch.tensor([math.log(k[p]) for k, p in zip(by_path, paths, strict=True)], dtype=torch.float64)
        torch.testing.assert_close(crf.log_likelihood(emissions, targets, MASK), expected)


def test_probabilities_sum_to_one(crf: LinearChainCRF, emissions: Tensor) -> None:
    paths = torch.tensor(list(itertools.product(range(crf.num_labels), repeat=3)))
    mask = torch.ones(paths.shape, dtype=torch.bool)
    likelihood = crf.log_likelihood(emissions[:1, :3].expand(len(paths), -1, -1), paths, mask)
    assert likelihood.exp().sum().item() == pytest.approx(1.0)


def test_decoding(crf: LinearChainCRF, emissions: Tensor) -> None:
    decoded = crf.decode(emissions, MASK)
    for row, length in enumerate(LENGTHS):
        known = weights(crf, emissions[row], length)
        assert tuple(decoded[row]) == max(known, key=known.__getitem__)


def test_marginals(crf: LinearChainCRF, emissions: Tensor) -> None:
    found = crf.marginals(emissions, MASK)
    labels = found.labels()
    for row, length in enumerate(LENGTHS):
        known = weights(crf, emissions[row], length)
        for t in range(length):
            for label in range(crf.num_labels):
                expected = sum(weight for path, weight in known.items() if path[t] == label)
                assert float(labels[row, t, label]) == pytest.approx(expected, abs=1e-12)


def test_segments_of_several_sentences_and_lengths(crf: LinearChainCRF, emissions: Tensor) -> None:
    found = crf.marginals(emissions, MASK)
    paths = crf.decode(emissions, MASK)
    segments = [
        (row, start, path[start:stop])
        for row, path in enumerate(paths)
        for start, stop in itertools.combinations(range(len(path) + 1), 2)
    ]
    assert len({len(labels) for _, _, labels in segments}) > 1
    alone = [found.segments([segment])[0] for segment in segments]
    assert found.segments(segments) == pytest.approx(alone, abs=1e-12)
    assert found.segments([]) == []


def test_rounding_gives_no_probability_above_1(crf: LinearChainCRF, emissions: Tensor) -> None:
    found = crf.marginals(emissions, MASK)
    rounded = dataclasses.replace(found, log_z=found.log_z - 100)
    path = crf.decode(emissions, MASK)[0]
    assert rounded.segments([(0, 0, path)]) == [1.0]


def test_probability_of_a_segment(crf: LinearChainCRF, emissions: Tensor) -> None:
    found = crf.marginals(emissions, MASK)
    for row, length in enumerate(LENGTHS):
        known = weights(crf, emissions[row], length)
        for start, stop in itertools.combinations(range(length + 1), 2):
            parts = list(itertools.product(range(crf.num_labels), repeat=stop - start))
            expected = [sum(weight for path, weight in known.items() if path[start:stop] == part) for part in parts]
            assert found.segments([(row, start, part) for part in parts]) == pytest.approx(expected, abs=1e-12)


def test_gradients(crf: LinearChainCRF, emissions: Tensor) -> None:
    targets = torch.tensor([path + [0] * (4 - len(path)) for path in crf.decode(torch.randn_like(emissions), MASK)])
    emissions.requires_grad_()
    parameters = list(crf.parameters())

    def loss(emissions: Tensor, *_: Tensor) -> Tensor:
        return crf.log_likelihood(emissions, targets, MASK)

    assert torch.autograd.gradcheck(loss, (emissions, *parameters))


def test_constraints_hold_whatever_the_scores_are() -> None:
    crf = bioes()
    emissions = 50 * torch.randn(64, 7, crf.num_labels)
    mask = torch.ones(64, 7, dtype=torch.bool)
    for path in crf.decode(emissions, mask):
        assert not crf.forbidden_first[path[0]] and not crf.forbidden_last[path[-1]]
        assert not any(crf.forbidden_follow[i, j] for i, j in itertools.pairwise(path))


@pytest.mark.parametrize("scale", [1.0, 1e4])
def test_padding_and_neighbours_change_nothing(crf: LinearChainCRF, scale: float) -> None:
    crf = crf.float()
    emissions = torch.randn(len(LENGTHS), max(LENGTHS), crf.num_labels)
    padded = torch.where(MASK[..., None], emissions, scale * torch.randn_like(emissions)).requires_grad_()
    decoded = crf.decode(padded, MASK)
    targets = torch.tensor([path + [2] * (4 - len(path)) for path in decoded])
    likelihood = crf.log_likelihood(padded, targets, MASK)
    likelihood.sum().backward()
    gradient = padded.grad
    assert gradient is not None and not gradient[~MASK].any()
    together = [p.grad.clone() for p in crf.parameters() if p.grad is not None]
    crf.zero_grad()
    for row, length in enumerate(LENGTHS):
        mask = torch.ones(1, length, dtype=torch.bool)
        alone = emissions[row : row + 1, :length].clone().requires_grad_()
        assert crf.decode(alone, mask) == [decoded[row]]
        single = crf.log_likelihood(alone, targets[row : row + 1, :length], mask)
        single.sum().backward()
        torch.testing.assert_close(single[0], likelihood[row])
        assert alone.grad is not None
        torch.testing.assert_close(alone.grad[0], gradient[row, :length])
    for parameter, expected in zip(crf.parameters(), together, strict=True):
        torch.testing.assert_close(parameter.grad, expected)


def test_large_scores_stay_finite() -> None:
    crf = bioes()
    emissions = (1e4 * torch.randn(4, 60, crf.num_labels)).requires_grad_()
    mask = torch.ones(4, 60, dtype=torch.bool)
    targets = torch.tensor(crf.decode(emissions, mask))
    likelihood = crf.log_likelihood(emissions, targets, mask)
    likelihood.sum().backward()
    assert torch.isfinite(likelihood).all()
    assert emissions.grad is not None and torch.isfinite(emissions.grad).all()
    assert torch.isfinite(crf.follow.grad).all()  # type: ignore[arg-type]


def test_half_precision_is_computed_in_float32() -> None:
    crf = bioes()
    emissions = torch.randn(2, 5, crf.num_labels).bfloat16()
    mask = torch.ones(2, 5, dtype=torch.bool)
    targets = torch.tensor(crf.decode(emissions, mask))
    likelihood = crf.log_likelihood(emissions, targets, mask)
    assert likelihood.dtype == torch.float32
    torch.testing.assert_close(likelihood, crf.log_likelihood(emissions.float(), targets, mask))


def test_learns_a_transition() -> None:
    crf = everything_allowed(2)
    targets = torch.tensor([[0, 1, 0, 1, 0, 1]])
    emissions, mask = torch.zeros(1, 6, 2), torch.ones(1, 6, dtype=torch.bool)
    optimizer = torch.optim.SGD(crf.parameters(), lr=0.5)
    for _ in range(50):
        optimizer.zero_grad()
        (-crf.log_likelihood(emissions, targets, mask)).sum().backward()
        optimizer.step()
    assert crf.decode(emissions, mask) == targets.tolist()
    assert set(crf.state_dict()) == {"first", "follow", "last"}


def reference(crf: LinearChainCRF, emissions: Tensor, targets: Tensor) -> Tensor:
    """The log-likelihoods of MASK's sentences by plain logsumexp in float64, with an autograd graph."""
    first, follow, last = (scores.double() for scores in crf.scores())
    found = []
    for row, length in zip(emissions.double(), LENGTHS, strict=True):
        path = targets[len(found), :length].tolist()
        current = first + row[0]
        for step in range(1, length):
            current = torch.logsumexp(current.unsqueeze(1) + follow, dim=0) + row[step]
        score = first[path[0]] + last[path[-1]] + row[range(length), path].sum()
        score = score + sum(follow[i, j] for i, j in itertools.pairwise(path))
        found.append(score - torch.logsumexp(current + last, dim=0))
    return torch.stack(found)


@pytest.mark.parametrize("kind", sorted(CRFS))
@pytest.mark.parametrize("scale", [1.0, 60.0, 2000.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_large_differences_of_scores(kind: str, scale: float, dtype: torch.dtype) -> None:
    """Neither sums nor gradients are lost where exponentials are zero."""
    torch.manual_seed(0)
    crf = CRFS[kind]().to(dtype)
    torch.nn.init.normal_(crf.follow)
    targets = torch.zeros(MASK.shape, dtype=torch.long)
    precision = 1e-6 * scale + 1e-4 if dtype == torch.float32 else 1e-9
    for _ in range(10):
        emissions = (scale * torch.randn(*MASK.shape, crf.num_labels, dtype=dtype)).requires_grad_()
        inputs = (emissions, crf.follow, crf.first, crf.last)
        found, expected = crf.log_likelihood(emissions, targets, MASK), reference(crf, emissions, targets)
        close = {"atol": 1e-5 * scale, "rtol": 1e-5}
        torch.testing.assert_close(found.double(), expected, **close)
        for ours, theirs in zip(
            torch.autograd.grad(found.sum(), inputs), torch.autograd.grad(expected.sum(), inputs), strict=True
        ):
            torch.testing.assert_close(ours, theirs, atol=precision, rtol=1e-3)


def test_blocks_are_the_same(crf: LinearChainCRF, emissions: Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    targets = torch.zeros(MASK.shape, dtype=torch.long)  # O O O, which is legal

    def results() -> tuple[Tensor, list[list[int]]]:
        crf.zero_grad()
        crf.log_likelihood(emissions, targets, MASK).sum().backward()
        assert crf.follow.grad is not None
        return crf.follow.grad.clone(), crf.decode(emissions, MASK)

    whole, paths = results()
    monkeypatch.setattr(module, "MAX_PAIRS", 1)
    monkeypatch.setattr(module, "MAX_EXPONENT", -math.inf)
    monkeypatch.setattr(module, "MAX_SPREAD", -math.inf)
    gradient, in_blocks = results()
    torch.testing.assert_close(gradient, whole)
    assert in_blocks == paths


@pytest.mark.parametrize("scale", [0.0, 1.0, 25.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_scaled_weights_are_those_in_log_space(
    crf: LinearChainCRF, scale: float, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    crf = crf.to(dtype)
    emissions = scale * torch.randn(*MASK.shape, crf.num_labels, dtype=dtype)
    first, follow, last = crf.scores()
    assert module.can_be_scaled(emissions, first, follow)
    ahead = module.forward_weights(emissions, first, follow, MASK)
    back = module.backward_weights(emissions, follow, last, MASK)
    assert ahead.dtype == back.dtype == dtype
    monkeypatch.setattr(module, "MAX_SPREAD", -math.inf)
    torch.testing.assert_close(ahead, module.forward_weights(emissions, first, follow, MASK))
    torch.testing.assert_close(back, module.backward_weights(emissions, follow, last, MASK))


def test_what_cannot_be_scaled() -> None:
    crf = bioes()
    first, follow, _ = crf.scores()
    emissions = torch.zeros(1, 2, crf.num_labels)
    assert module.can_be_scaled(emissions, first, follow)  # illegal scores do not count
    for value in (math.nan, math.inf, 2 * module.MAX_SPREAD):
        emissions[0, 1, 0] = value
        assert not module.can_be_scaled(emissions, first, follow)


def test_autocast_does_not_make_it_coarser() -> None:
    crf = everything_allowed(5)
    torch.nn.init.normal_(crf.follow)
    targets, emissions = torch.zeros(MASK.shape, dtype=torch.long), torch.randn(*MASK.shape, 5)

    def results() -> list[Tensor]:
        crf.zero_grad()
        found = crf.log_likelihood(emissions, targets, MASK)
        found.sum().backward()
        assert crf.follow.grad is not None
        return [found.detach(), crf.follow.grad.clone(), crf.marginals(emissions, MASK).labels()]

    expected = results()
    with torch.autocast("cpu", torch.bfloat16):
        found = results()
    assert all(torch.equal(ours, theirs) for ours, theirs in zip(found, expected, strict=True))


@pytest.mark.parametrize("temperature", [0.3, 1.0, 2.5])
def test_temperature(crf: LinearChainCRF, emissions: Tensor, temperature: float) -> None:
    """Probabilities are those of the scores divided by it, by enumeration; the best path is the same."""
    marginals = crf.marginals(emissions, MASK, temperature)
    best = crf.decode(emissions, MASK)
    for row, length in enumerate(LENGTHS):
        found = {path: p ** (1 / temperature) for path, p in weights(crf, emissions[row], length).items()}
        known = {path: p / sum(found.values()) for path, p in found.items()}
        targets = torch.zeros(MASK.shape, dtype=torch.long)
        path = max(known, key=known.__getitem__)
        assert best[row] == list(path)
        targets[row, :length] = torch.tensor(path)
        likelihood = crf.log_likelihood(emissions[row : row + 1, :length], targets[row : row + 1, :length],
                                        MASK[row : row + 1, :length], temperature)  # fmt: skip
        assert likelihood.item() == pytest.approx(math.log(known[path]))
        for step, label in itertools.product(range(length), range(crf.num_labels)):
            expected = sum(p for each, p in known.items() if each[step] == label)
            assert float(marginals.labels()[row, step, label]) == pytest.approx(expected, abs=1e-12)
        for start, stop in itertools.combinations(range(length + 1), 2):
            segment = list(path[start:stop])
            expected = sum(p for each, p in known.items() if list(each[start:stop]) == segment)
            assert marginals.segments([(row, start, segment)]) == [pytest.approx(expected)]
