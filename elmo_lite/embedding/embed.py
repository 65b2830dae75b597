"""Contextual vectors of the sentences of a file, written to HDF5, Parquet or safetensors: ``elmo-lite embed``."""

from __future__ import annotations

import logging
import os
import shutil
import sys
from collections import deque
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Literal, cast

from tqdm import tqdm

from elmo_lite.embedding.elmo import BATCH_TOKENS, Elmo
from elmo_lite.embedding.layer_choice import Layers
from elmo_lite.embedding.writers import WRITERS, DType, VectorShape, VectorWriter
from elmo_lite.errors import ConfigError
from elmo_lite.files import replace_file
from elmo_lite.hardware import keep_freed_memory
from elmo_lite.text.sentence_files import read_sentences
from elmo_lite.text.sources import find_sources
from elmo_lite.text.tokenization import Tokenization

logger = logging.getLogger(__name__)

_PACKAGE_OF = {".h5": "h5py", ".hdf5": "h5py", ".parquet": "pyarrow", ".safetensors": "safetensors"}
_BYTES_PER_SENTENCE = {".h5": 500, ".hdf5": 500, ".parquet": 16, ".safetensors": 8}
"""Approximate overhead of each format in bytes per sentence."""


def embed_command(
    model: str,
    input: str,
    output: str,
    *,
    layers: str = "all",
    dtype: DType = "float32",
    overwrite: bool = False,
    tokenizer: Literal["whitespace", "words"] | None = None,
    text_field: str | None = None,
    batch_tokens: int = BATCH_TOKENS,
    precision: Literal["float32", "bfloat16"] = "float32",
    device: str = "cpu",
    quiet: bool = False,
) -> None:
    """Write contextual vectors of the sentences of a file.

    Args:
        model: Saved model: a directory, a packaged name or a hub name.
        input: Text with a sentence per line, or JSONL with the words or the text of a sentence per line; .gz, .xz and
            .zst are read too.
        output: File to write: .h5, .parquet or .safetensors.
        layers: Layers to write: all, mean, top, or the number of one layer, 0 for the token layer.
        dtype: Type of the vectors in the file.
        precision: Precision of the network's products. bfloat16 is faster if the hardware supports it.
        device: Device to run on: auto (a GPU if there is one), cpu, cuda, cuda:N or mps.
        overwrite: Replace the output if it exists.
        quiet: Show no progress.

    Other Args:
        tokenizer: Tokenisation of the text: words for raw text, whitespace for tokenised text. Defaults to that of the
            model.
        text_field: Field of records that holds the words or the text of a sentence. Defaults to the only one of text,
            words and tokens that a record has.
        batch_tokens: Number of positions in a batch, padding included; bounds memory.
    """
    target = Path(output)
    check_output(target, input, overwrite)
    keep_freed_memory()
    find_sources([input])  # a wrong path raises an error before the model is loaded
    elmo = Elmo.from_pretrained(model, device=device, dtype=precision)
    number = layers if layers in ("all", "mean", "top") else _number(layers)
    embed_file(
        elmo,
        input,
        target,
        layers=cast(Layers, number),
        dtype=dtype,
        overwrite=overwrite,
        tokenization=Tokenization(kind=tokenizer) if tokenizer else None,
        text_field=text_field,
        batch_tokens=batch_tokens,
        progress=not quiet,
    )


def _number(layers: str) -> int | str:
    try:
        return int(layers)
    except ValueError:
        return layers  # ``Elmo`` raises an error that lists the layers


def embed_file(
    elmo: Elmo,
    input: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    layers: Layers = "all",
    dtype: DType = "float32",
    overwrite: bool = False,
    tokenization: Tokenization | None = None,
    text_field: str | None = None,
    batch_tokens: int = BATCH_TOKENS,
    progress: bool = False,
) -> VectorShape:
    """Read the input twice: to check and count it, then to embed it. The arguments are those of ``embed_command``.

    Returns:
        The sizes of what was written.

    Raises:
        CorpusError: The input is missing, empty or not text; the message names the place.
        ConfigError: The output exists, has an unknown suffix or does not fit on the disk, or the layer does not exist.
    """
    source, target = os.fspath(input), Path(output)
    check_output(target, source, overwrite)
    chosen = elmo.layer_number(layers)
    split = tokenization or elmo.tokenization
    counts = [0, 0, 0]
    for words in read_sentences(source, split, text_field):
        counts[0] += 1
        counts[1] += len(words)
        counts[2] += sum(map(len, map(str.encode, words)))
    num_layers = elmo.num_layers if chosen == "all" else None
    shape = VectorShape(counts[0], counts[1], counts[2], num_layers, elmo.output_dim, dtype)
    _check_space(shape, target)
    with replace_file(target) as scratch:
        _write(
            elmo,
            read_sentences(source, split, text_field),
            chosen,
            scratch,
            target.suffix,
            shape,
            batch_tokens,
            progress,
        )
    return shape


def check_output(target: Path, source: str, overwrite: bool) -> None:
    """Check that the output can be written.

    Raises:
        ConfigError: The suffix is unknown, the folder does not exist, the file exists, or it is the input.
        ImportError: The package for the format is not installed.
    """
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


def _write(
    elmo: Elmo,
    sentences: Iterator[list[str]],
    layers: Layers,
    path: Path,
    suffix: str,
    shape: VectorShape,
    batch_tokens: int,
    progress: bool,
) -> None:
    waiting: deque[list[str]] = deque()  # sentences without vectors so far, at most a window

    def remembered() -> Iterator[list[str]]:
        for words in sentences:
            waiting.append(words)
            yield words

    bar = tqdm(total=shape.num_words, unit="word", unit_scale=True, disable=not progress, file=sys.stderr)
    with bar:
        writer: VectorWriter = WRITERS[suffix](path, shape)
        try:
            for vectors in elmo.embed_iter(remembered(), layers, batch_tokens=batch_tokens):
                words = waiting.popleft()
                writer.write(words, vectors.astype(shape.dtype, copy=False))
                bar.update(len(words))
        finally:
            writer.close()
