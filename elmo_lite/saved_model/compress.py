"""Compression of saved models: half precision for the encoder, 8 bits for the head (``elmo-lite compress``)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from elmo_lite.saved_model.checkpoint import check_target, load_model, save_model
from elmo_lite.saved_model.head import FloatType, HeadType
from elmo_lite.saved_model.names import find_model
from elmo_lite.saved_model.settings import FILES

HeadChoice = Literal[HeadType, "none"]


def compress(
    model: str | Path,
    out: str | Path,
    *,
    dtype: FloatType = "float16",
    head: HeadChoice = "int8",
    overwrite: bool = False,
) -> dict[str, Any]:
    """Write a saved model in other precisions. Vocabulary, tokenisation and training metadata stay the same.

    Args:
        model: Directory or name of the model.
        out: Directory to write. It may be that of the model if ``overwrite`` is true.
        dtype: Precision of the encoder's weights.
        head: Precision of the language model head, if the model has one; "none" leaves it out.
        overwrite: Replace the saved model if it exists.

    Returns:
        "files": the size in bytes of each file "before" and "after", None if it does not exist; "total": the sums.

    Raises:
        CheckpointError: The model does not exist, ``out`` exists, or a precision cannot hold the weights.
    """
    target = check_target(out, overwrite)
    source = find_model(model)
    before = _sizes(source)
    saved = load_model(source, with_head=False if head == "none" else None)
    save_model(
        target,
        saved.bilm,
        saved.tokenization,
        saved.vocabulary,
        saved.lm_head,
        saved.training,
        dtype=dtype,
        head_dtype=None if head == "none" else head,
        overwrite=overwrite,
    )
    after = _sizes(target)
    names = [name for name in FILES if name in before or name in after]
    return {
        "files": {name: {"before": before.get(name), "after": after.get(name)} for name in names},
        "total": {"before": sum(before.values()), "after": sum(after.values())},
    }


def _sizes(directory: Path) -> dict[str, int]:
    """Sizes in bytes of the files of a saved model, by name."""
    paths = [directory / name for name in FILES]
    return {path.name: path.stat().st_size for path in paths if path.is_file()}


def compress_command(
    model: str,
    out: str,
    *,
    dtype: FloatType = "float16",
    head: HeadChoice = "int8",
    overwrite: bool = False,
) -> None:
    """Compress a saved model and print the sizes before and after as JSON.

    Args:
        model: Saved model: a directory, a packaged name or a hub name.
        out: Saved model directory to write.
        dtype: Precision of the encoder's weights.
        head: Precision of the language model head, if the model has one; none leaves it out.
        overwrite: Replace the saved model if it exists.
    """
    sizes = compress(model, out, dtype=dtype, head=head, overwrite=overwrite)
    print(json.dumps({"model": model, "out": out, **sizes}, indent=2, ensure_ascii=False))
