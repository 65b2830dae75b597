"""The network of a task with its settings and tokenisation: put together, saved, and loaded again.

What a task brings along is its settings, and the function that makes its network of them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar, cast

from torch import nn

from elmo_lite import CheckpointError, ConfigError, Elmo, Tokenization
from elmo_lite.files import read_json
from tasks.inputs.representation import EncoderConfig, Representation
from tasks.inputs.word_inputs import WordInputConfig, WordInputs
from tasks.saved_task.directory import Kind, load_task, own_tensors, save_task
from tasks.saved_task.encoder import CONFIG

ENCODER_TENSORS = "representation.elmo."
"""Names of a trained encoder's weights, which are saved as a model of their own."""


class NetworkConfig(Protocol):
    """The settings of a task that its saved model needs."""

    @property
    def tokenizer(self) -> Literal["auto", "words", "whitespace"]:
        """How plain strings become words; auto is the encoder's own way, and "words" without one."""

    @property
    def encoder_inside(self) -> bool:
        """Keep a copy of a frozen encoder with the network."""

    @property
    def inputs(self) -> WordInputConfig:
        """The task's own word vectors."""

    @property
    def representation(self) -> EncoderConfig:
        """How the encoder is used."""

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""


class TaskNetwork(Protocol):
    """What a task makes, which is an ``nn.Module``."""

    labels: list[str]
    """In the order of the outputs."""
    representation: Representation


ConfigT = TypeVar("ConfigT", bound=NetworkConfig)
NetworkT = TypeVar("NetworkT", bound=TaskNetwork)
MakeNetwork = Callable[[ConfigT, Sequence[str], Representation], NetworkT]
"""Settings, labels and the vectors of words to a network."""


def tokenization_of(config: NetworkConfig, elmo: Elmo | None) -> Tokenization:
    """How plain strings become words."""
    if config.tokenizer != "auto":
        return Tokenization(kind=config.tokenizer)
    return elmo.tokenization if elmo is not None else Tokenization(kind="words")


def check_out(out: Path, kind: Kind, overwrite: bool) -> None:
    """See that a model can be written, before hours are spent on its training.

    Args:
        out: its directory; it need not be there.
        kind: the task.
        overwrite: replace a model for this task that is there; others never are.

    Raises:
        ConfigError: it cannot be written there, or is not to be replaced.
    """
    existing = next(path for path in (out, *out.absolute().parents) if path.exists())
    if not existing.is_dir():
        raise ConfigError(f"{out}: expected a directory to write, found the file {existing}")
    if not os.access(existing, os.W_OK):
        raise ConfigError(f"{out}: expected a directory to write, found no permission to write in {existing}")
    path = out / CONFIG
    if not path.exists():
        return
    if not overwrite:
        raise ConfigError(f"{out}: expected no model there, found {CONFIG}; --overwrite replaces it")
    try:
        found = read_json(path)
    except CheckpointError:
        found = None
    if not isinstance(found, dict) or found.get("task") != kind:
        task = found.get("task") if isinstance(found, dict) else None
        shown = f"one for {task!r}" if task else f"another {CONFIG}"
        raise ConfigError(f"{out}: expected a model for the task {kind} to overwrite, found {shown}")


def new_network(
    config: ConfigT,
    make: MakeNetwork[ConfigT, NetworkT],
    labels: Sequence[str],
    elmo: Elmo | None,
    train: Iterable[Sequence[str]],
    others: Iterable[Sequence[str]] = (),
) -> NetworkT:
    """An untrained network.

    Args:
        config: settings.
        make: the task's network.
        labels: in the order of the outputs.
        elmo: the encoder, if any; used, not copied.
        train: sentences whose words get trainable vectors.
        others: sentences that will be scored; what a file of vectors knows of their words is kept too.

    Raises:
        CorpusError: the file of vectors is absent or damaged.
        ConfigError: a word would have no vector at all, or the encoder has no such layer.
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
        directory: made if need be; other files in it stay.
        kind: the task.
        model: the network.
        config: what it was built and trained with.
        tokenization: how plain strings become words.
        metrics: scores of JSON types, for the model card.
        encoder_path: where the encoder was loaded from; needed where it is not kept inside.
        overwrite: replace a task model that is already there.

    Raises:
        CheckpointError: something else lies there.
    """
    inputs = model.representation.word_inputs
    save_task(
        directory,
        kind,
        config={
            "config": config.to_dict(),
            "tokenization": tokenization.to_dict(),
            "word_inputs": None if inputs is None else inputs.to_files()[0],
        },
        labels=model.labels,
        tensors=own_tensors(cast(nn.Module, model), ENCODER_TENSORS),
        words=() if inputs is None else inputs.words,
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
        directory: what ``save_network`` wrote.
        kind: the task that it is expected to be for.
        read_config: the task's settings of what their ``to_dict`` gave.
        make: the task's network.
        device: where the encoder shall run.
        encoder: where an encoder that is not inside lies now; where it was when None.

    Returns:
        The network with its weights, on the CPU but for the encoder; settings; how plain strings become words.

    Raises:
        CheckpointError: there is no such model, it is damaged, or is one for another task.
    """
    saved = load_task(directory, kind, device=device, encoder=encoder)
    try:
        config = read_config(saved.config["config"])
        tokenization = Tokenization.from_dict(saved.config["tokenization"])
        settings = saved.config["word_inputs"]
        inputs = None if settings is None else WordInputs.from_files(settings, saved.words)
        model = make(config, saved.labels, Representation(inputs, saved.encoder, config.representation))
    except ValueError as error:
        raise CheckpointError(f"{Path(directory) / CONFIG}: {error}") from None
    except (KeyError, TypeError) as error:
        expected = "config, tokenization and word_inputs"
        raise CheckpointError(f"{Path(directory) / CONFIG}: settings: expected {expected}, found {error!r}") from None
    saved.fill(cast(nn.Module, model), without=ENCODER_TENSORS)
    return model, config, tokenization
