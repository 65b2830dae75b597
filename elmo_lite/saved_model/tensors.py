"""Weights as safetensors files, and modules that wait for theirs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from elmo_lite.errors import CheckpointError, one_line
from elmo_lite.files import replace_file


def write_tensors(path: Path, tensors: Mapping[str, Tensor], dtype: str | None = None) -> dict[str, Tensor]:
    """Write a safetensors file.

    Args:
        path: the file.
        tensors: by name, on any device.
        dtype: of floating-point numbers in the file, such as "float16"; as they are where None. Other numbers keep
            their type.

    Returns:
        What was written.

    Raises:
        CheckpointError: a finite number is infinite in ``dtype``.
    """
    stored = {name: _storable(tensor, dtype) for name, tensor in tensors.items()}
    for name, tensor in stored.items():
        if tensor.dtype == torch.float16 and tensor.isinf().any() and not tensors[name].isinf().any():
            largest = float(tensors[name].detach().abs().max())
            raise CheckpointError(f"{name}: expected numbers up to 65504, as float16 holds, found {largest:g}")
    with replace_file(path) as scratch:
        save_file(stored, scratch, metadata={"format": "pt"})
    return stored


def _storable(tensor: Tensor, dtype: str | None) -> Tensor:
    """A contiguous copy on the CPU."""
    wanted = getattr(torch, dtype) if dtype is not None and tensor.is_floating_point() else tensor.dtype
    return tensor.detach().to("cpu", wanted, copy=True).contiguous()


def dtype_name(tensor: Tensor) -> str:
    """The type of a tensor's numbers, such as "float16"."""
    return str(tensor.dtype).removeprefix("torch.")


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file, as they are stored, on the CPU.

    Raises:
        CheckpointError: it is none, or cannot be read.
    """
    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path}: expected safetensors, found {one_line(error)}") from None


def check_tensors(path: Path, found: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> None:
    """See that tensors have the names, shapes and kinds of number (floating-point or not) that are expected.

    Args:
        path: where they come from, for the error.
        found: by name.
        expected: by name; their numbers do not matter.

    Raises:
        CheckpointError: one differs; the first by name.
    """
    for name in sorted({*found, *expected}):
        if name not in expected or name not in found or found[name].shape != expected[name].shape:
            wanted = f"shape {list(expected[name].shape)}" if name in expected else "no such weight"
            got = f"shape {list(found[name].shape)}" if name in found else "none"
            raise CheckpointError(f"{path}: {name}: expected {wanted}, found {got}")
        if found[name].is_floating_point() != expected[name].is_floating_point():
            raise CheckpointError(f"{path}: {name}: expected {expected[name].dtype}, found {found[name].dtype}")


@contextmanager
def shapes_alone() -> Iterator[None]:
    """Modules made in here have the shapes of their weights and no numbers: nothing is allocated, nothing drawn.

    ``fill`` gives them weights. Buffers that are computed from NumPy arrays are there as usual.
    """
    with torch.device("meta"), _NoInitialisation():
        yield


class _NoInitialisation(TorchFunctionMode):
    """Leaves out ``torch.nn.init``: without numbers there is nothing to draw, and torch loads its compiler to do it."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Sequence[type], args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        if getattr(func, "__module__", None) == "torch.nn.init":
            return kwargs["tensor"] if "tensor" in kwargs else args[0]
        return func(*args, **kwargs)


def fill(module: nn.Module, path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Give a module its weights, in its own dtypes and in memory of their own.

    Args:
        module: made under ``shapes_alone`` or not.
        path: where the weights come from, for the error.
        tensors: what its ``state_dict`` holds, floating-point numbers in any precision.

    Raises:
        CheckpointError: other names, shapes or kinds of number.
    """
    expected = module.state_dict()
    check_tensors(path, tensors, expected)
    # Copied in any case: what safetensors gives is the mapped file itself.
    own = {name: tensors[name].to(like.dtype, copy=True) for name, like in expected.items()}
    module.load_state_dict(own, assign=True)
    assert not any(tensor.is_meta for tensor in (*module.parameters(), *module.buffers())), "a buffer without numbers"
