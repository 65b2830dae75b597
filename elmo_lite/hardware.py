"""What the machine can do: precision of its products, memory that stays with the process."""

from __future__ import annotations

import ctypes
import re
import sys
from pathlib import Path
from typing import Literal

import torch

Wanted = Literal["auto", "bf16-mixed", "32-true"]
"""What settings may ask for."""

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


def choose_precision(wanted: Wanted, device: torch.device) -> Literal["bf16-mixed", "32-true"]:
    """The precision that a run computes in.

    Args:
        wanted: "auto" is bf16-mixed where there is hardware for it.
        device: where the run computes.
    """
    if wanted != "auto":
        return wanted
    return "bf16-mixed" if has_bfloat16(device) else "32-true"


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
