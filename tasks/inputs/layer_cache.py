"""Directories of cached layers; each is written completely or not at all, and checked before use.

    CACHE/KEY/layers.float16     one block (L, T, 2D) per distinct sentence, one after the other
    CACHE/KEY/meta.json          encoder, data type, sentences, numbers (of some layers) and shape; size and SHA-256

KEY is a hash of the encoder, of the sentences and of the choice of layers, so that a changed model or data set never
reads old layers. Directories in CACHE may be deleted at any time. Values outside the range of float16 (-65,504 to
65,504) are clipped and counted.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import logging
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from platformdirs import user_cache_path
from tqdm import tqdm

from elmo_lite import CheckpointError
from elmo_lite.files import put_in_place, scratch_directory
from elmo_lite.metadata import read_json, regular_size, write_json
from tasks.inputs.encoders import Encoder, hash_of

log = logging.getLogger("elmo_lite")

Words = Sequence[str]
FORMAT_VERSION = 1
LAYERS = "layers.float16"
META = "meta.json"
LARGEST = float(np.finfo(np.float16).max)
RESERVE = 512 * 2**20
"""Number of bytes of the disk to keep free."""


@dataclass(frozen=True)
class Meta:
    """Metadata of cached layers, known before they are computed."""

    format_version: int
    encoder: str
    """``hash_of`` the encoder."""
    dtype: str
    """Data type in which the encoder computes."""
    sentences: str
    """SHA-256 of the words."""
    shape: tuple[int, int, int]
    """Number of words, of layers in the file, and 2D."""
    layers: tuple[int, ...] | None = None
    """Numbers of the layers in the file, ascending; None for all."""

    @classmethod
    def of(cls, elmo: Encoder, sentences: Sequence[Words], model_hash: str = "") -> Meta:
        """Metadata of the layers of distinct sentences; ``model_hash`` is ``hash_of(elmo)`` if known."""
        digest = hashlib.sha256()
        for sentence in sentences:
            digest.update(json.dumps(list(sentence)).encode() + b"\n")
        return cls(
            format_version=FORMAT_VERSION,
            encoder=model_hash or hash_of(elmo),
            dtype=str(elmo.dtype).removeprefix("torch."),
            sentences=digest.hexdigest(),
            shape=(sum(map(len, sentences)), elmo.num_layers, elmo.output_dim),
        )

    def of_layers(self, layers: Sequence[int] | None) -> Meta:
        """The metadata of a file of some of the layers of this one, which has all; ``layers`` are ascending."""
        words, num_layers, width = self.shape
        if layers is None or len(layers) == num_layers:
            return self
        return dataclasses.replace(self, layers=tuple(layers), shape=(words, len(layers), width))

    def places(self, layers: Sequence[int] | None) -> Sequence[int] | None:
        """The places of layers in the file; None for all of the file."""
        return None if self.layers is not None else layers

    @property
    def key(self) -> str:
        """Name of the directory."""
        return hashlib.sha256(json.dumps(self.to_dict(), sort_keys=True).encode()).hexdigest()[:32]

    @property
    def size(self) -> int:
        """Size of the layers in bytes."""
        words, layers, width = self.shape
        return 2 * words * layers * width

    def to_dict(self) -> dict[str, object]:
        """The metadata as JSON returns them, with lists for tuples, and without "layers" for all layers."""
        facts = {**dataclasses.asdict(self), "shape": list(self.shape)}
        if facts.pop("layers") is None:
            return facts
        return {**facts, "layers": list(self.layers or ())}


def default_cache_dir() -> Path:
    """The default directory of cached layers: ``elmo_lite/features`` in the user's cache directory.

    The cache directory is the one that the operating system provides (``$XDG_CACHE_HOME`` or ``~/.cache`` on Linux).
    Earlier versions used the Linux directories on every system; an existing one is still used.
    """
    home = os.environ.get("XDG_CACHE_HOME", "")
    earlier = (Path(home) if os.path.isabs(home) else Path.home() / ".cache") / "elmo_lite" / "features"
    return earlier if earlier.is_dir() else user_cache_path("elmo_lite", appauthor=False) / "features"


def megabytes(size: int) -> str:
    """Format a number of bytes in megabytes."""
    return f"{size / 1e6:,.0f} MB"


def check(folder: Path, meta: Meta) -> Path:
    """Check that cached layers are complete and match their metadata.

    Returns:
        The file of the layers.

    Raises:
        CheckpointError: The layers are incomplete or do not match.
        OSError: The layers cannot be read.
    """
    path = folder / META
    try:
        found = read_json(path)
    except (FileNotFoundError, NotADirectoryError):
        raise CheckpointError(f"{path}: expected metadata of cached layers, found no such file") from None
    if not isinstance(found, dict):
        raise CheckpointError(f"{path}: expected metadata of cached layers, found {found!r:.80}")
    for name, expected in meta.to_dict().items():
        if found.get(name) != expected:
            raise CheckpointError(f"{path}: {name}: expected {expected}, found {found.get(name)!r:.80}")
    digest = found.get("sha256")
    path = folder / LAYERS
    size = regular_size(path) if path.exists() else 0
    if size != meta.size:
        raise CheckpointError(f"{path}: expected {meta.size} bytes, found {size}")
    with path.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != digest:
            raise CheckpointError(f"{path}: expected SHA-256 {digest!r:.80}, found another")
    return path


def check_room(cache_dir: Path, size: int) -> None:
    """Check that the disk has room, before hours are spent on layers that do not fit.

    Raises:
        OSError: The disk does not have enough room.
    """
    existing = next(path for path in (cache_dir.absolute(), *cache_dir.absolute().parents) if path.exists())
    free = shutil.disk_usage(existing).free
    if free < size + RESERVE:
        raise OSError(f"{megabytes(size)} and a reserve of {megabytes(RESERVE)} needed, {megabytes(free)} free")


def store(elmo: Encoder, sentences: Sequence[Words], folder: Path, meta: Meta, progress: bool = True) -> None:
    """Compute the layers of distinct sentences and write them, under a temporary name until they are complete.

    Raises:
        OSError: The disk is full or not writable.
        CheckpointError: The encoder computes values that are not finite.
    """
    with scratch_directory(folder) as scratch:
        digest = hashlib.sha256()
        with (scratch / LAYERS).open("wb") as file:
            for block in _blocks(elmo, sentences, meta, progress):
                data = block.tobytes()
                digest.update(data)
                file.write(data)
        facts = {**meta.to_dict(), "size": meta.size, "sha256": digest.hexdigest()}
        write_json(scratch / META, facts)
        put_in_place(scratch, folder)


def _blocks(elmo: Encoder, sentences: Sequence[Words], meta: Meta, progress: bool) -> Iterator[npt.NDArray[np.float16]]:
    """Layers of each sentence, (L, T, 2D) float16, clipped to the range of float16."""
    beyond = 0
    bar = tqdm(total=meta.shape[0], desc="layers", unit="word", unit_scale=True, disable=not progress, file=sys.stderr)
    if progress and not sys.stderr.isatty():  # few lines in a log file
        bar.mininterval, bar.maxinterval, bar.miniters = 15.0, 30.0, 1
    with bar:
        for words, block in zip(sentences, elmo.embed_iter(sentences), strict=True):
            if meta.layers is not None:
                block = block[list(meta.layers)]
            largest = float(np.abs(block).max(initial=0.0))
            if not np.isfinite(largest):
                start = " ".join(words)[:40]
                raise CheckpointError(f"encoder: expected finite layers, found {largest} in the sentence {start!r}")
            if largest > LARGEST:
                beyond += int((np.abs(block) > LARGEST).sum())
                block = block.clip(-LARGEST, LARGEST)
            yield block.astype(np.float16)
            bar.update(len(words))
    if beyond:
        log.warning("layers: %s values beyond %s, the limit of float16, were clipped", f"{beyond:,}", f"{LARGEST:,.0f}")
