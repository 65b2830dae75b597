"""A trained model of any task: its network with settings and tokenisation, loaded and saved."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Generic, Self, TypeVar

import numpy as np
import numpy.typing as npt
import torch

from elmo_lite import Tokenization
from elmo_lite.hardware import Precision, choose_device, choose_precision, move
from tasks.inputs.representation import Representation
from tasks.saved_task.network import NetworkConfig, load_network, save_network
from tasks.saved_task.settings import Kind
from tasks.saved_task.task_network import TaskNetwork

NetworkT = TypeVar("NetworkT", bound=TaskNetwork)
ConfigT = TypeVar("ConfigT", bound=NetworkConfig)


class TrainedModel(ABC, Generic[NetworkT, ConfigT]):
    """A network with its settings and the tokenisation of strings."""

    kind: ClassVar[Kind]
    """Task of its saved models."""
    config_type: ClassVar[type[Any]]
    """Class of the settings."""
    precision: Precision = "float32"
    """Precision of predictions, "float32" or "bfloat16"."""

    def __init__(
        self, model: NetworkT, config: ConfigT, tokenization: Tokenization, device: str | torch.device = "cpu"
    ) -> None:
        """Wrap a network, without a copy.

        Args:
            model: The network.
            config: Settings that it was built and trained with.
            tokenization: Tokenisation of strings.
            device: Device to run on, "auto" for a GPU if there is one. Defaults to "cpu".
        """
        self.device = choose_device(device)
        self.model = model.to(self.device).eval()
        self.config = config
        self.tokenization = tokenization

    @staticmethod
    @abstractmethod
    def network(config: Any, labels: Sequence[str], representation: Representation) -> Any:
        """Build the network from its settings."""

    @classmethod
    def from_pretrained(
        cls,
        directory: str | os.PathLike[str],
        device: str = "cpu",
        encoder: str | None = None,
        precision: Precision = "float32",
    ) -> Self:
        """Load a model.

        Args:
            directory: Directory written by ``save`` or the command ``train``.
            device: Device to run on, "auto" for a GPU if there is one. Defaults to "cpu".
            encoder: Path or name of an encoder that is not kept with the model. Defaults to where it was in training.
            precision: Precision of predictions: "float32"; "bfloat16", which is faster where the hardware has it, and
                whose probabilities differ in the third digit; or "auto" for bfloat16 on such hardware. The encoder's
                weights are then in bfloat16, in what ``save`` writes too. Defaults to "float32".

        Raises:
            CheckpointError: The directory has no model, the model is damaged, or it is for another task.
            ConfigError: The precision is unknown, or the processor cannot compute in it.
        """
        precision = choose_precision(precision, choose_device(device))
        found = load_network(
            directory, cls.kind, cls.config_type.from_dict, cls.network, device=device, encoder=encoder
        )
        model = cls(*found, device)
        model._set_precision(precision)
        return model

    def _set_precision(self, precision: Precision) -> None:
        """Set the precision of predictions, and convert the weights of an encoder once instead of at each batch."""
        self.precision = precision
        encoder = getattr(getattr(self.model, "representation", None), "elmo", None)
        if precision == "bfloat16" and encoder is not None:
            move(encoder, self.device, torch.bfloat16)

    def in_precision(self) -> torch.autocast:
        """The context in which the network predicts: autocast if the precision is bfloat16."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == "bfloat16")

    def save(
        self,
        directory: str | os.PathLike[str],
        metrics: Mapping[str, Any] | None = None,
        encoder_path: str = "",
        overwrite: bool = False,
    ) -> None:
        """Save the model to a directory that ``from_pretrained`` loads.

        Args:
            directory: Directory to write to, created if missing. Other files in it are kept.
            metrics: Scores for the model card, as JSON values.
            encoder_path: Path or name that the encoder was loaded from. Required if it is not kept with the model.
            overwrite: Replace a model that is in the directory.

        Raises:
            CheckpointError: The directory has a model and ``overwrite`` is False, the path is a file or has another
                config.json, or the encoder cannot be saved.
        """
        given: Any = self.model, self.config, self.tokenization
        save_network(directory, self.kind, *given, metrics=metrics, encoder_path=encoder_path, overwrite=overwrite)

    @property
    def labels(self) -> list[str]:
        """All labels, in the order of the outputs; BIOES tags if they are those of spans."""
        return self.model.labels

    @property
    def classes_(self) -> npt.NDArray[Any]:
        """The labels as an array, (N,), under scikit-learn's name: the columns of ``predict_proba``."""
        return np.array(self.labels)
