"""Layers of a frozen encoder for the sentences of a data set: computed once and kept, or computed for every batch.

A batch that is read from the cache equals the computed one within float16.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from elmo_lite import CheckpointError, ConfigError, Elmo
from tasks.inputs import layer_cache
from tasks.inputs.layer_cache import Meta, Words

log = logging.getLogger("elmo_lite")

Cache = Literal["auto", "on", "off"]


class FrozenLayers:
    """Layers of sentences in float16 on disk; a batch of them is read, not computed."""

    def __init__(self, path: Path, sentences: Sequence[Words], num_layers: int, dim: int) -> None:
        """Map a file of layers into memory.

        Args:
            path: blocks (L, T, 2D) of the distinct sentences, in the order in which they first occur.
            sentences: what ``batch`` counts; equal ones share a block.
            num_layers: L.
            dim: 2D.
        """
        self.num_layers, self.dim = num_layers, dim
        self.path = path
        starts: dict[tuple[str, ...], int] = {}
        end = 0
        self._spans: list[tuple[int, int]] = []
        """First word in the file, and T, of each sentence."""
        for words in map(tuple, sentences):
            if words not in starts:
                starts[words] = end
                end += len(words)
            self._spans.append((starts[words], len(words)))
        # Copy on write: torch wants memory that it could write to, and nothing does.
        numbers = np.memmap(path, dtype=np.float16, mode="c") if end else np.empty(0, dtype=np.float16)
        self._numbers = torch.from_numpy(numbers)

    def __len__(self) -> int:
        """Sentences."""
        return len(self._spans)

    def batch(self, indices: Sequence[int]) -> Tensor:
        """Layers of some sentences, (L, B, T, 2D) float32 on the CPU, zeros behind the ends."""
        spans = [self._spans[index] for index in indices]
        layers = torch.zeros(self.num_layers, len(spans), max((length for _, length in spans), default=0), self.dim)
        word = self.num_layers * self.dim
        for row, (start, length) in enumerate(spans):
            block = self._numbers[start * word : (start + length) * word]
            layers[:, row, :length] = block.view(self.num_layers, length, self.dim)
        return layers


class LiveLayers:
    """The same interface, computed by the encoder for every batch."""

    def __init__(self, elmo: Elmo, sentences: Sequence[Words]) -> None:
        """Keep the sentences that ``batch`` counts."""
        self.elmo = elmo
        self._sentences = [list(words) for words in sentences]

    def __len__(self) -> int:
        """Sentences."""
        return len(self._sentences)

    def batch(self, indices: Sequence[int]) -> Tensor:
        """Layers of some sentences, (L, B, T, 2D) float32 on the CPU, zeros behind the ends."""
        arrays = self.elmo.embed([self._sentences[index] for index in indices])
        longest = max((array.shape[1] for array in arrays), default=0)
        layers = torch.zeros(self.elmo.num_layers, len(arrays), longest, self.elmo.output_dim)
        for row, array in enumerate(arrays):
            layers[:, row, : array.shape[1]] = torch.from_numpy(array)
        return layers


def layers_for(
    elmo: Elmo,
    sentences: Sequence[Words],
    *,
    cache: Cache = "auto",
    cache_dir: str | os.PathLike[str] = "",
    epochs: int = 2,
    model_hash: str = "",
    progress: bool = True,
) -> FrozenLayers | LiveLayers:
    """Layers of a data set, from the cache where that pays and the disk has room.

    Args:
        elmo: a frozen encoder.
        sentences: the data set; ``batch`` takes numbers of its sentences.
        cache: "auto" caches what is read in more than one epoch; "on" always, "off" never.
        cache_dir: where caches lie; ``layer_cache.default_cache_dir()`` where empty.
        epochs: how often the data set will be read.
        model_hash: ``encoder_hash(elmo)`` where the caller has it already.
        progress: show a bar while computing.

    Raises:
        ConfigError: another word for ``cache``.
        CheckpointError: the encoder computes no finite numbers.
    """
    if cache not in ("auto", "on", "off"):
        raise ConfigError(f"cache: expected auto, on or off, found {cache!r}")
    found = None
    if cache == "on" or (cache == "auto" and epochs > 1):
        place = Path(cache_dir).expanduser() if cache_dir else layer_cache.default_cache_dir()
        found = open_or_compute(elmo, sentences, place, model_hash, progress)
    return found or LiveLayers(elmo, sentences)


def open_or_compute(
    elmo: Elmo, sentences: Sequence[Words], cache_dir: Path, model_hash: str = "", progress: bool = True
) -> FrozenLayers | None:
    """Open the cached layers of sentences; compute and store them where there are none that can be used.

    Returns:
        The layers; None, with a warning that says why, where they cannot be stored.

    Raises:
        CheckpointError: the encoder computes no finite numbers.
    """
    distinct = list(dict.fromkeys(map(tuple, sentences)))
    meta = Meta.of(elmo, distinct, model_hash)
    folder = Path(cache_dir) / meta.key
    try:
        if folder.exists():
            try:
                path = layer_cache.check(folder, meta)
            except (CheckpointError, OSError) as error:
                log.warning("%s; the layers are computed again", error)
            else:
                return FrozenLayers(path, sentences, elmo.num_layers, elmo.output_dim)
        layer_cache.check_room(Path(cache_dir), meta.size)
        layer_cache.store(elmo, distinct, folder, meta, progress)
        log.info("layers of %s words kept in %s (%s)", f"{meta.shape[0]:,}", folder, layer_cache.megabytes(meta.size))
        return FrozenLayers(folder / layer_cache.LAYERS, sentences, elmo.num_layers, elmo.output_dim)
    except OSError as error:
        reason = error.strerror or error
        log.warning("%s: layers cannot be kept there (%s): they are computed in every epoch", cache_dir, reason)
        return None
