"""A GPU that is not there: code believes in one, the CPU computes, and what a real one would refuse is refused.

Inside the mode, ``tensor.device`` is ``cuda:0`` for every tensor but those that were made on the CPU: by functions
without ``device``, by ``.cpu()``, or handed over by ``host``. Tensors that existed before, such as weights, and those
of autograd are on the GPU. An operation on tensors of both is an error, except where torch allows it. What a GPU has to
be waited for is noted, with its place in the sources. Values are those of the CPU, so that they can be compared.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves

ROOT = Path(__file__).parents[1]
CPU = torch.device("cpu")

_READS = {"item", "tolist", "__float__", "__int__", "__bool__", "__index__", "is_nonzero"}
"""Functions that read values."""
_OF_UNKNOWN_SIZE = {
    "nonzero",
    "unique",
    "_unique2",
    "unique_consecutive",
    "unique_dim",
    "masked_select",
    "equal",
    "_return_output",
    "_return_inverse",
}
"""Functions whose result has a shape that depends on values, or is one."""
_ACROSS = {"_has_compatible_shallow_copy_type", "copy_", "__deepcopy__", "__set__", "to", "set_"}
"""Functions that take tensors of both devices."""


class WrongDeviceError(RuntimeError):
    """Tensors of both devices in one operation."""


class PretendedGPU(TorchFunctionMode):
    """The mode; see the module. ``waits`` has what a GPU would have been waited for, as ``file:function name``."""

    def __init__(self, kind: str = "cuda") -> None:
        """Start without a tensor on the CPU."""
        super().__init__()
        self.device = torch.device(kind, 0)
        self.waits: list[str] = []
        self._on_cpu: dict[int, Any] = {}  # storages by address; kept, so that no other gets the same address

    def host(self, *tensors: Tensor) -> None:
        """Take tensors that existed before for ones of the CPU."""
        for tensor in tensors:
            self._mark(tensor)

    def _mark(self, tensor: Tensor) -> None:
        if tensor.layout == torch.strided and tensor.numel():
            storage = tensor.untyped_storage()
            self._on_cpu[storage.data_ptr()] = storage

    def _is_on_cpu(self, tensor: Tensor) -> bool:
        if tensor.layout != torch.strided:
            tensor = tensor._values()
        return tensor.untyped_storage().data_ptr() in self._on_cpu

    def _wait(self, name: str) -> None:
        frame = sys._getframe(1)
        while frame is not None:
            path = Path(frame.f_code.co_filename)
            if any(path.is_relative_to(ROOT / package) for package in ("elmo_lite", "tasks")):
                self.waits.append(f"{path.name}:{frame.f_code.co_name} {name}")
                return
            frame = frame.f_back

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run a function on the CPU, with the checks and marks of the module."""
        kwargs = dict(kwargs or {})
        name = getattr(func, "__name__", str(func))
        if name in ("__get__", "__set__"):
            of = func.__self__.__name__
            if of in ("device", "is_cuda", "is_cpu"):
                on_cpu = self._is_on_cpu(args[0])
                return {
                    "device": CPU if on_cpu else self.device,
                    "is_cuda": not on_cpu and self.device.type == "cuda",
                    "is_cpu": on_cpu,
                }[of]
        if name == "backward":
            return self._backward(args[0])
        if name in ("to", "cpu", "cuda"):
            return self._moved(name, *args, **kwargs)
        if name in ("numpy", "__array__") and not self._is_on_cpu(args[0]):
            raise WrongDeviceError(f"{name}: NumPy reads the CPU's tensors alone")
        tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor) and leaf.numel()]
        cpu = [tensor for tensor in tensors if self._is_on_cpu(tensor)]
        on_gpu = len(cpu) < len(tensors)
        self._check(name, args, tensors, cpu)
        device = kwargs.get("device")
        if device is not None:
            on_gpu = torch.device(device).type != "cpu"
            kwargs["device"] = CPU
            if on_gpu and name in ("tensor", "as_tensor"):
                self._wait(f"{name}, copied")
        if on_gpu and (name in _READS or name in _OF_UNKNOWN_SIZE or _has_mask(name, args)):
            self._wait(name)
        found = func(*args, **kwargs)
        if on_gpu:
            self._check_type(name, found)
        if not on_gpu and not name.startswith("is_"):
            for leaf in tree_leaves(found):
                if isinstance(leaf, Tensor) and (device is not None or cpu or not tensors):
                    self._mark(leaf)
        return found

    def _backward(self, loss: Tensor) -> None:
        """The backward pass inside the mode, which functions of torch leave."""
        ones = torch.ones_like(loss)
        with self:
            torch.autograd.graph._engine_run_backward(
                (loss,), (ones,), False, False, (), allow_unreachable=True, accumulate_grad=True
            )

    def _check(self, name: str, args: Any, tensors: list[Tensor], cpu: list[Tensor]) -> None:
        if not cpu or len(cpu) == len(tensors) or name in _ACROSS:
            return
        wrong = [tensor for tensor in cpu if tensor.dim()]
        if name in ("__getitem__", "__setitem__") and wrong and not self._is_on_cpu(args[0]):
            self._wait(f"{name}, copied")
            value = args[2] if name == "__setitem__" else None
            has_index = any(isinstance(leaf, Tensor) for leaf in tree_leaves(args[1]))
            wrong = [tensor for tensor in wrong if tensor is value and has_index]
        if wrong:
            raise WrongDeviceError(
                f"{name}: tensors of cuda and cpu, {[tuple(tensor.shape) for tensor in wrong]} there"
            )

    def _moved(self, name: str, tensor: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        """A tensor with another device or data type."""
        copies = kwargs.pop("copy", False)
        was_on_cpu = self._is_on_cpu(tensor)
        goes_to_cpu = name == "cpu"
        dtype, non_blocking = None, False
        if name == "to":
            other = next((arg for arg in (*args, *kwargs.values()) if isinstance(arg, Tensor)), None)
            device, dtype, non_blocking, _ = torch._C._nn._parse_to(*args, **kwargs)
            if other is not None:
                goes_to_cpu = self._is_on_cpu(other)
            else:
                goes_to_cpu = was_on_cpu if device is None else device.type == "cpu"
        found = tensor.to(dtype=dtype, copy=copies) if dtype is not None or copies else tensor
        if goes_to_cpu == was_on_cpu:
            if was_on_cpu:
                self._mark(found)
            else:
                self._check_type(name, found)
            return found
        if not (non_blocking and was_on_cpu):
            self._wait(f"{name}, copied")
        found = found.clone()
        if goes_to_cpu:
            self._mark(found)
        else:
            self._check_type(name, found)
        return found

    def _check_type(self, name: str, found: Any) -> None:
        leaves = [leaf for leaf in tree_leaves(found) if isinstance(leaf, Tensor)]
        if self.device.type == "mps" and any(leaf.dtype == torch.float64 for leaf in leaves):
            raise WrongDeviceError(f"{name}: Apple's GPUs have no float64")


def _has_mask(name: str, args: Any) -> bool:
    """Whether rows are chosen by a mask, whose number the GPU alone knows; it need not be known to set a number."""
    if name not in ("__getitem__", "__setitem__"):
        return False
    if name == "__setitem__" and not (isinstance(args[2], Tensor) and args[2].dim()):
        return False
    return any(isinstance(leaf, Tensor) and leaf.dtype == torch.bool for leaf in tree_leaves(args[1]))


class _GPU:
    """A real GPU, in place of a pretended one; it is not asked what it was waited for."""

    def host(self, *tensors: Tensor) -> None:
        """Nothing: tensors are where they are."""


DEVICES = ("pretended", pytest.param("cuda", marks=pytest.mark.gpu))
"""Parameters of tests that run on a pretended GPU, and on a real one where there is one."""


@contextmanager
def gpu(name: str = "pretended", kind: str = "cuda") -> Iterator[Any]:
    """A pretended GPU, or the real one, on which float32 is not cut to TF32; ``device="cuda"`` names both.

    Args:
        name: "pretended" or "cuda".
        kind: Type of the pretended device; "mps" has no float64.
    """
    if name == "cuda":
        with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
            yield _GPU()
        return
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*compiled without cuDNN|.*CUDA is not available", UserWarning)
        mode, from_numpy = PretendedGPU(kind), torch.from_numpy

        def from_array(array: Any) -> Tensor:
            found = from_numpy(array)
            mode.host(found)
            return found

        torch.from_numpy = from_array  # functions without tensors among their arguments pass a mode by
        try:
            with mode:
                yield mode
        finally:
            torch.from_numpy = from_numpy


@contextmanager
def bfloat16(name: str) -> Iterator[None]:
    """Autocast to bfloat16 on a device of ``DEVICES``; on a pretended one that of the CPU, and code believes in its."""
    if name == "cuda":
        with torch.autocast("cuda", torch.bfloat16):
            yield
        return
    torch.set_autocast_dtype("cuda", torch.bfloat16)
    torch.set_autocast_enabled("cuda", True)
    try:
        with torch.autocast("cpu", torch.bfloat16):
            yield
    finally:
        torch.set_autocast_enabled("cuda", False)
        torch.set_autocast_dtype("cuda", torch.float16)
