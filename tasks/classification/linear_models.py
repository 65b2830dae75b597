"""Linear models of sparse features with an L2 penalty: one label of several, several labels, or a number.

Each returns the weights (F, K) of F features and the biases (K,) of K outputs, from a table (N, F) of N texts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Table = Any
"""A sparse matrix of scipy."""
Linear = tuple[npt.NDArray[Any], npt.NDArray[Any]]
"""Weights and biases."""
STRENGTH = 4.0
"""Inverse of the strength of the penalty, as scikit-learn's C."""


def of_one_label(table: Table, targets: Sequence[int], *, is_balanced: bool) -> Linear:
    """Logistic regression of the index of a label; each label has a text. The outputs are logits of a softmax.

    Args:
        table: Features.
        targets: Index of the label of each text.
        is_balanced: Weight labels by how rare they are.
    """
    model = _logistic(is_balanced).fit(table, targets)
    weights, bias = model.coef_, model.intercept_
    if len(bias) == 1:  # of two labels scikit-learn has the logit of the second alone
        weights, bias = np.concatenate([-weights, weights]) / 2, np.concatenate([-bias, bias]) / 2
    return weights.T, bias


def of_several_labels(table: Table, targets: Sequence[Sequence[int]], num_labels: int, *, is_balanced: bool) -> Linear:
    """A logistic regression for each label. The outputs are logits of sigmoids.

    Args:
        table: Features.
        targets: Indices of the labels of each text, none or more.
        num_labels: Number K of labels.
        is_balanced: Let a label weigh as much as its absence.
    """
    num_texts, num_features = table.shape
    weights, bias = np.zeros((num_features, num_labels)), np.zeros(num_labels)
    has = np.zeros((num_texts, num_labels), dtype=bool)
    for row, found in enumerate(targets):
        has[row, list(found)] = True
    for label, number in enumerate(has.sum(axis=0)):
        if 0 < number < num_texts:
            model = _logistic(is_balanced).fit(table, has[:, label])
            weights[:, label], bias[label] = model.coef_[0], model.intercept_[0]
        else:  # all texts have it, or none: the odds of one text more with it and one without
            bias[label] = np.log((number + 1) / (num_texts - number + 1))
    return weights, bias


def of_number(table: Table, targets: Sequence[float]) -> Linear:
    """Ridge regression of a number."""
    from sklearn.linear_model import Ridge

    model = Ridge(alpha=1 / STRENGTH, random_state=0).fit(table, targets)
    return model.coef_[:, None], np.array([model.intercept_])


def _logistic(is_balanced: bool) -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=STRENGTH, max_iter=1000, class_weight="balanced" if is_balanced else None)
