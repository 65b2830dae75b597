"""Norms of gradients against autograd, written out word by word."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from elmo_lite.corpus.corpus import Corpus
from elmo_lite.ladder import gradients
from elmo_lite.ladder.config import RungName
from elmo_lite.ladder.gradients import gradient_norms
from elmo_lite.ladder.rungs import training_config
from elmo_lite.ladder.whole_text import WholeText
from elmo_lite.pretraining.initial_model import build_model
from elmo_lite.pretraining.training_module import LanguageModel
from tests.elmo_lite.ladder.toy import toy_corpus, toy_ladder

WARM_UP, DISTANCE, WINDOWS = 2, 4, 3


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return Corpus.open(toy_corpus(tmp_path_factory.mktemp("toy")))


def module_of(name: RungName, corpus: Corpus) -> LanguageModel:
    module = build_model(training_config(name, toy_ladder(dropout=0.5), corpus), corpus, 1, None)
    with torch.no_grad():
        for parameter in module.parameters():
            if parameter.requires_grad:
                parameter.normal_(std=0.4)
    return module


def one_step(name: str, weights: dict[str, Tensor], x: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """The state after one word, by the formulas in torch's documentation of its cells."""
    read = weights["weight_ih_l0"] @ x + weights["bias_ih_l0"]
    kept = weights["weight_hh_l0"] @ state[0] + weights["bias_hh_l0"]
    if name == "rnn_tanh":
        return (torch.tanh(read + kept),)
    if name == "gru":
        (r1, z1, n1), (r2, z2, n2) = read.chunk(3), kept.chunk(3)
        r, z = torch.sigmoid(r1 + r2), torch.sigmoid(z1 + z2)
        return ((1 - z) * torch.tanh(n1 + r * n2) + z * state[0],)
    i, f, g, o = (read + kept).chunk(4)
    cell = torch.sigmoid(f) * state[1] + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(cell), cell


def plain_norms(name: str, module: LanguageModel, classes: list[int]) -> list[list[float]]:
    """Norms for one window of classes, the last of which is predicted: by part of the state, then by distance.

    For each distance, the steps after it run once more, from a state that is a leaf.
    """
    (layer,) = module.bilm.stack.layers  # type: ignore[union-attr]
    weights = dict((layer.lstm if name == "lstm" else layer.rnn).named_parameters())
    width = module.bilm.config.dim
    state: tuple[Tensor, ...] = tuple(torch.zeros(width) for _ in range(2 if name == "lstm" else 1))
    states = []
    read = [module.head.weight[number].detach() * width**0.5 for number in classes[:-1]]
    for x in read:
        state = one_step(name, weights, x, state)
        states.append(state)
    norms = []
    for distance in range(DISTANCE + 1):
        leaves = tuple(part.detach().requires_grad_() for part in states[-1 - distance])
        state = leaves
        for x in read[len(read) - distance :]:
            state = one_step(name, weights, x, state)
        F.cross_entropy(module.head.weight @ state[0] + module.head.bias, torch.tensor(classes[-1])).backward()
        norms.append([0.0 if leaf.grad is None else float(leaf.grad.norm()) for leaf in leaves])
    return [list(part) for part in zip(*norms, strict=True)]


@pytest.mark.parametrize("name", ["rnn_tanh", "gru", "lstm"])
def test_equals_autograd_written_out(name: RungName, corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gradients, "WARM_UP", WARM_UP)
    module, text = module_of(name, corpus), WholeText(corpus, corpus.held_out, False)
    found = gradient_norms(module, text, DISTANCE, WINDOWS)
    length = WARM_UP + DISTANCE + 1
    starts = torch.linspace(0, len(text.stream) - 1 - length, WINDOWS, dtype=torch.float64).long().tolist()
    plain = [plain_norms(name, module, text.classes[start : start + length + 1].tolist()) for start in starts]
    expected = torch.tensor(plain).mean(dim=0).tolist()
    assert list(found) == ["hidden", "cell"][: len(expected)]
    for norms, wanted in zip(found.values(), expected, strict=True):
        assert norms == pytest.approx(wanted, rel=1e-4)
    assert module.training


def test_a_short_text_has_a_smaller_distance(corpus: Corpus) -> None:
    short = WholeText(corpus, corpus.held_out[:9], False)
    assert len(gradient_norms(module_of("lstm", corpus), short)["hidden"]) <= 8
    shortest = WholeText(corpus, corpus.held_out[:3], False)
    assert len(gradient_norms(module_of("lstm", corpus), shortest)["hidden"]) == 1


def test_a_tanh_rnn_of_small_weights_forgets_and_an_open_lstm_does_not(corpus: Corpus) -> None:
    text = WholeText(corpus, corpus.held_out, False)
    rnn = build_model(training_config("rnn_tanh", toy_ladder(), corpus), corpus, 1, None)
    lstm = build_model(training_config("lstm", toy_ladder(), corpus), corpus, 1, None)
    before, after = gradient_norms(rnn, text, 20)["hidden"], gradient_norms(lstm, text, 20)["cell"]
    assert before[20] / before[1] < 0.01 < after[20] / after[1]
