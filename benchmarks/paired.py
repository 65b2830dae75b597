"""Differences between variants of equal seeds, and their table."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence


def paired(scores: Mapping[int, float], base: Mapping[int, float]) -> tuple[float, float] | None:
    """Mean and standard error of the differences of equal seeds; None without one. One seed has no standard error."""
    differences = [scores[seed] - base[seed] for seed in scores if seed in base]
    if not differences:
        return None
    spread = statistics.stdev(differences) / math.sqrt(len(differences)) if len(differences) > 1 else math.nan
    return statistics.fmean(differences), spread


def overall(pairs: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Mean of the differences over data sets, and its standard error from those of the sets."""
    return statistics.fmean(pair[0] for pair in pairs), math.hypot(*(pair[1] for pair in pairs)) / len(pairs)


def shown(pair: tuple[float, float] | None) -> str:
    """A difference and its standard error, ? for that of one seed."""
    if pair is None:
        return "-"
    return f"{pair[0]:+.2f} ± " + ("?" if math.isnan(pair[1]) else f"{pair[1]:.2f}")


def table_of(
    scores: Mapping[str, Mapping[str, Mapping[int, float]]], rivals: Sequence[str], part: str
) -> list[list[str]]:
    """Rows of cells: one per set and variant, then one per variant over the sets that it and the rival have.

    Args:
        scores: Score by set, variant and seed.
        rivals: Variants to compare with.
        part: What the scores are on, such as "dev".
    """
    rows = [["set", "variant", "seeds", part, *(f"over {rival}" for rival in rivals)]]
    everywhere: dict[str, dict[str, list[tuple[float, float]]]] = {}
    for name, variants in scores.items():
        for variant, found in variants.items():
            if not found:
                continue
            pairs = {rival: paired(found, variants.get(rival, {})) for rival in rivals}
            for rival, pair in pairs.items():
                if pair is not None:
                    everywhere.setdefault(variant, {}).setdefault(rival, []).append(pair)
            mean = f"{statistics.fmean(found.values()):.2f}"
            rows.append([name, variant, str(len(found)), mean, *map(shown, pairs.values())])
    for variant, of_rival in everywhere.items():
        numbers = {rival: of_rival.get(rival, []) for rival in rivals}
        sets = max(map(len, numbers.values()))
        cells = [shown(overall(pairs)) if pairs else "-" for pairs in numbers.values()]
        rows.append([f"all {sets}", variant, "", "", *cells])
    return rows


def print_table(rows: Sequence[Sequence[str]]) -> None:
    """Columns of equal width."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip(), flush=True)
