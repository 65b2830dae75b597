"""The command ``elmo-lite embed``."""

from __future__ import annotations

from typing import Literal, cast

from elmo_lite.embedding.elmo import BATCH_TOKENS
from elmo_lite.embedding.embed import embed_file
from elmo_lite.embedding.inputs import ModelChoice, Reading
from elmo_lite.embedding.layer_choice import Layers
from elmo_lite.embedding.output_file import check_output
from elmo_lite.embedding.pooling import Pool
from elmo_lite.embedding.ray_engine import OnError, RayChoice, embed_directory
from elmo_lite.embedding.vector_choice import VectorChoice
from elmo_lite.embedding.vector_shape import DType
from elmo_lite.errors import require
from elmo_lite.hardware import keep_freed_memory
from elmo_lite.text.samples import warn_of_beginnings
from elmo_lite.text.sources import find_sources


def embed_command(
    model: str,
    input: str,
    output: str,
    *,
    layers: str | None = None,
    pool: Pool | None = None,
    dtype: DType = "float32",
    overwrite: bool = False,
    engine: Literal["local", "ray"] = "local",
    tokenizer: Literal["whitespace", "words"] | None = None,
    text_field: str | None = None,
    numbered_lines: bool = False,
    batch_tokens: int = BATCH_TOKENS,
    precision: Literal["float32", "bfloat16"] = "float32",
    device: str = "cpu",
    ray_address: str | None = None,
    workers: int | None = None,
    on_error: OnError = "fail",
    quiet: bool = False,
) -> None:
    """Write contextual vectors of the sentences of a file.

    Args:
        model: Saved model: a directory, a packaged name or a hub name.
        input: Text with a sentence per line, JSON, CSV, TSV, Parquet or a file with one word per line, recognised by
            its content, plain or compressed; - for standard input. With --engine ray also a directory.
        output: File to write: .h5, .parquet, .safetensors or .npz; - for .npz on standard output. With --engine ray a
            directory for Parquet files.
        layers: Layers to write: all, mean, top, or the number of one layer, 0 for the token layer. Defaults to all,
            with --pool to mean.
        pool: Write one vector per sentence, the mean or max over its words. Defaults to one vector per word.
        dtype: Type of the vectors in the file.
        precision: Precision of the network's products. bfloat16 is faster if the hardware supports it.
        device: Device to run on: auto (a GPU if there is one), cpu, cuda, cuda:N or mps.
        engine: "local" is this process, "ray" many processes or machines, for Parquet, JSON lines and text.
        overwrite: Replace the output if it exists.
        quiet: Show no progress.

    Other Args:
        tokenizer: Tokenisation: words for raw text, whitespace for tokenised text. Defaults to that of the model.
        text_field: Field of records that holds the words or the text of a sentence. Defaults to the only one of text,
            words and tokens that a record has.
        numbered_lines: Remove the number and the TAB that begin each line of text.
        batch_tokens: Positions in a batch, padding included; bounds memory.
        ray_address: Address of a running Ray cluster. Defaults to RAY_ADDRESS, or to workers of this machine.
        workers: Number of workers of --engine ray, with a model each. Defaults to one per CPU, or GPU with cuda.
        on_error: What --engine ray does with a row that cannot be embedded: fail, or skip and list it in a side file.
    """
    choice = VectorChoice(_number(layers), pool, dtype, batch_tokens)
    found, reading = ModelChoice(model, device, precision), Reading(tokenizer, text_field, numbered_lines)
    ray = RayChoice(ray_address, workers, on_error)
    if engine == "ray":
        embed_directory(found, input, output, choice, reading, ray, overwrite=overwrite, progress=not quiet)
        return
    require(ray == RayChoice(), "--engine", "ray for --ray_address, --workers and --on_error", engine)
    _embed_here(found, input, output, choice, reading, overwrite, not quiet)


def _number(layers: str | None) -> Layers | None:
    try:
        return None if layers is None else int(layers)
    except ValueError:
        return cast(Layers, layers)  # ``Elmo`` refuses a name that is unknown


def _embed_here(
    model: ModelChoice,
    input: str,
    output: str,
    choice: VectorChoice,
    reading: Reading,
    overwrite: bool,
    progress: bool,
) -> None:
    """Embed in this process; a wrong path raises an error before the model is loaded."""
    check_output(output, input, overwrite)
    keep_freed_memory()
    warn_of_beginnings(find_sources([input], numbered_lines=reading.numbered_lines))
    elmo = model.load()
    embed_file(
        elmo,
        input,
        output,
        layers=choice.layers,
        pool=choice.pool,
        dtype=choice.dtype,
        overwrite=overwrite,
        tokenization=reading.tokenization(elmo),
        text_field=reading.text_field,
        numbered_lines=reading.numbered_lines,
        batch_tokens=choice.batch_tokens,
        progress=progress,
    )
