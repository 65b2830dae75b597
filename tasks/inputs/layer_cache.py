"""Directories of cached layers: written whole or not at all, checked before they are used.

    CACHE/KEY/layers.float16     one block (L, T, 2D) a distinct sentence, one after the other
    CACHE/KEY/meta.json          what the layers are of, their size and SHA-256

KEY is a hash of the encoder and of the sentences, so a changed model or data set never finds the layers of the one
before. Directories of CACHE may be deleted at any time. Numbers beyond the range of float16 (65,504) are set to its
end, and counted.
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

from elmo_lite import CheckpointError, Elmo
from elmo_lite.files import put_in_place, scratch_directory, write_json
from tasks.inputs.encoder_hash import encoder_hash

log = logging.getLogger("elmo_lite")

Words = Sequence[str]
FORMAT_VERSION = 1
LAYERS = "layers.float16"
META = "meta.json"
LARGEST = float(np.finfo(np.float16).max)
RESERVE = 512 * 2**20
"""Bytes of the disk that stay free."""


@dataclass(frozen=True)
class Meta:
    """What cached layers are of, all of it known before they are computed."""

    format_version: int
    encoder: str
    """Its ``encoder_hash``."""
    dtype: str
    """What it computes in."""
    sentences: str
    """SHA-256 of the words."""
    shape: tuple[int, int, int]
    """Words, L, 2D."""

    @classmethod
    def of(cls, elmo: Elmo, sentences: Sequence[Words], model_hash: str = "") -> Meta:
        """The layers of distinct sentences; ``model_hash`` is ``encoder_hash(elmo)`` where the caller has it."""
        digest = hashlib.sha256()
        for sentence in sentences:
            digest.update(json.dumps(list(sentence)).encode() + b"\n")
        return cls(
            format_version=FORMAT_VERSION,
            encoder=model_hash or encoder_hash(elmo),
            dtype=str(elmo.dtype).removeprefix("torch."),
            sentences=digest.hexdigest(),
            shape=(sum(map(len, sentences)), elmo.num_layers, elmo.output_dim),
        )

    @property
    def key(self) -> str:
        """Name of the directory."""
        return hashlib.sha256(json.dumps(self.to_dict(), sort_keys=True).encode()).hexdigest()[:32]

    @property
    def size(self) -> int:
        """Bytes of the layers."""
        words, layers, width = self.shape
        return 2 * words * layers * width

    def to_dict(self) -> dict[str, object]:
        """The same as JSON gives it back."""
        return {**dataclasses.asdict(self), "shape": list(self.shape)}


def default_cache_dir() -> Path:
    """The directory of cached layers where none is given: ``elmo_lite/features`` in the user's cache directory.

    The cache directory is the one that the operating system provides (``$XDG_CACHE_HOME`` or ``~/.cache`` on Linux).
    Earlier versions used the Linux directories everywhere; a directory that they left is still used.
    """
    home = os.environ.get("XDG_CACHE_HOME", "")
    earlier = (Path(home) if os.path.isabs(home) else Path.home() / ".cache") / "elmo_lite" / "features"
    return earlier if earlier.is_dir() else user_cache_path("elmo_lite", appauthor=False) / "features"


def megabytes(size: int) -> str:
    """A number of bytes for people."""
    return f"{size / 1e6:,.0f} MB"


def check(folder: Path, meta: Meta) -> Path:
    """See that cached layers are whole and what ``meta`` says.

    Returns:
        The file of the layers.

    Raises:
        CheckpointError: they are not.
        OSError: they cannot be read.
    """
    path = folder / META
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        digest = found["sha256"]
    except FileNotFoundError:
        raise CheckpointError(f"{path}: expected facts about cached layers, found no such file") from None
    except (ValueError, TypeError, KeyError) as error:
        raise CheckpointError(f"{path}: expected facts about cached layers, found {error!r}") from None
    for name, expected in meta.to_dict().items():
        if found.get(name) != expected:
            raise CheckpointError(f"{path}: {name}: expected {expected}, found {found.get(name)}")
    path = folder / LAYERS
    size = path.stat().st_size if path.exists() else 0
    if size != meta.size:
        raise CheckpointError(f"{path}: expected {meta.size} bytes, found {size}")
    with path.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != digest:
            raise CheckpointError(f"{path}: expected SHA-256 {digest}, found another")
    return path


def check_room(cache_dir: Path, size: int) -> None:
    """See that the disk has room, before hours are spent on layers that will not fit.

    Raises:
        OSError: it has not.
    """
    existing = next(path for path in (cache_dir.absolute(), *cache_dir.absolute().parents) if path.exists())
    free = shutil.disk_usage(existing).free
    if free < size + RESERVE:
        raise OSError(f"{megabytes(size)} needed and {megabytes(RESERVE)} to stay free, {megabytes(free)} free")


def store(elmo: Elmo, sentences: Sequence[Words], folder: Path, meta: Meta, progress: bool = True) -> None:
    """Compute the layers of distinct sentences under a temporary name, and rename.

    Raises:
        OSError: the disk is full, or not to be written on.
        CheckpointError: the encoder computes no finite numbers.
    """
    with scratch_directory(folder) as scratch:
        digest = hashlib.sha256()
        with (scratch / LAYERS).open("wb") as file:
            for block in _blocks(elmo, sentences, meta.shape[0], progress):
                data = block.tobytes()
                digest.update(data)
                file.write(data)
        facts = {**meta.to_dict(), "size": meta.size, "sha256": digest.hexdigest()}
        write_json(scratch / META, facts)
        put_in_place(scratch, folder)


def _blocks(elmo: Elmo, sentences: Sequence[Words], total: int, progress: bool) -> Iterator[npt.NDArray[np.float16]]:
    """(L, T, 2D) of each sentence in float16, its ends standing for what lies beyond them."""
    beyond = 0
    bar = tqdm(total=total, desc="layers", unit="word", unit_scale=True, disable=not progress, file=sys.stderr)
    if progress and not sys.stderr.isatty():  # a log file gets a line now and then, not a movie
        bar.mininterval, bar.maxinterval, bar.miniters = 15.0, 30.0, 1
    with bar:
        for words, block in zip(sentences, elmo.embed_iter(sentences), strict=True):
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
        log.warning(
            "layers: %s numbers beyond %s, the range of float16, were set to it", f"{beyond:,}", f"{LARGEST:,.0f}"
        )
