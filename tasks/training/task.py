"""What one kind of task brings to the training that all tasks share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import torch
from torch import nn

from elmo_lite import Elmo
from tasks.saved_task.directory import Kind
from tasks.training.head import Example
from tasks.training.task_config import TaskConfig

Target = str | Sequence[str]
"""The label of a sentence, or one of each of its words."""


class TaskModel(Protocol):
    """A network with all that its use needs, such as a tagger or a classifier."""

    model: Any
    device: torch.device

    @property
    def labels(self) -> list[str]:
        """All labels, in the order of the outputs."""

    def save(
        self, directory: Any, metrics: Mapping[str, Any] | None = None, encoder_path: str = "", overwrite: bool = False
    ) -> None:
        """Write a directory."""


ConfigT = TypeVar("ConfigT", bound=TaskConfig)
DataT = TypeVar("DataT")
ExampleT = TypeVar("ExampleT", bound=Example)
ModelT = TypeVar("ModelT", bound=TaskModel)


class Task(ABC, Generic[ConfigT, DataT, ExampleT, ModelT]):
    """Reading, network and scores of a kind of task; without state."""

    kind: ClassVar[Kind]
    packages: ClassVar[tuple[str, ...]]
    """Packages that the scores need, beside those of every installation."""
    headline: ClassVar[Mapping[str, str]]
    """Scores to print: titles and keys of ``evaluate``."""
    card_scores: ClassVar[tuple[str, ...]]
    """Keys of ``evaluate`` that the model card shows."""

    @abstractmethod
    def read(self, source: Any, part: str, config: ConfigT, split_words: Callable[[str], list[str]]) -> DataT:
        """Read labelled sentences of the part "train", "dev" or "test"; errors name data in memory by it."""

    @abstractmethod
    def examples(self, data: DataT) -> Sequence[ExampleT]:
        """The sentences of what ``read`` returned."""

    @abstractmethod
    def classes(self, train: DataT, name: str) -> list[str]:
        """What there is to learn, such as labels or types of entities.

        Raises:
            CorpusError: There is nothing to learn in the training data, which ``name`` names.
        """

    @abstractmethod
    def check(self, data: DataT, name: str, classes: Sequence[str]) -> None:
        """Compare data to score with the classes of the training data.

        Raises:
            CorpusError: They cannot be scored.
        """

    @abstractmethod
    def new_model(
        self,
        config: ConfigT,
        classes: Sequence[str],
        elmo: Elmo | None,
        train: Iterable[Sequence[str]],
        others: Iterable[Sequence[str]],
    ) -> ModelT:
        """An untrained model; ``train`` and ``others`` are the words of sentences to learn from and to score."""

    @abstractmethod
    def target(self, example: ExampleT) -> Target:
        """What is to be predicted."""

    @abstractmethod
    def score(self, gold: list[Target], predicted: list[Any], labels: Sequence[str]) -> dict[str, float]:
        """Scores of an epoch on dev, in percent; "main" chooses the best epoch."""

    @abstractmethod
    def evaluate(self, model: ModelT, data: DataT) -> dict[str, Any]:
        """All scores of a model, of JSON types."""

    @abstractmethod
    def confusion(self, scores: Mapping[str, Any]) -> tuple[list[list[int]], list[str]]:
        """The confusion matrix in what ``evaluate`` returned, true labels in rows, and the names of its labels."""


def numbers_of(target: Target, number: Mapping[str, int]) -> int | list[int]:
    """A target by the numbers of its labels."""
    return number[target] if isinstance(target, str) else [number[label] for label in target]


def device_of(model: nn.Module) -> torch.device:
    """Where a network is."""
    return next(model.parameters()).device
