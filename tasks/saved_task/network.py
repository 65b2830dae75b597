"""Building, saving and loading the network of a task with its settings and tokenisation.

A task provides its settings, and a function that makes its network from them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar

from elmo_lite import CheckpointError, Tokenization
from elmo_lite.errors import require
from elmo_lite.fields import from_settings
from elmo_lite.saved_model import shapes_alone
from tasks.inputs.encoders import Encoder
from tasks.inputs.representation import EncoderConfig, Representation
from tasks.inputs.word_input_config import WordInputConfig
from tasks.inputs.word_inputs import WordInputs
from tasks.saved_task.directory import load_task, own_tensors, save_task
from tasks.saved_task.encoder import CONFIG
from tasks.saved_task.settings import Kind
from tasks.saved_task.task_network import TaskNetwork

ENCODER_TENSORS = "representation.elmo."
"""Prefix of the weights of a trained encoder, which are saved as a model of their own."""


class NetworkConfig(Protocol):
    """Settings of a task that its saved model needs."""

    @property
    def tokenizer(self) -> Literal["auto", "words", "whitespace"]:
        """Tokenisation of plain strings; "auto" is that of the encoder, or "words" without an encoder."""

    @property
    def encoder_inside(self) -> bool:
        """Whether to keep a copy of a frozen encoder with the network."""

    @property
    def inputs(self) -> WordInputConfig:
        """Settings of the word vectors of the task."""

    @property
    def representation(self) -> EncoderConfig:
        """Settings of the use of the encoder."""

    def to_dict(self) -> dict[str, Any]:
        """Return the settings in JSON types."""


ConfigT = TypeVar("ConfigT", bound=NetworkConfig)
NetworkT = TypeVar("NetworkT", bound=TaskNetwork)
MakeNetwork = Callable[[ConfigT, Sequence[str], Representation], NetworkT]
"""Function from settings, labels and word representation to a network."""


def tokenization_of(config: NetworkConfig, elmo: Encoder | None) -> Tokenization:
    """The tokenisation of plain strings."""
    of_encoder = elmo.tokenization if elmo is not None else Tokenization(kind="words")
    return of_encoder.with_kind(None if config.tokenizer == "auto" else config.tokenizer)


def new_network(
    config: ConfigT,
    make: MakeNetwork[ConfigT, NetworkT],
    labels: Sequence[str],
    elmo: Encoder | None,
    train: Iterable[Sequence[str]],
    others: Iterable[Sequence[str]] = (),
) -> NetworkT:
    """Build an untrained network.

    Args:
        config: Settings.
        make: Function that makes the network of the task.
        labels: Labels in the order of the outputs.
        elmo: Encoder, if any. It is used, not copied.
        train: Training sentences; their words get trainable vectors.
        others: Sentences to score later; vectors of their words are kept too, if they come from a file.

    Raises:
        CorpusError: The file of vectors is missing or damaged.
        ConfigError: There are neither word vectors nor an encoder, or the encoder does not have the layer.
    """
    inputs = WordInputs.build(config.inputs, train, others)
    return make(config, labels, Representation(inputs if inputs.dim else None, elmo, config.representation))


def save_network(
    directory: str | os.PathLike[str],
    kind: Kind,
    model: TaskNetwork,
    config: NetworkConfig,
    tokenization: Tokenization,
    *,
    metrics: Mapping[str, Any] | None = None,
    encoder_path: str = "",
    overwrite: bool = False,
) -> None:
    """Write the directory that ``load_network`` reads.

    Args:
        directory: Directory to write. It is created if needed, and other files in it are kept.
        kind: Task of the model.
        model: Network.
        config: Settings with which the network was built and trained.
        tokenization: Tokenisation of plain strings.
        metrics: Scores of JSON types, for the model card.
        encoder_path: Path or name of the encoder; needed if no copy is kept.
        overwrite: Replace an existing task model.

    Raises:
        CheckpointError: The directory may not be replaced.
    """
    inputs = model.representation.word_inputs
    save_task(
        directory,
        kind,
        config={
            "config": config.to_dict(),
            "tokenization": tokenization.to_dict(),
            "word_inputs": None if inputs is None else inputs.to_files()[0],
            **model.fitted,
        },
        labels=model.labels,
        tensors=own_tensors(model, ENCODER_TENSORS),
        lists={**({} if inputs is None else inputs.lists), **model.lists()},
        encoder=model.representation.elmo,
        encoder_path=encoder_path,
        encoder_inside=config.encoder_inside,
        metrics=metrics,
        overwrite=overwrite,
    )


def load_network(
    directory: str | os.PathLike[str],
    kind: Kind,
    read_config: Callable[[Mapping[str, Any]], ConfigT],
    make: MakeNetwork[ConfigT, NetworkT],
    *,
    device: str = "cpu",
    encoder: str | None = None,
) -> tuple[NetworkT, ConfigT, Tokenization]:
    """Read the directory of a task model.

    Args:
        directory: Directory written by ``save_network``.
        kind: Expected task of the model.
        read_config: Function that rebuilds the settings from the output of their ``to_dict``.
        make: Function that makes the network of the task.
        device: Device of the encoder.
        encoder: Path or name of an encoder of which no copy is kept. Defaults to the saved one.

    Returns:
        The network with its weights, on the CPU except for the encoder; its settings; the tokenisation of strings.

    Raises:
        CheckpointError: There is no such model, it is damaged, or it is for another task.
    """
    saved = load_task(directory, kind, device=device, encoder=encoder)

    def build() -> NetworkT:
        words = None if settings.word_inputs is None else WordInputs.from_files(settings.word_inputs, saved.lists)
        made = make(config, saved.labels, Representation(words, saved.encoder, config.representation))
        made.set_lists(saved.lists)
        return made

    try:
        settings = from_settings(_Settings, saved.config, "settings")
        config = read_config(settings.config)
        tokenization = Tokenization.from_dict(settings.tokenization)
        with shapes_alone():  # wrong settings must not allocate memory
            outline = build()
        saved.check(outline, without=ENCODER_TENSORS)
        model = build()
    except CheckpointError:
        raise
    except ValueError as error:
        raise CheckpointError(f"{Path(directory) / CONFIG}: {error}") from None
    saved.fill(model, without=ENCODER_TENSORS)
    model.set_fitted({name: getattr(settings, name) for name in model.fitted})
    return model, config, tokenization


@dataclass(frozen=True)
class _Settings:
    """The settings that ``save_network`` hands to ``save_task``."""

    config: dict[str, Any]
    tokenization: dict[str, Any]
    word_inputs: dict[str, Any] | None
    temperature: float = 1.0
    ngram_weight: float = 1.0
    threshold: float = 0.5

    def __post_init__(self) -> None:
        """Check the ranges of what was fitted to dev."""
        for name in ("temperature", "ngram_weight"):
            scale = getattr(self, name)
            require(0 < scale < float("inf"), f"settings.{name}", "a positive number", scale)
        require(0 < self.threshold < 1, "settings.threshold", "a probability in (0, 1)", self.threshold)
