"""Batches of a data set, with the layers of a frozen encoder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from elmo_lite import Elmo
from tasks.inputs.batch import Batch, collate
from tasks.inputs.dataset_layers import FrozenLayers, LiveLayers, layers_for
from tasks.inputs.encoders import Encoder
from tasks.inputs.representation import Representation
from tasks.training.config import FinetuneConfig
from tasks.training.head import Example
from tasks.training.length_pools import LengthPools

Numbered = tuple[list[int], Batch]
"""The indices of the sentences of a batch, and the batch."""


class AnyLayers(Protocol):
    """Layers of sentences: ``FrozenLayers``, ``LiveLayers`` or ``SelectedLayers``."""

    def batch(self, indices: Sequence[int]) -> Tensor:
        """Layers of the sentences at ``indices``, (L, B, T, 2D) float32, zero at padding."""


class SentenceBatches:
    """Batches of examples that are one sentence each; a task with other examples has a subclass."""

    def __init__(self, examples: Sequence[Example]) -> None:
        """Store the examples that the indices of ``batch`` refer to."""
        self.examples = examples

    def sentences(self) -> list[Sequence[str]]:
        """The sentences that the encoder reads, whose layers ``batch`` is given."""
        return [example.words for example in self.examples]

    def batch(self, indices: list[int], targets: Sequence[Any] | None, layers: AnyLayers | None) -> Any:
        """The batch of the examples at ``indices``; ``targets`` are theirs, ``layers`` those of all sentences."""
        words = [self.examples[index].words for index in indices]
        marks = [getattr(self.examples[index], "marked", ()) for index in indices]
        return collate(words, targets, None if layers is None else layers.batch(indices), marks)


def trains_encoder(model: nn.Module) -> bool:
    """Whether a model contains an encoder, which is trained along."""
    return any(isinstance(module, Elmo) for module in model.modules())


def frozen_layers(
    model: nn.Module,
    sentences: Sequence[Sequence[str]],
    config: FinetuneConfig,
    epochs: int,
    elmo: Encoder | None,
    model_hash: str,
    device: torch.device,
    progress: bool,
    pool: Sequence[Sequence[str]] = (),
) -> AnyLayers | None:
    """The layers of a frozen encoder that the model uses; None without an encoder, or if the model trains it.

    If all sentences are in ``pool``, the layers are those of the pool, which several trainings share.
    """
    if elmo is None or trains_encoder(model):
        return None
    used = [module.layers for module in model.modules() if isinstance(module, Representation)]
    place = {tuple(words): number for number, words in enumerate(pool)}
    is_inside = all(tuple(words) in place for words in sentences)
    layers = layers_for(
        elmo.to(device),
        list(pool) if is_inside else sentences,
        cache=config.cache,
        cache_dir=config.cache_dir,
        epochs=epochs,
        model_hash=model_hash,
        progress=progress,
        layers=used[0] if used else None,
    )
    return SelectedLayers(layers, [place[tuple(words)] for words in sentences]) if is_inside else layers


class SelectedLayers:
    """Layers of some of the sentences of a larger set; same interface as ``FrozenLayers``."""

    def __init__(self, layers: FrozenLayers | LiveLayers, chosen: Sequence[int]) -> None:
        """Choose sentences by their indices in ``layers``."""
        self._layers, self._chosen = layers, chosen

    def batch(self, indices: Sequence[int]) -> Tensor:
        """Layers of the sentences at ``indices`` of the choice, (L, B, T, 2D) float32, zero at padding."""
        return self._layers.batch([self._chosen[index] for index in indices])


def data_loader(
    examples: SentenceBatches,
    batches: LengthPools | list[list[int]],
    layers: AnyLayers | None,
    targets: Sequence[Any] | None,
    pins: bool = False,
) -> DataLoader[int]:
    """Make a loader of batches; the items of its data set are indices of examples.

    With ``pins``, batches are pinned in memory, from where a GPU copies them while it computes.
    """

    def make(indices: list[int]) -> Numbered:
        of_batch = None if targets is None else [targets[index] for index in indices]
        return indices, examples.batch(indices, of_batch, layers)

    numbers: Any = range(len(examples.examples))
    return DataLoader(numbers, batch_sampler=batches, collate_fn=make, pin_memory=pins)
