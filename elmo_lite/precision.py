"""Which floating-point precision a run computes in."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

import torch

Wanted = Literal["auto", "bf16-mixed", "32-true"]
"""What settings may ask for."""


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
