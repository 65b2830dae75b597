"""What the runs of a training are made of: labelled data and an encoder, each read once for all runs that share it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic

from tasks.inputs.encoders import Encoder, hash_of, load_encoder
from tasks.saved_task.network import tokenization_of
from tasks.training.parts import Parts, read_parts
from tasks.training.task import ConfigT, DataT, Task
from tasks.training.task_config import TaskConfig


class RunEncoder:
    """The encoder of a run. A frozen one is loaded once for all runs; one that is trained is loaded for each."""

    def __init__(self, config: TaskConfig) -> None:
        """Load the encoder that the settings name, if any.

        Raises:
            CheckpointError: It cannot be loaded.
        """
        self._config = config.representation
        self._loaded = self._load()
        self.tokenization = tokenization_of(config, self._loaded)
        self.hash = "" if self._loaded is None else hash_of(self._loaded)

    def _load(self) -> Encoder | None:
        if not self._config.has_encoder:
            return None
        settings = self._config
        return load_encoder(settings.encoder, requires_grad=not settings.freeze, pieces=settings.pieces)

    def take(self) -> Encoder | None:
        """Return the pretrained encoder for one run."""
        if self._config.freeze:
            return self._loaded
        elmo, self._loaded = self._loaded or self._load(), None
        return elmo


@dataclass(frozen=True)
class Material(Generic[DataT]):
    """Data and encoder of a run."""

    data: Parts[DataT]
    encoder: RunEncoder


TrainOne = Callable[[ConfigT, Material[DataT], Path], dict[str, Any]]
"""Function that trains with settings, data and an encoder in a directory and returns the scores."""


class Materials(Generic[ConfigT, DataT]):
    """Data and encoders by settings: read again only if settings that may affect them change."""

    def __init__(
        self, task: Task[ConfigT, DataT, Any, Any], sources: Mapping[str, Any], *, needs_dev: bool = True
    ) -> None:
        """Keep where the data are.

        Args:
            task: The kind of task.
            sources: "train" and, if given, "dev" and "test", as ``task.read`` accepts them.
            needs_dev: Hold out a tenth of train if there is no dev. Defaults to True.
        """
        self._task, self._needs_dev = task, needs_dev
        self._sources = {part: list(s) if isinstance(s, Iterator) else s for part, s in sources.items()}
        self._encoders: dict[tuple[str, ...], RunEncoder] = {}
        self._read: dict[str, Parts[DataT]] = {}

    def of(self, config: ConfigT) -> Material[DataT]:
        """Data and encoder of a run with these settings.

        Raises:
            CorpusError: Data cannot be used.
            CheckpointError: The encoder cannot be loaded.
        """
        of_encoder = config.representation
        named = of_encoder.encoder, str(of_encoder.freeze), of_encoder.pieces, config.tokenizer
        if named not in self._encoders:
            self._encoders = {named: RunEncoder(config)}  # one at a time: they may be large
        encoder = self._encoders[named]
        key = repr([named, config.finetune.split_seed, *_others(config)])
        if key not in self._read:
            split = encoder.tokenization
            self._read = {key: read_parts(self._task, config, self._sources, split, needs_dev=self._needs_dev)}
        return Material(self._read[key], encoder)


def _others(config: TaskConfig) -> list[tuple[str, Any]]:
    """The settings of a task outside the groups that have nothing to do with reading."""
    ignored = ("representation", "finetune", "inputs", "encoder_inside")
    return sorted((name, value) for name, value in config.to_dict().items() if name not in ignored)
