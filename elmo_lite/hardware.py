"""What the machine can do: precision of its products, memory that stays with the process."""

from __future__ import annotations

import ctypes
import re
import sys
from pathlib import Path
from typing import Literal, cast

import torch

from elmo_lite.errors import ConfigError, require

__all__ = [
    "PRECISIONS",
    "Precision",
    "canonical_precision",
    "choose_precision",
    "has_bfloat16",
    "keep_freed_memory",
    "lightning_precision",
    "move",
]

Precision = Literal["auto", "float32", "bfloat16", "32-true", "bf16-mixed"]
"""Precision that settings ask for; the last two are older names of float32 and bfloat16."""
PRECISIONS: tuple[Precision, ...] = ("auto", "float32", "bfloat16")
_LIGHTNING_NAMES: dict[Precision, Literal["32-true", "bf16-mixed"]] = {"float32": "32-true", "bfloat16": "bf16-mixed"}
_NAME_OF: dict[str, Precision] = {name: precision for precision, name in _LIGHTNING_NAMES.items()}

_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
_NEVER = 2**31 - 1
_LARGE = 2**30


def has_bfloat16(device: torch.device) -> bool:
    """Whether bfloat16 products are computed by hardware there."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return False
    return re.search(r"\bavx512_bf16\b|\bamx_bf16\b|\bbf16\b", flags) is not None


def canonical_precision(name: str) -> Precision:
    """The precision of a name, which may be an older one.

    Raises:
        ConfigError: An unknown name.
    """
    precision = _NAME_OF.get(name, name)
    require(precision in PRECISIONS, "precision", "auto, float32 or bfloat16", name)
    return cast(Precision, precision)


def choose_precision(wanted: Precision, device: torch.device) -> Literal["float32", "bfloat16"]:
    """The precision that the products of a run are computed in.

    Args:
        wanted: "auto" is bfloat16 where there is hardware for it, float32 otherwise.
        device: Where the run computes.
    """
    wanted = canonical_precision(wanted)
    if wanted == "auto":
        return "bfloat16" if has_bfloat16(device) else "float32"
    return cast(Literal["float32", "bfloat16"], wanted)


def lightning_precision(precision: Literal["float32", "bfloat16"]) -> Literal["32-true", "bf16-mixed"]:
    """Lightning's name of a precision; bfloat16 is mixed: weights and optimizer states stay in float32."""
    return _LIGHTNING_NAMES[precision]


def move(module: torch.nn.Module, device: str | torch.device, dtype: torch.dtype | None = None) -> None:
    """Move a module to a device, in place.

    Args:
        module: The module.
        device: Where to run it, such as "cpu" or "cuda".
        dtype: Type of its floating-point parameters. Defaults to what they have.

    Raises:
        ConfigError: torch cannot use the device.
    """
    try:
        module.to(device=device, dtype=dtype)
    except (RuntimeError, AssertionError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ConfigError(f"device: expected one that torch can use, found {device} ({reason})") from None


def keep_freed_memory() -> bool:
    """Reuse the pages of large arrays instead of asking the system for new ones.

    A training step makes and frees some hundred megabytes of activations. By default glibc returns them at once, and
    every page that comes back is cleared and mapped again: 46,000 page faults a step of the preset ``laptop``, 13,000
    with this setting. The setting holds for the whole process; memory is still free for any later use by it.

    Returns:
        Whether the setting was made: false where the C library is not glibc.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    return bool(mallopt(_M_MMAP_THRESHOLD, _LARGE)) and bool(mallopt(_M_TRIM_THRESHOLD, _NEVER))
