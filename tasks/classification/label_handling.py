"""What labels are, for data, predictions and scores: the interface of one label, several labels and numbers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from elmo_lite import CorpusError
from tasks.classification.linear_models import Linear, Table
from tasks.classification.outputs import Outputs
from tasks.classification.prediction import AnyPrediction
from tasks.classification.readers import LabelledText
from tasks.training.task import Target

Answers = tuple[Any, Any]
"""The gold and the predicted answer: each a list with its probability, as ``predictions.jsonl`` has them, or a
number."""
LISTED = 20
"""Maximum number of labels that a message lists."""


class LabelHandling(ABC):
    """Labels of data, predictions of outputs and their scores, for one kind of labels; without state."""

    packages: ClassVar[tuple[str, ...]] = ()
    """Packages that the scores need, besides those of every installation."""
    loss_unit: ClassVar[str] = "nats per text"
    """Unit of the loss."""
    has_probabilities: ClassVar[bool] = True
    """Whether answers have probabilities."""
    titles: ClassVar[Mapping[str, str]]
    """Keys of the scores that are printed, by their titles. The first one chooses the best epoch by default."""

    @abstractmethod
    def label_set(self, train: Iterable[LabelledText]) -> list[str]:
        """The labels of the training data, in the order of the outputs.

        Raises:
            CorpusError: There are too few to learn from.
        """

    def check(self, examples: Iterable[LabelledText], labels: Sequence[str]) -> None:
        """Check that the model has all labels of examples.

        Raises:
            CorpusError: It does not have one of them. The message has the place, and what was expected and found.
        """
        known = frozenset(labels)
        for example in examples:
            for label in self.labels_of(example):
                if label not in known:
                    listed = ", ".join(labels[:LISTED]) + (
                        f", ... {len(labels):,} in all" if len(labels) > LISTED else ""
                    )
                    raise CorpusError(
                        f"{example.where}: expected a label of the training data ({listed}), found {label!r}"
                    )

    @abstractmethod
    def outputs(self) -> Outputs:
        """Loss and guesses of a network."""

    @abstractmethod
    def fit(self, outputs: Any, train: Sequence[LabelledText], labels: Sequence[str], is_balanced: bool) -> None:
        """Set what the outputs take from the training data: class weights, if ``is_balanced``, or a scale."""

    @abstractmethod
    def linear_model(
        self, outputs: Any, table: Table, targets: Sequence[Any], num_outputs: int, is_balanced: bool
    ) -> Linear:
        """A linear model of the features of texts for encoded targets, after ``fit``; see ``linear_models``."""

    @abstractmethod
    def labels_of(self, example: LabelledText) -> Sequence[str]:
        """The labels of a text."""

    @abstractmethod
    def target(self, example: LabelledText) -> Target:
        """What is to be predicted."""

    @abstractmethod
    def encoded(self, target: Target, number: Mapping[str, int]) -> Any:
        """A target as the loss takes it; ``number`` has the index of each label."""

    @abstractmethod
    def prediction(self, outputs: Any, row: Sequence[float], labels: Sequence[str], has_words: bool) -> AnyPrediction:
        """The prediction of a text from its activated outputs, by the outputs of the network."""

    def best_threshold(
        self, rows: Sequence[Sequence[float]], gold: Sequence[Any], labels: Sequence[str], measure: str
    ) -> float | None:
        """The threshold of predicted labels with the highest score on dev; None if there is none to choose.

        Args:
            rows: Activated outputs of N texts, of K labels each.
            gold: N targets.
            labels: The K labels.
            measure: Key of the score.
        """
        return None

    @abstractmethod
    def score(self, gold: Sequence[Any], guessed: Sequence[Any], labels: Sequence[str]) -> dict[str, float]:
        """The scores of an epoch on dev from targets and guesses, by the keys of ``titles``."""

    @abstractmethod
    def guess(self, prediction: Any) -> Any:
        """What is compared with the target."""

    @abstractmethod
    def report(self, examples: Sequence[LabelledText], guesses: Sequence[Any], labels: Sequence[str]) -> dict[str, Any]:
        """All scores of a data set, as JSON values."""

    @abstractmethod
    def answers(self, example: LabelledText, prediction: Any) -> Answers:
        """Gold and predicted answer."""
