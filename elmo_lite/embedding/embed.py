"""Contextual vectors of the sentences of a file, written to a file in one of four formats: ``elmo-lite embed``."""

from __future__ import annotations

import json
import os
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Literal, cast

import numpy as np
from tqdm import tqdm

from elmo_lite.embedding.elmo import BATCH_TOKENS, Elmo
from elmo_lite.embedding.layer_choice import Layers
from elmo_lite.embedding.output_file import check_output, file_to_write
from elmo_lite.embedding.pooling import Pool, check_pooling, pooled
from elmo_lite.embedding.runner import FloatArray
from elmo_lite.embedding.sentence_source import counted_sentences
from elmo_lite.embedding.vector_shape import DType, VectorShape, VectorWriter
from elmo_lite.errors import CheckpointError
from elmo_lite.hardware import keep_freed_memory
from elmo_lite.text.sources import find_sources, warn_of_numbers
from elmo_lite.text.tokenization import Tokenization


def embed_command(
    model: str,
    input: str,
    output: str,
    *,
    layers: str | None = None,
    pool: Pool | None = None,
    dtype: DType = "float32",
    overwrite: bool = False,
    tokenizer: Literal["whitespace", "words"] | None = None,
    text_field: str | None = None,
    numbered_lines: bool = False,
    batch_tokens: int = BATCH_TOKENS,
    precision: Literal["float32", "bfloat16"] = "float32",
    device: str = "cpu",
    quiet: bool = False,
) -> None:
    """Write contextual vectors of the sentences of a file.

    Args:
        model: Saved model: a directory, a packaged name or a hub name.
        input: Text with a sentence per line, JSON, CSV, TSV, Parquet or a file with one word per line, recognised by
            its content, plain or compressed; - for text on standard input.
        output: File to write: .h5, .parquet, .safetensors or .npz; - for .npz on standard output.
        layers: Layers to write: all, mean, top, or the number of one layer, 0 for the token layer. Defaults to all,
            with --pool to mean.
        pool: Write one vector per sentence, the mean or max over its words. Defaults to one vector per word.
        dtype: Type of the vectors in the file.
        precision: Precision of the network's products. bfloat16 is faster if the hardware supports it.
        device: Device to run on: auto (a GPU if there is one), cpu, cuda, cuda:N or mps.
        overwrite: Replace the output if it exists.
        quiet: Show no progress.

    Other Args:
        tokenizer: Tokenisation: words for raw text, whitespace for tokenised text. Defaults to that of the model.
        text_field: Field of records that holds the words or the text of a sentence. Defaults to the only one of text,
            words and tokens that a record has.
        numbered_lines: Remove the number and the TAB that begin each line of text.
        batch_tokens: Positions in a batch, padding included; bounds memory.
    """
    check_output(output, input, overwrite)
    keep_freed_memory()
    warn_of_numbers(
        find_sources([input], numbered_lines=numbered_lines)
    )  # a wrong path raises an error before the model is loaded
    elmo = Elmo.from_pretrained(model, device=device, dtype=precision)
    embed_file(
        elmo,
        input,
        output,
        layers=None if layers is None else cast(Layers, _number(layers)),
        pool=pool,
        dtype=dtype,
        overwrite=overwrite,
        tokenization=elmo.tokenization.with_kind(tokenizer),
        text_field=text_field,
        numbered_lines=numbered_lines,
        batch_tokens=batch_tokens,
        progress=not quiet,
    )


def _number(layers: str) -> int | str:
    try:
        return int(layers)
    except ValueError:
        return layers  # ``Elmo`` refuses a name that is unknown


def embed_file(
    elmo: Elmo,
    input: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    layers: Layers | None = None,
    pool: Pool | None = None,
    dtype: DType = "float32",
    overwrite: bool = False,
    tokenization: Tokenization | None = None,
    text_field: str | None = None,
    numbered_lines: bool = False,
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
    source, target = os.fspath(input), os.fspath(output)
    check_output(target, source, overwrite)
    if layers is None:
        layers = "mean" if pool else "all"
    if pool is not None:
        check_pooling(pool, layers)
    chosen = elmo.layer_number(layers)
    split = tokenization or elmo.tokenization
    with counted_sentences(source, split, text_field, numbered_lines) as sentences:
        shape = VectorShape(
            sentences.num_sentences,
            sentences.num_words,
            sentences.num_bytes,
            elmo.num_layers if chosen == "all" else None,
            elmo.output_dim,
            dtype,
            is_pooled=pool is not None,
            metadata={
                "model": elmo.name,
                "layers": str(layers),
                "pool": pool or "none",
                "dtype": dtype,
                "tokenization": json.dumps(split.to_dict()),
            },
        )
        with file_to_write(target, shape) as file:
            _write(elmo, sentences, chosen, pool, file, shape, batch_tokens, progress)
    return shape


def _write(
    elmo: Elmo,
    sentences: Iterable[list[str]],
    layers: Layers,
    pool: Pool | None,
    writer: VectorWriter,
    shape: VectorShape,
    batch_tokens: int,
    progress: bool,
) -> None:
    waiting: deque[list[str]] = deque()  # sentences without vectors so far, at most a window

    def remembered() -> Iterator[list[str]]:
        for words in sentences:
            waiting.append(words)
            yield words

    with tqdm(total=shape.num_words, unit="word", unit_scale=True, disable=not progress, file=sys.stderr) as bar:
        found = elmo.embed_iter(remembered(), layers, batch_tokens=batch_tokens)
        for number, vectors in enumerate(found, 1):
            words = waiting.popleft()
            chosen = pooled(vectors, pool) if pool is not None else vectors
            _check_finite(chosen, shape.dtype, number, words)
            writer.write(words, chosen.astype(shape.dtype, copy=False))
            bar.update(len(words))


def _check_finite(vectors: FloatArray, dtype: DType, number: int, words: list[str]) -> None:
    """Check that the vectors of a sentence are finite in the type of the file.

    Raises:
        CheckpointError: They are not; the sentence is named.
    """
    limit = float(np.finfo(dtype).max)
    smallest, largest = (float(bound(initial=0.0)) for bound in (vectors.min, vectors.max))
    if -limit <= smallest and largest <= limit:  # false for NaN
        return
    wrong = largest if abs(largest) > limit or largest != largest else smallest
    hint = " (--dtype float32 holds it)" if dtype == "float16" and np.isfinite(wrong) else ""
    start = " ".join(words)[:40]
    raise CheckpointError(f"sentence {number}: expected finite {dtype} vectors, found {wrong:g} for {start!r}{hint}")
