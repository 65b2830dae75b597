"""Safetensors files, and loading them into modules."""

from __future__ import annotations

import errno
import os
import re
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
from elmo_lite.metadata import regular_size


def write_tensors(path: Path, tensors: Mapping[str, Tensor], dtype: str | None = None) -> dict[str, Tensor]:
    """Write a safetensors file.

    Args:
        path: The file.
        tensors: Tensors by name, on any device.
        dtype: Data type of floating-point values in the file, such as "float16". Defaults to that of each tensor.
            Integers keep their type.

    Returns:
        The tensors as written, on the CPU.

    Raises:
        CheckpointError: A value is not finite, or not in ``dtype``.
        OSError: The file cannot be written, as on a full disk.
    """
    stored = {name: _storable(tensor, dtype) for name, tensor in tensors.items()}
    for name, tensor in stored.items():
        if tensor.is_floating_point() and not bool(tensors[name].detach().isfinite().all()):
            raise CheckpointError(f"{name}: expected finite numbers to save, found NaN or infinity")
        if tensor.dtype == torch.float16 and tensor.isinf().any():
            largest = float(tensors[name].detach().abs().max())
            raise CheckpointError(f"{name}: expected numbers up to 65504, as float16 holds, found {largest:g}")
    with replace_file(path) as scratch:
        try:
            save_file(stored, scratch, metadata={"format": "pt"})
        except SafetensorError as error:  # also that of the operating system, with its number in the message
            number = re.search(r"\(os error (\d+)\)", str(error))
            code = int(number[1]) if number else errno.EIO
            raise OSError(code, os.strerror(code) if number else one_line(error)) from None
    return stored


def _storable(tensor: Tensor, dtype: str | None) -> Tensor:
    """Copy to a contiguous tensor on the CPU, converted to ``dtype`` if it is floating-point."""
    wanted = getattr(torch, dtype) if dtype is not None and tensor.is_floating_point() else tensor.dtype
    return tensor.detach().to("cpu", wanted, copy=True).contiguous()


def dtype_name(tensor: Tensor) -> str:
    """The name of the data type of a tensor, such as "float16"."""
    return str(tensor.dtype).removeprefix("torch.")


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Read the tensors of a safetensors file to the CPU, in their stored data types.

    Raises:
        CheckpointError: The file cannot be read, or is not a safetensors file.
    """
    try:
        regular_size(path)
        return load_file(path)
    except CheckpointError:
        raise
    except (SafetensorError, OSError, ValueError, KeyError) as error:
        raise CheckpointError(f"{path}: expected safetensors, found {one_line(error)}") from None


def check_tensors(path: Path, found: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> None:
    """Check the names, the shapes and the kind (floating-point or not) of tensors.

    Args:
        path: Source of the tensors, for the error message.
        found: Tensors by name.
        expected: Tensors with the expected shapes and kinds, by name; their values are ignored.

    Raises:
        CheckpointError: A tensor differs; the message names the first one in alphabetical order.
    """
    for name in sorted({*found, *expected}):
        if name not in expected or name not in found or found[name].shape != expected[name].shape:
            wanted = f"shape {list(expected[name].shape)}" if name in expected else "no such weight"
            got = f"shape {list(found[name].shape)}" if name in found else "none"
            raise CheckpointError(f"{path}: {name}: expected {wanted}, found {got}")
        if found[name].is_floating_point() != expected[name].is_floating_point():
            raise CheckpointError(f"{path}: {name}: expected {expected[name].dtype}, found {found[name].dtype}")


def check_finite(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Check that all values are finite.

    Args:
        path: Source of the tensors, for the error message.
        tensors: Tensors by name.

    Raises:
        CheckpointError: A tensor has values that are NaN or infinite; their number is named.
    """
    for name, tensor in tensors.items():
        # The sum needs no memory of its own; that of huge finite values may be infinite as well.
        if not tensor.is_floating_point() or tensor.sum(dtype=torch.float32).isfinite():
            continue
        if wrong := int((~tensor.isfinite()).sum()):
            raise CheckpointError(f"{path}: {name}: expected finite numbers, found {wrong:,} NaN or infinite values")


@contextmanager
def shapes_alone() -> Iterator[None]:
    """Context in which modules are created on the meta device: without allocating or initialising weights.

    ``fill`` loads their weights. Buffers that are computed from NumPy arrays are created as usual.
    """
    with torch.device("meta"), _NoInitialisation():
        yield


class _NoInitialisation(TorchFunctionMode):
    """Skip ``torch.nn.init``, which is useless on the meta device and makes PyTorch import its compiler there."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Sequence[type], args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        if getattr(func, "__module__", None) == "torch.nn.init":
            return kwargs["tensor"] if "tensor" in kwargs else args[0]
        return func(*args, **kwargs)


def fill(module: nn.Module, path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Load copies of weights into a module, converted to its data types.

    Args:
        module: Module, created under ``shapes_alone`` or not.
        path: Source of the weights, for the error message.
        tensors: Weights with the names of its ``state_dict``, floating-point values in any precision.

    Raises:
        CheckpointError: The names, the shapes or the kinds of the tensors differ, or a value is not finite.
    """
    expected = module.state_dict()
    check_tensors(path, tensors, expected)
    # Always copied, because the tensors of safetensors are memory-mapped from the file.
    own = {name: tensors[name].to(like.dtype, copy=True) for name, like in expected.items()}
    check_finite(path, own)
    module.load_state_dict(own, assign=True)
    assert not any(tensor.is_meta for tensor in (*module.parameters(), *module.buffers())), "a buffer has no values"
