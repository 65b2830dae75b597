"""The adaptation benchmark: probabilities over the classes that models share."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch

from elmo_lite import LMHead, Vocabulary
from elmo_lite.text.vocabulary import UNKNOWN_CLASS

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
WORDS = ["the", "cat", "sat", "mat", "on"]


@pytest.fixture(scope="module")
def adaptation() -> ModuleType:
    pytest.importorskip("sklearn")
    sys.path.insert(0, str(BENCHMARKS))
    try:
        return importlib.import_module("adaptation")
    finally:
        sys.path.remove(str(BENCHMARKS))


@pytest.fixture
def head() -> LMHead:
    torch.manual_seed(0)
    head = LMHead(len(WORDS) + 2, 4)
    head.bias.data.normal_()
    return head


def all_probabilities(head: torch.nn.Module, states: torch.Tensor, num_classes: int) -> torch.Tensor:
    columns = [head.log_probabilities(states, torch.full((len(states),), k)).exp() for k in range(num_classes)]
    return torch.stack(columns, dim=1)


def test_with_all_words_it_is_the_softmax(adaptation: ModuleType, head: LMHead) -> None:
    states = torch.randn(6, 4)
    common = adaptation.CommonHead(head, Vocabulary(WORDS), WORDS)
    expected = all_probabilities(head, states, 7)
    torch.testing.assert_close(all_probabilities(common, states, 7), expected)


def test_left_out_words_count_as_unknown(adaptation: ModuleType, head: LMHead) -> None:
    states = torch.randn(6, 4)
    full = all_probabilities(head, states, 7)
    common = all_probabilities(adaptation.CommonHead(head, Vocabulary(WORDS), ["sat", "cat"]), states, 4)
    torch.testing.assert_close(common.sum(dim=1), torch.ones(6))
    torch.testing.assert_close(common[:, [0, 2, 3]], full[:, [0, 4, 3]])
    torch.testing.assert_close(common[:, UNKNOWN_CLASS], full[:, [1, 2, 5, 6]].sum(dim=1))


def test_common_words_keep_the_first_order(adaptation: ModuleType) -> None:
    assert adaptation.common_words([Vocabulary(["b", "a", "c"]), Vocabulary(["a", "d", "b"])]) == ["b", "a"]
