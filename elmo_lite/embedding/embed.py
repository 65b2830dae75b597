"""Contextual vectors of the sentences of a file, written to a file in one of four formats."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable

from tqdm import tqdm

from elmo_lite.embedding.elmo import BATCH_TOKENS, Elmo
from elmo_lite.embedding.layer_choice import Layers
from elmo_lite.embedding.output_file import check_output, file_to_write
from elmo_lite.embedding.pooling import Pool
from elmo_lite.embedding.sentence_source import counted_sentences
from elmo_lite.embedding.vector_choice import VectorChoice
from elmo_lite.embedding.vector_shape import DType, VectorShape, VectorWriter
from elmo_lite.text.tokenization import Tokenization


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
    choice = VectorChoice(layers, pool, dtype, batch_tokens)
    choice.check(elmo)
    split = tokenization or elmo.tokenization
    with counted_sentences(source, split, text_field, numbered_lines) as sentences:
        counts = sentences.num_sentences, sentences.num_words, sentences.num_bytes
        shape = choice.shape(elmo, split, *counts)
        with file_to_write(target, shape) as file:
            _write(elmo, sentences, choice, file, shape, progress)
    return shape


def _write(
    elmo: Elmo,
    sentences: Iterable[list[str]],
    choice: VectorChoice,
    writer: VectorWriter,
    shape: VectorShape,
    progress: bool,
) -> None:
    with tqdm(total=shape.num_words, unit="word", unit_scale=True, disable=not progress, file=sys.stderr) as bar:
        for number, words, vectors in choice.computed(elmo, enumerate(sentences, 1)):
            writer.write(words, choice.stored(vectors, f"sentence {number}", words))
            bar.update(len(words))
