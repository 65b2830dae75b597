"""The file of vectors that ``elmo-lite embed`` writes: its format, checks before the work, and a writer."""

from __future__ import annotations

import logging
import shutil
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from importlib import import_module
from pathlib import Path

from elmo_lite.embedding.flat_writers import NumpyVectors
from elmo_lite.embedding.vector_shape import VectorShape, VectorWriter
from elmo_lite.embedding.writers import WRITERS
from elmo_lite.errors import ConfigError, require
from elmo_lite.files import STANDARD_STREAM, replace_file

logger = logging.getLogger(__name__)

_PACKAGE_OF = {".h5": "h5py", ".hdf5": "h5py", ".parquet": "pyarrow", ".safetensors": "safetensors", ".npz": "numpy"}
_BYTES_PER_SENTENCE = {".h5": 500, ".hdf5": 500, ".parquet": 16, ".safetensors": 8, ".npz": 8}
"""Approximate overhead of each format in bytes per sentence."""


@contextmanager
def file_to_write(target: str, shape: VectorShape) -> Iterator[VectorWriter]:
    """A writer of the format of ``target``; the file takes its place at the end of the block."""
    if target == STANDARD_STREAM:
        with closing(NumpyVectors(sys.stdout.buffer, shape)) as writer:
            yield writer
        return
    path = Path(target)
    _check_space(shape, path)
    with replace_file(path) as scratch, closing(WRITERS[path.suffix](scratch, shape)) as writer:
        yield writer


def check_output(output: str, source: str, overwrite: bool) -> None:
    """Check that the output can be written.

    Raises:
        ConfigError: The suffix is unknown, the folder does not exist, the file exists, or it is the input; or standard
            output is a terminal.
        ImportError: The package for the format is not installed.
    """
    if output == STANDARD_STREAM:
        require(not sys.stdout.isatty(), "OUTPUT", "a file or a pipe for binary data", "a terminal")
        return
    target = Path(output)
    if target.suffix not in _PACKAGE_OF:
        raise ConfigError(f"{target}: expected an output named {', '.join(_PACKAGE_OF)}, found {target.suffix!r}")
    if not target.parent.is_dir():
        raise ConfigError(f"{target}: expected an existing folder, found none")
    if target.is_dir() or (target.exists() and not overwrite):
        found = "a directory" if target.is_dir() else "a file (--overwrite replaces it)"
        raise ConfigError(f"{target}: expected nothing there, found {found}")
    if target.exists() and Path(source).exists() and target.samefile(source):
        raise ConfigError(f"{target}: expected another file than the input, found the same")
    import_module(_PACKAGE_OF[target.suffix])  # raises an error at once if the package is missing


def _check_space(shape: VectorShape, target: Path) -> None:
    """Log the expected size of the output; raise an error if it exceeds the free disk space."""
    per_sentence = _BYTES_PER_SENTENCE[target.suffix]
    needed = shape.vector_bytes + shape.num_bytes + 16 * shape.num_words + per_sentence * shape.num_sentences
    free = shutil.disk_usage(target.parent).free
    logger.info(
        "%s: about %s for %s words in %s sentences (%s free)",
        target, _size(needed), f"{shape.num_words:,}", f"{shape.num_sentences:,}", _size(free),
    )  # fmt: skip
    if needed > free:
        raise ConfigError(
            f"{target}: expected {_size(needed)} of free disk space, found {_size(free)} (--dtype float16 halves it)"
        )


def _size(number: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if number < 1000:
            return f"{number:.3g} {unit}"
        number /= 1000
    return f"{number:.3g} TB"
