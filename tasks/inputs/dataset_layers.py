"""Layers of a frozen encoder for the sentences of a data set: cached on disk, or computed for every batch.

Cached layers equal computed ones within the precision of float16.
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

from elmo_lite import CheckpointError, ConfigError
from elmo_lite.paths import expanded
from tasks.inputs import layer_cache
from tasks.inputs.encoders import Encoder
from tasks.inputs.layer_cache import Meta, Words

log = logging.getLogger("elmo_lite")

Cache = Literal["auto", "on", "off"]


class FrozenLayers:
    """Layers of sentences in float16 on disk; batches are read, not computed."""

    def __init__(
        self,
        path: Path,
        sentences: Sequence[Words],
        num_layers: int,
        dim: int,
        places: Sequence[int] | None = None,
    ) -> None:
        """Map a file of layers into memory.

        Args:
            path: File of blocks (L, T, 2D), one per distinct sentence, in order of first occurrence.
            sentences: Sentences that the indices of ``batch`` refer to; equal ones share a block.
            num_layers: Number of layers L in the file.
            dim: Width 2D of a layer.
            places: Places in the file, in 0..L-1, of the layers to read. Defaults to all.
        """
        self.num_layers, self.dim = num_layers, dim
        self._places = torch.tensor(list(range(num_layers) if places is None else places))
        self.path = path
        starts: dict[tuple[str, ...], int] = {}
        end = 0
        spans: list[
            tuple[int, int]
        ] = []  # position of the first word in the file, and number of words, of each sentence
        for words in map(tuple, sentences):
            if words not in starts:
                starts[words] = end
                end += len(words)
            spans.append((starts[words], len(words)))
        self._spans = torch.tensor(spans, dtype=torch.long).view(-1, 2)
        # Copy on write: torch requires writable memory, but nothing is written.
        numbers = np.memmap(path, dtype=np.float16, mode="c") if end else np.empty(0, dtype=np.float16)
        self._vectors = torch.from_numpy(numbers).view(-1, dim)

    def __len__(self) -> int:
        """Number of sentences."""
        return len(self._spans)

    def batch(self, indices: Sequence[int]) -> Tensor:
        """Chosen layers of the sentences at ``indices``, (K, B, T, 2D) float32 on the CPU, zero at padding."""
        starts, lengths = self._spans[list(indices)].unbind(dim=1)
        position = torch.arange(int(lengths.max()) if len(lengths) else 0)
        is_word = position < lengths[:, None]  # (B, T)
        # Only the pages of the chosen layers are read.
        first = starts * self.num_layers + self._places[:, None] * lengths  # (K, B)
        rows = first[..., None] + torch.where(is_word, position, 0)
        layers = self._vectors[rows.flatten().clamp(max=len(self._vectors) - 1)].float().view(*rows.shape, self.dim)
        layers.flatten(1, 2).index_fill_(1, (~is_word).flatten().nonzero().flatten(), 0.0)
        return layers


class LiveLayers:
    """Layers of sentences, computed by the encoder for every batch; same interface as ``FrozenLayers``."""

    def __init__(self, elmo: Encoder, sentences: Sequence[Words], layers: Sequence[int] | None = None) -> None:
        """Store the sentences that the indices of ``batch`` refer to, and the layers to return, all by default."""
        self.elmo = elmo
        self._layers = list(range(elmo.num_layers) if layers is None else layers)
        self._sentences = [list(words) for words in sentences]

    def __len__(self) -> int:
        """Number of sentences."""
        return len(self._sentences)

    def batch(self, indices: Sequence[int]) -> Tensor:
        """Chosen layers of the sentences at ``indices``, (K, B, T, 2D) float32 on the CPU, zero at padding."""
        arrays = self.elmo.embed([self._sentences[index] for index in indices])
        longest = max((array.shape[1] for array in arrays), default=0)
        layers = torch.zeros(len(self._layers), len(arrays), longest, self.elmo.output_dim)
        for row, array in enumerate(arrays):
            layers[:, row, : array.shape[1]] = torch.from_numpy(array[self._layers])
        return layers


def layers_for(
    elmo: Encoder,
    sentences: Sequence[Words],
    *,
    cache: Cache = "auto",
    cache_dir: str | os.PathLike[str] = "",
    epochs: int = 2,
    model_hash: str = "",
    progress: bool = True,
    layers: Sequence[int] | None = None,
) -> FrozenLayers | LiveLayers:
    """Layers of a data set, from the cache if it is enabled and the disk has room.

    Args:
        elmo: Frozen encoder.
        sentences: Sentences of the data set; ``batch`` takes their indices.
        cache: "auto" caches layers that are read in more than one epoch; "on" always caches, "off" never does.
        cache_dir: Directory of the cache. Defaults to ``layer_cache.default_cache_dir()``.
        epochs: Number of times that the data set is read.
        model_hash: ``hash_of(elmo)``; computed if empty.
        progress: Show a progress bar while computing.
        layers: Numbers of the layers that are needed, ascending, in 0..L-1. Defaults to all.

    Raises:
        ConfigError: ``cache`` has another value.
        CheckpointError: The encoder computes values that are not finite.
    """
    if cache not in ("auto", "on", "off"):
        raise ConfigError(f"cache: expected auto, on or off, found {cache!r}")
    found = None
    if cache == "on" or (cache == "auto" and epochs > 1):
        place = expanded(cache_dir) if cache_dir else layer_cache.default_cache_dir()
        found = open_or_compute(elmo, sentences, place, model_hash, progress, layers)
    return found or LiveLayers(elmo, sentences, layers)


def open_or_compute(
    elmo: Encoder,
    sentences: Sequence[Words],
    cache_dir: Path,
    model_hash: str = "",
    progress: bool = True,
    layers: Sequence[int] | None = None,
) -> FrozenLayers | None:
    """Open the cached layers of sentences; compute and store them if they are missing or damaged.

    Some layers are read from a file of all, if there is one. Otherwise they alone are stored.

    Returns:
        The layers; None, after a warning with the reason, if they cannot be stored.

    Raises:
        CheckpointError: The encoder computes values that are not finite.
    """
    distinct = list(dict.fromkeys(map(tuple, sentences)))
    whole = Meta.of(elmo, distinct, model_hash)
    meta = whole.of_layers(layers)
    try:
        for known in dict.fromkeys((meta, whole)):
            path = _checked(Path(cache_dir), known)
            if path is not None:
                return FrozenLayers(path, sentences, known.shape[1], elmo.output_dim, known.places(layers))
        layer_cache.check_room(Path(cache_dir), meta.size)
        folder = Path(cache_dir) / meta.key
        layer_cache.store(elmo, distinct, folder, meta, progress)
        log.info("layers of %s words kept in %s (%s)", f"{meta.shape[0]:,}", folder, layer_cache.megabytes(meta.size))
        return FrozenLayers(folder / layer_cache.LAYERS, sentences, meta.shape[1], elmo.output_dim)
    except OSError as error:
        reason = error.strerror or error
        log.warning("%s: layers cannot be kept there (%s): they are computed in every epoch", cache_dir, reason)
        return None


def _checked(cache_dir: Path, meta: Meta) -> Path | None:
    """The file of cached layers; None if there is none, or after a warning, if it is damaged."""
    folder = cache_dir / meta.key
    if not folder.exists():
        return None
    try:
        return layer_cache.check(folder, meta)
    except (CheckpointError, OSError) as error:
        log.warning("%s; the layers are computed again", error)
        return None
