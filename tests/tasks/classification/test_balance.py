"""Uneven classes and their weights."""

import numpy as np
import pytest

from tasks.classification.balance import are_uneven, balanced_positive_weights, balanced_weights


def test_the_rule() -> None:
    assert not are_uneven("aaaabbb")
    assert are_uneven("aaabb") and are_uneven("aaaab")
    assert not are_uneven("abcabc") and not are_uneven("")


def test_weights_of_one_label_are_those_of_scikit_learn() -> None:
    utils = pytest.importorskip("sklearn.utils")
    found = list("aabbbbbc")
    expected = utils.compute_class_weight("balanced", classes=np.array(list("abc")), y=np.array(found))
    assert balanced_weights(found, list("abc")) == pytest.approx(expected)


def test_weights_of_several_labels_are_bounded() -> None:
    assert balanced_positive_weights("aaab", "ab", 4) == [1.0, 3.0]
    assert balanced_positive_weights("a", "a", 1000) == [100.0]
