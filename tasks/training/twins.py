"""Labels that differ by blanks or case only, as they do by mistake when several people label."""

from __future__ import annotations

import logging
from collections.abc import Iterable

log = logging.getLogger("elmo_lite")

_LISTED = 3


def twins_of(labels: Iterable[str]) -> list[list[str]]:
    """Groups of two labels or more that are the same without blanks and in small letters, sorted."""
    groups: dict[str, list[str]] = {}
    for label in sorted(labels):
        groups.setdefault("".join(label.split()).casefold(), []).append(label)
    return [group for group in groups.values() if len(group) > 1]


def warn_of_twins(name: str, labels: Iterable[str]) -> None:
    """Warn in one line of labels that differ by blanks or case only.

    Args:
        name: Name of the training data.
        labels: All labels.
    """
    found = twins_of(labels)
    if not found:
        return
    listed = "; ".join(" and ".join(map(repr, group)) for group in found[:_LISTED])
    more = f"; ... {len(found):,} in all" if len(found) > _LISTED else ""
    log.warning("%s: labels that differ by blanks or case only are different labels: %s%s", name, listed, more)
