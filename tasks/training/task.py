"""The interface of a task to the training that all tasks share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import torch
from torch import nn

from elmo_lite import Tokenization
from tasks.inputs.encoders import Encoder
from tasks.saved_task.settings import Kind
from tasks.training.confusion import Confusion
from tasks.training.head import Example
from tasks.training.loader import SentenceBatches
from tasks.training.scatter import Agreement
from tasks.training.task_config import TaskConfig

Target = str | Sequence[str]
"""The label of a sentence, or one label per word."""


class TaskModel(Protocol):
    """A network ready for use, such as a tagger or a classifier."""

    model: Any
    config: Any
    device: torch.device

    @property
    def labels(self) -> list[str]:
        """All labels, in the order of the outputs."""

    def save(
        self, directory: Any, metrics: Mapping[str, Any] | None = None, encoder_path: str = "", overwrite: bool = False
    ) -> None:
        """Save the model to a directory."""


ConfigT = TypeVar("ConfigT", bound=TaskConfig)
DataT = TypeVar("DataT")
ExampleT = TypeVar("ExampleT", bound=Example)
ModelT = TypeVar("ModelT", bound=TaskModel)


class Task(ABC, Generic[ConfigT, DataT, ExampleT, ModelT]):
    """Data, network and scores of a kind of task; without state."""

    kind: ClassVar[Kind]
    packages: tuple[str, ...]
    """Packages that the scores need, besides those of every installation."""
    headline: Mapping[str, str]
    """Scores to print: titles and keys of ``evaluate``, which may be missing. The first one chooses the best epoch."""
    card_scores: tuple[str, ...]
    """Keys of ``evaluate`` that the model card shows."""
    loss_unit: str = "nats per sentence"
    """Unit of the loss, for pictures."""
    has_answers: bool = True
    """Whether ``answer`` can be kept for a report."""
    is_calibrated: bool = True
    """Whether a temperature is fitted to dev."""
    answers: ClassVar[str] = "labels"
    """What predictions give a probability to, in the plural. Defaults to labels."""

    @abstractmethod
    def read(self, source: Any, part: str, config: ConfigT, tokenization: Tokenization) -> DataT:
        """Read labelled sentences of the part "train", "dev" or "test"; errors name data in memory by it."""

    @abstractmethod
    def examples(self, data: DataT) -> Sequence[ExampleT]:
        """The sentences of what ``read`` returned."""

    @abstractmethod
    def subset(self, data: DataT, indices: Sequence[int]) -> DataT:
        """What ``read`` would return for some of the sentences, in the order of their indices."""

    @abstractmethod
    def classes(self, train: DataT, name: str) -> list[str]:
        """The classes of the training data, such as labels or entity types.

        Raises:
            CorpusError: The training data, which the error calls ``name``, have no classes.
        """

    @abstractmethod
    def check(self, data: DataT, name: str, classes: Sequence[str]) -> None:
        """Check that data can be scored with the classes of the training data.

        Raises:
            CorpusError: The data cannot be scored.
        """

    @abstractmethod
    def new_model(
        self,
        config: ConfigT,
        classes: Sequence[str],
        elmo: Encoder | None,
        train: Iterable[Sequence[str]],
        others: Iterable[Sequence[str]],
    ) -> ModelT:
        """Build an untrained model; ``train`` and ``others`` are the words of sentences to learn from and to score."""

    def prepare(self, model: ModelT, config: ConfigT, train: Sequence[ExampleT]) -> None:
        """Set what an untrained model takes from the training data besides words and classes; nothing by default."""

    def batches(self, examples: Sequence[ExampleT], config: ConfigT) -> SentenceBatches:
        """The batches of examples in training and scoring; by default, each example is one sentence."""
        return SentenceBatches(examples)

    def settle(self, model: ModelT, dev: Sequence[ExampleT]) -> dict[str, float]:
        """Choose by a score on dev what a calibrated model has to choose: its values by name. Defaults to none."""
        return {}

    @abstractmethod
    def load(self, directory: Path, device: str) -> ModelT:
        """Load a saved model onto a device, "auto" for a GPU if there is one."""

    @abstractmethod
    def target(self, example: ExampleT) -> Target:
        """The label or labels to predict."""

    def encoded(self, target: Target, number: Mapping[str, int]) -> Any:
        """A target as the network takes it; ``number`` has the index of each label."""
        return numbers_of(target, number)

    @abstractmethod
    def score(self, gold: list[Target], predicted: list[Any], labels: Sequence[str]) -> dict[str, float]:
        """Scores of an epoch on dev, in percent; "main" chooses the best epoch."""

    @abstractmethod
    def evaluate(self, model: ModelT, data: DataT) -> tuple[dict[str, Any], Sequence[Any]]:
        """All scores of a model, of JSON types, and its prediction of each sentence."""

    @abstractmethod
    def answer(self, example: ExampleT, prediction: Any, labels: Sequence[str]) -> dict[str, Any]:
        """What is kept of a prediction that ``evaluate`` returned: "line", "gold", "predicted"; see ``predictions``."""

    def names(self, train: Sequence[ExampleT]) -> set[tuple[str, ...]]:
        """The words of each entity of the training data; empty if the task has no entities."""
        return set()

    @abstractmethod
    def confusion(self, scores: Mapping[str, Any]) -> Confusion | None:
        """The confusion matrix in what ``evaluate`` returned; None if there is none to draw."""

    def agreement(self, scores: Mapping[str, Any], predictions: Sequence[Any]) -> Agreement | None:
        """The gold and predicted numbers in what ``evaluate`` returned, to draw; None if answers are no numbers."""
        return None


def numbers_of(target: Target, number: Mapping[str, int]) -> int | list[int]:
    """Convert a target to class indices."""
    return number[target] if isinstance(target, str) else [number[label] for label in target]


def device_of(model: nn.Module) -> torch.device:
    """The device of a network."""
    return next(model.parameters()).device
