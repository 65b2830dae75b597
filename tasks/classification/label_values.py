"""Labels as files have them: text, whole numbers, lists, numbers."""

from __future__ import annotations

import json
import math
import re
from contextlib import suppress

from elmo_lite import CorpusError
from tasks.classification.columns import Columns

_WHOLE = re.compile(r"(-?\d+)\.0+")
"""A whole number as a float, such as 5.0, which is the same label as 5."""


def label_of(value: object, columns: Columns, where: str) -> str | None:
    """A label or a number as text, or None if it is missing and not required.

    Raises:
        CorpusError: A required label is missing, or is neither text nor an integer; or it is not a finite number.
    """
    if columns.kind == "number":
        return _number(value, columns, where)
    found = _plain_label(value)
    if found is None and columns.needs_label:
        shown = "none" if value is None or value == "" else repr(value)
        raise CorpusError(f"{where}: expected a label (text or a whole number), found {shown}")
    return found


def _plain_label(value: object) -> str | None:
    """A label as text, or None if it is not one."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, str) and value.strip():
        return _WHOLE.sub(r"\1", value.strip()) if _WHOLE.fullmatch(value.strip()) else value.strip()
    return None


def _number(value: object, columns: Columns, where: str) -> str | None:
    """A number as it is written, or None if it is missing and not required."""
    expected = "a number"
    with suppress(TypeError, ValueError, OverflowError):
        if not isinstance(value, bool) and math.isfinite(float(value)):  # type: ignore[arg-type]
            return str(value).strip()
        expected = "a number" if isinstance(value, bool) else "a finite number"
    if columns.needs_label:
        found = "none" if value is None or value == "" else repr(value)
        raise CorpusError(f"{where}: expected {expected}, found {found:.60}")
    return None


def labels_of(value: object, columns: Columns, where: str) -> tuple[str, ...]:
    """Several labels, in their order, each once: a list, or text with the separator; an empty text has none.

    Raises:
        CorpusError: Labels are required, and the value is neither, or a label of the list is empty or no label.
    """
    if isinstance(value, str) and value.lstrip().startswith("["):
        with suppress(ValueError):
            value = json.loads(value)
    if isinstance(value, str):
        return tuple(dict.fromkeys(filter(None, map(_plain_label, value.split(columns.separator)))))
    if isinstance(value, list | tuple):
        found = list(map(_plain_label, value))
        if None not in found:
            return tuple(dict.fromkeys(label for label in found if label is not None))
    elif _plain_label(value) is not None:
        return (str(_plain_label(value)),)
    if columns.needs_label:
        shown = "none" if value is None else repr(value)
        expected = f"labels (a list, or text separated by {columns.separator!r})"
        raise CorpusError(f"{where}: expected {expected}, found {shown:.60}")
    return ()
