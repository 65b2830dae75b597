"""Hardware: precision of matrix products, devices and memory."""

from __future__ import annotations

import ctypes
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from elmo_lite.errors import ConfigError, one_line, require

if TYPE_CHECKING:
    import torch

__all__ = [
    "available_cpus",
    "PRECISIONS",
    "Precision",
    "canonical_precision",
    "check_device_name",
    "choose_device",
    "choose_precision",
    "cpu_count",
    "has_bfloat16",
    "keep_freed_memory",
    "lightning_device",
    "lightning_precision",
    "move",
    "out_of_memory",
]

Precision = Literal["auto", "float32", "bfloat16", "32-true", "bf16-mixed"]
"""Precision in settings. The last two are older names of float32 and bfloat16."""
PRECISIONS: tuple[Precision, ...] = ("auto", "float32", "bfloat16")
_LIGHTNING_NAMES: dict[Precision, Literal["32-true", "bf16-mixed"]] = {"float32": "32-true", "bfloat16": "bf16-mixed"}
_NAME_OF: dict[str, Precision] = {name: precision for precision, name in _LIGHTNING_NAMES.items()}

_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
_NEVER = 2**31 - 1
_LARGE = 2**30


DEVICE_NAMES = "auto, cpu, cuda, cuda:N or mps"
"""Names of devices in settings."""


def check_device_name(name: str) -> None:
    """Check the name of a device in settings; whether the machine has it, is left to ``choose_device``.

    Raises:
        ConfigError: The name is unknown.
    """
    require(re.fullmatch(r"auto|cpu|cuda(:\d+)?|mps", name) is not None, "device", DEVICE_NAMES, name)


def choose_device(wanted: str | torch.device) -> torch.device:
    """The device of a name.

    Args:
        wanted: Name in the settings, or a device of torch. "auto" is the first of cuda, mps and cpu that there is.

    Raises:
        ConfigError: The name is unknown, or the machine has no such device.
    """
    import torch

    if wanted == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "mps" if _has_mps() else "cpu")
    try:
        device = torch.device(wanted)
    except RuntimeError:
        raise ConfigError(f"device: expected {DEVICE_NAMES}, found {wanted}") from None
    count = {"cuda": torch.cuda.device_count(), "mps": int(_has_mps())}.get(device.type)
    if count is not None and (device.index or 0) >= count:
        raise ConfigError(f"device: expected one that torch can use, found {device} (of {count} {device.type} devices)")
    return device


def _has_mps() -> bool:
    import torch

    return torch.backends.mps.is_available()


def has_bfloat16(device: torch.device) -> bool:
    """Whether the hardware of a device supports bfloat16 products."""
    if device.type == "cuda":
        import torch

        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type != "cpu":
        return False  # Apple's GPUs: not measured
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return False
    return re.search(r"\bavx512_bf16\b|\bamx_bf16\b|\bbf16\b", flags) is not None


def _multiplies_bfloat16() -> bool:
    """Whether torch computes in bfloat16 on the CPU at all, by its own instructions or by those of float32."""
    import torch

    supports = getattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", None)
    return supports is None or bool(supports())


def canonical_precision(name: str) -> Precision:
    """The precision of a name, which may be an older name.

    Raises:
        ConfigError: The name is unknown.
    """
    precision = _NAME_OF.get(name, name)
    require(precision in PRECISIONS, "precision", "auto, float32 or bfloat16", name)
    return cast(Precision, precision)


def choose_precision(wanted: Precision, device: torch.device) -> Literal["float32", "bfloat16"]:
    """The precision of the matrix products of a run.

    Args:
        wanted: Precision in the settings. "auto" is bfloat16 if the hardware supports it, float32 otherwise.
        device: Device of the run.

    Raises:
        ConfigError: The precision is bfloat16, and the processor cannot compute in it.
    """
    wanted = canonical_precision(wanted)
    if wanted == "auto":
        return "bfloat16" if has_bfloat16(device) else "float32"
    if wanted == "bfloat16" and device.type == "cpu" and not _multiplies_bfloat16():
        raise ConfigError("precision: expected float32 or auto, as this processor has no bfloat16, found bfloat16")
    return cast(Literal["float32", "bfloat16"], wanted)


def lightning_precision(precision: Literal["float32", "bfloat16"]) -> Literal["32-true", "bf16-mixed"]:
    """Lightning's name of a precision. bfloat16 is mixed: weights and optimizer states stay in float32."""
    return _LIGHTNING_NAMES[precision]


def lightning_device(device: torch.device) -> dict[str, Any]:
    """Lightning's arguments ``accelerator`` and ``devices`` for one device."""
    if device.type == "cuda":
        return {"accelerator": "gpu", "devices": [device.index or 0]}
    return {"accelerator": device.type, "devices": 1}


def move(module: torch.nn.Module, device: str | torch.device, dtype: torch.dtype | None = None) -> None:
    """Move a module to a device, in place.

    Args:
        module: The module.
        device: Device, such as "cpu", "cuda" or "auto".
        dtype: Data type of its floating-point parameters. Defaults to their current type.

    Raises:
        ConfigError: torch cannot use the device.
    """
    device = choose_device(device)
    try:
        module.to(device=device, dtype=dtype)
    except (RuntimeError, AssertionError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ConfigError(f"device: expected one that torch can use, found {device} ({reason})") from None


def out_of_memory(error: RuntimeError) -> str | None:
    """What to tell a user if an error says that the memory of a GPU is full; else None."""
    import torch

    if not isinstance(error, torch.OutOfMemoryError):
        return None
    found = one_line(error).partition(" GPU ")[0].rstrip(".")
    return f"memory of the GPU: expected room for a batch, found none ({found}); smaller batches need less"


def cpu_count() -> int:
    """Number of CPUs to use: that of ``--threads`` or OMP_NUM_THREADS, or else all that the process may run on."""
    wanted = os.environ.get("OMP_NUM_THREADS", "")
    if wanted.isdecimal() and int(wanted) > 0:
        return int(wanted)
    return available_cpus()


def available_cpus() -> int:
    """Number of CPUs that the process may run on."""
    return len(os.sched_getaffinity(0)) if sys.platform.startswith("linux") else os.cpu_count() or 1


def keep_freed_memory() -> bool:
    """Reuse the memory of freed arrays instead of returning it to the system.

    A training step allocates and frees some hundred megabytes of activations. By default glibc returns them to the
    system at once, and every page must be cleared and mapped again: 46,000 page faults per step of the preset
    ``laptop``, 13,000 with this setting. The setting applies to the whole process, which can still reuse the memory.

    Returns:
        Whether the setting was made. False if the C library is not glibc.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    return bool(mallopt(_M_MMAP_THRESHOLD, _LARGE)) and bool(mallopt(_M_TRIM_THRESHOLD, _NEVER))
