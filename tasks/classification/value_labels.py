"""A number for each text, or for each pair of texts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from elmo_lite import CorpusError
from tasks.classification.label_handling import Answers, LabelHandling
from tasks.classification.linear_models import Linear, Table, of_number
from tasks.classification.outputs import ValueOutputs
from tasks.classification.prediction import ValuePrediction
from tasks.classification.readers import LabelledText
from tasks.training.task import Target

NUM_GROUPS = 10
OUTPUT = "value"
"""Name of the one output."""


class Values(LabelHandling):
    """A number for each text: mean squared error, correlations by Pearson and Spearman."""

    has_probabilities = False
    loss_unit = "squared error in variances"
    titles = {"Pearson": "pearson", "Spearman": "spearman", "MSE": "mse"}

    def label_set(self, train: Iterable[LabelledText]) -> list[str]:
        """The name of the one output.

        Raises:
            CorpusError: All numbers are equal.
        """
        train = list(train)
        if len({float(example.label) for example in train}) < 2:
            where, only = train[0].source or "train", train[0].label
            raise CorpusError(f"{where}: expected different numbers in the training data, found only {only}")
        return [OUTPUT]

    def outputs(self) -> ValueOutputs:
        """A number and its squared error."""
        return ValueOutputs()

    def fit(
        self, outputs: ValueOutputs, train: Sequence[LabelledText], labels: Sequence[str], is_balanced: bool
    ) -> None:
        """Set mean and deviation to those of the training data."""
        outputs.fit([float(example.label) for example in train])

    def linear_model(
        self, outputs: ValueOutputs, table: Table, targets: Sequence[Any], num_outputs: int, is_balanced: bool
    ) -> Linear:
        """Ridge regression of the standardised number."""
        return of_number(table, outputs.standardized(outputs.targets(targets)).tolist())

    def labels_of(self, example: LabelledText) -> Sequence[str]:
        """None: there are no labels to know."""
        return ()

    def target(self, example: LabelledText) -> Target:
        """The number, as it is written."""
        return example.label

    def encoded(self, target: Target, number: Mapping[str, int]) -> float:
        """The number."""
        return float(str(target))

    def prediction(
        self, outputs: ValueOutputs, row: Sequence[float], labels: Sequence[str], has_words: bool
    ) -> ValuePrediction:
        """The number; None for a text without words."""
        return ValuePrediction(row[0] if has_words else None)

    def score(self, gold: Sequence[Any], guessed: Sequence[Any], labels: Sequence[str]) -> dict[str, float]:
        """Correlations by Pearson and Spearman in percent, 0 where all numbers are equal; mean squared error."""
        wanted, found = np.array([float(value) for value in gold]), np.array([float(value) for value in guessed])
        return {
            "pearson": _correlation(wanted, found),
            "spearman": _correlation(_ranks(wanted), _ranks(found)),
            "mse": float(np.mean((wanted - found) ** 2)),
        }

    def guess(self, prediction: Any) -> float:
        """The number."""
        return float(prediction.value)

    def report(self, examples: Sequence[LabelledText], guesses: Sequence[Any], labels: Sequence[str]) -> dict[str, Any]:
        """The scores, the number of "sentences", "mse_of_mean", the error of the mean of the gold numbers, "groups"."""
        gold = [float(example.label) for example in examples]
        scores = self.score(gold, guesses, labels)
        groups = groups_of(gold, guesses)
        return {"sentences": len(gold), **scores, "mse_of_mean": float(np.var(gold)), "groups": groups}

    def answers(self, example: LabelledText, prediction: Any) -> Answers:
        """The gold and the predicted number."""
        return float(example.label), float(prediction.value)


def groups_of(gold: Sequence[float], predicted: Sequence[float]) -> list[dict[str, Any]]:
    """Texts in at most ten groups of about the same size by their gold number; equal numbers are in one group.

    Args:
        gold: N gold numbers, one or more.
        predicted: The predicted ones.

    Returns:
        For each group, in ascending order: "low" and "high", its smallest and largest gold number, "sentences", their
        number, "gold" and "predicted", the means, and "rmse", the root of the mean squared error.
    """
    wanted, found = np.array(gold, dtype=np.float64), np.array(predicted, dtype=np.float64)
    ranks = _ranks(wanted)  # equal for equal numbers
    of_text = np.minimum((ranks - 0.5) * NUM_GROUPS / len(ranks), NUM_GROUPS - 1).astype(int)
    groups = []
    for group in np.unique(of_text):
        inside = of_text == group
        g, p = wanted[inside], found[inside]
        groups.append(
            {
                "low": float(g.min()),
                "high": float(g.max()),
                "sentences": int(inside.sum()),
                "gold": float(g.mean()),
                "predicted": float(p.mean()),
                "rmse": float(np.sqrt(np.mean((g - p) ** 2))),
            }
        )
    return groups


def _correlation(first: npt.NDArray[np.float64], second: npt.NDArray[np.float64]) -> float:
    """Pearson's correlation in percent; 0 where it is not defined."""
    first, second = first - first.mean(), second - second.mean()
    length = float(np.sqrt((first**2).sum() * (second**2).sum()))
    return 100 * float(first @ second) / length if length > 0 else 0.0


def _ranks(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Ranks; equal values have the mean of theirs."""
    _, index, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return np.asarray(((ends - counts + 1 + ends) / 2)[index], dtype=np.float64)
