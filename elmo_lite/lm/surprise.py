"""Words coloured by surprise, the negative log probability in bits."""

from __future__ import annotations

import math

BANDS = (4.0, 7.0, 10.0, 13.0)
"""Bits from which a word is coloured, and from which each next colour begins."""
COLOURS = ("#ffffaf", "#ffd787", "#ffaf5f", "#ff5f5f")
"""Backgrounds of the bands, under black letters; also colours 229, 222, 215 and 203 of terminals."""
_TERMINAL = (229, 222, 215, 203)
_DIM, _OFF = "\x1b[2m", "\x1b[0m"


def band_of(bits: float) -> int:
    """The number of the band: 0 without a colour, or 1..4."""
    return sum(bits >= least for least in BANDS)


def coloured(word: str, bits: float, has_class: bool = True) -> str:
    """A word for a terminal: without a class underlined, and dim if it was not scored (NaN)."""
    if math.isnan(bits):
        return dim(word)
    band = band_of(bits)
    codes = ([] if has_class else ["4"]) + ([f"30;48;5;{_TERMINAL[band - 1]}"] if band else [])
    return f"\x1b[{';'.join(codes)}m{word}{_OFF}" if codes else word


def dim(text: str) -> str:
    """Text in the background, for a terminal."""
    return f"{_DIM}{text}{_OFF}"


def legend() -> str:
    """What the colours mean, for a terminal."""
    parts = [coloured(f" {least:g} bits ", least) for least in BANDS]
    outside = coloured("outside of the vocabulary", 0.0, has_class=False)
    return f"surprise from: {' '.join(parts)}, {outside}"
