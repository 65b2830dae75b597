"""Batches of a data set, with the layers of a frozen encoder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn
from torch.utils.data import DataLoader

from elmo_lite import Elmo
from tasks.inputs.batch import Batch, collate
from tasks.inputs.dataset_layers import FrozenLayers, LiveLayers, layers_for
from tasks.training.config import FinetuneConfig
from tasks.training.head import Example
from tasks.training.length_pools import LengthPools

Numbered = tuple[list[int], Batch]
"""The indices of the sentences of a batch, and the batch."""


class SentenceBatches:
    """Batches of examples that are one sentence each; a task with other examples has a subclass."""

    def __init__(self, examples: Sequence[Example]) -> None:
        """Store the examples that the indices of ``batch`` refer to."""
        self.examples = examples

    def sentences(self) -> list[Sequence[str]]:
        """The sentences that the encoder reads, whose layers ``batch`` is given."""
        return [example.words for example in self.examples]

    def batch(self, indices: list[int], targets: Sequence[Any] | None, layers: FrozenLayers | LiveLayers | None) -> Any:
        """The batch of the examples at ``indices``; ``targets`` are theirs, ``layers`` those of all sentences."""
        words = [self.examples[index].words for index in indices]
        return collate(words, targets, None if layers is None else layers.batch(indices))


def frozen_layers(
    model: nn.Module,
    sentences: Sequence[Sequence[str]],
    config: FinetuneConfig,
    epochs: int,
    elmo: Elmo | None,
    model_hash: str,
    device: torch.device,
    progress: bool,
) -> FrozenLayers | LiveLayers | None:
    """Layers of a frozen encoder; None without an encoder, or if the model trains it."""
    if elmo is None or any(isinstance(module, Elmo) for module in model.modules()):
        return None
    return layers_for(
        elmo.to(device),
        sentences,
        cache=config.cache,
        cache_dir=config.cache_dir,
        epochs=epochs,
        model_hash=model_hash,
        progress=progress,
    )


def data_loader(
    examples: SentenceBatches,
    batches: LengthPools | list[list[int]],
    layers: FrozenLayers | LiveLayers | None,
    targets: Sequence[Any] | None,
) -> DataLoader[int]:
    """Make a loader of batches; the items of its data set are indices of examples."""

    def make(indices: list[int]) -> Numbered:
        of_batch = None if targets is None else [targets[index] for index in indices]
        return indices, examples.batch(indices, of_batch, layers)

    return DataLoader(range(len(examples.examples)), batch_sampler=batches, collate_fn=make)  # type: ignore[arg-type]
