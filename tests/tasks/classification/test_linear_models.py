"""Linear models of features: scikit-learn's for each kind of labels, and labels that all texts have, or none."""

from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn")

from scipy.sparse import csr_matrix  # noqa: E402
from scipy.special import expit, softmax  # noqa: E402
from sklearn.linear_model import LogisticRegression, Ridge  # noqa: E402
from sklearn.multiclass import OneVsRestClassifier  # noqa: E402

from tasks.classification.linear_models import (  # noqa: E402
    STRENGTH,
    of_number,
    of_one_label,
    of_several_labels,
)

RANDOM = np.random.default_rng(0)
TABLE = csr_matrix(RANDOM.random((40, 7)) * (RANDOM.random((40, 7)) < 0.4))


def outputs(model: Any) -> Any:
    weights, bias = model
    return TABLE @ weights + bias


@pytest.mark.parametrize("num_labels", [2, 3])
@pytest.mark.parametrize("is_balanced", [False, True])
def test_one_label(num_labels: int, is_balanced: bool) -> None:
    targets = np.sort(np.arange(40) % num_labels * (np.arange(40) % 3 > 0)).tolist()
    weights = "balanced" if is_balanced else None
    expected = LogisticRegression(C=STRENGTH, class_weight=weights).fit(TABLE, targets).predict_proba(TABLE)
    found = outputs(of_one_label(TABLE, targets, is_balanced=is_balanced))
    np.testing.assert_allclose(softmax(found, axis=1), expected, atol=1e-6)


@pytest.mark.parametrize("is_balanced", [False, True])
def test_several_labels(is_balanced: bool) -> None:
    has = np.random.default_rng(1).random((40, 4)) < [0.1, 0.3, 0.6, 0.9]
    weights = "balanced" if is_balanced else None
    model = OneVsRestClassifier(LogisticRegression(C=STRENGTH, max_iter=1000, class_weight=weights)).fit(TABLE, has)
    targets = [np.flatnonzero(row).tolist() for row in has]
    found = outputs(of_several_labels(TABLE, targets, 4, is_balanced=is_balanced))
    np.testing.assert_allclose(expit(found), model.predict_proba(TABLE), atol=1e-6)


def test_a_label_of_all_texts_and_one_of_none() -> None:
    weights, bias = of_several_labels(TABLE, [[0, 2] if row % 2 else [0] for row in range(40)], 3, is_balanced=False)
    assert not weights[:, :2].any() and weights[:, 2].any()
    np.testing.assert_allclose(expit(bias[:2]), [41 / 42, 1 / 42])


def test_a_number() -> None:
    targets = (TABLE @ np.arange(7.0) + 3).tolist()
    expected = Ridge(alpha=1 / STRENGTH, random_state=0).fit(TABLE, targets).predict(TABLE)
    np.testing.assert_allclose(outputs(of_number(TABLE, targets))[:, 0], expected)
