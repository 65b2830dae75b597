"""Data in memory: texts; labelled data in two columns of equal length, or as a list of examples."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from elmo_lite import CorpusError

ExampleT = TypeVar("ExampleT")


def is_path(source: Any) -> bool:
    """Whether a source of data is a path or the name of a data set rather than data."""
    return isinstance(source, str | os.PathLike)


def plain(value: Any) -> Any:
    """Convert values of NumPy, pandas and torch to Python types, and arrays to lists."""
    return value.tolist() if hasattr(value, "tolist") else value


def items_of(values: Any, name: str, what: str) -> list[Any]:
    """The items of a list, an array or a column of a DataFrame, without labels.

    Args:
        values: The items.
        name: Name of the data in errors.
        what: Word for an item in errors, such as "text".

    Returns:
        The items, converted by ``plain``.

    Raises:
        CorpusError: The data are one string, a dictionary or a table, or cannot be iterated over.
    """
    if isinstance(values, str | bytes):
        raise CorpusError(f"{name}: expected a list of {what}s, found one string: put it in a list")
    if isinstance(values, Mapping) or not isinstance(values, Iterable):
        raise CorpusError(f"{name}: expected a list of {what}s, found {type(values).__name__}")
    shape = getattr(values, "shape", (0,))
    if len(shape) != 1:
        found = f"{type(values).__name__} of shape {tuple(shape)}"
        raise CorpusError(f"{name}: expected one {what} per item, found {found}: pass one column")
    return [plain(value) for value in values]


def columns_of(source: Any, name: str, titles: tuple[str, str], example: type) -> list[tuple[Any, Any]] | None:
    """Read two columns as rows.

    Args:
        source: Labelled data in memory; two columns are a tuple of lists, arrays or columns of a DataFrame.
        name: Name of the data in errors.
        titles: Names of the two columns.
        example: Class of single examples; a tuple that holds one is not a pair of columns.

    Returns:
        Pairs of values; None if the source is not two columns.

    Raises:
        CorpusError: A column is not a sequence, or their lengths differ.
    """
    if not isinstance(source, tuple) or len(source) != 2 or any(isinstance(part, example) for part in source):
        return None
    first, second = (_values(part, f"{name}, {title}") for part, title in zip(source, titles, strict=True))
    if len(first) != len(second):
        raise CorpusError(f"{name}: expected {titles[1]} for each of {len(first)} {titles[0]}, found {len(second)}")
    return list(zip(first, second, strict=True))


def examples_of(source: Any, name: str, titles: tuple[str, str], example: type[ExampleT]) -> list[ExampleT]:
    """Read a list of examples.

    Args:
        source: Labelled data in memory, other than two columns.
        name: Name of the data in errors.
        titles: Names of the two columns that are accepted instead, for errors.
        example: Class of the examples.

    Raises:
        CorpusError: The source is not an iterable of examples.
    """
    expected = f"a path, a pair ({titles[0]}, {titles[1]}) or a list of {example.__name__}"
    if not isinstance(source, Iterable):
        raise CorpusError(f"{name}: expected {expected}, found {type(source).__name__}")
    found = list(source)
    for value in found:
        if not isinstance(value, example):
            raise CorpusError(f"{name}: expected {expected}, found {type(source).__name__} of {type(value).__name__}")
    return found


def _values(column: Any, name: str) -> list[Any]:
    values = plain(column)
    if isinstance(values, str | bytes) or not isinstance(values, Iterable):
        raise CorpusError(f"{name}: expected a sequence, found {type(column).__name__}")
    return [plain(value) for value in values]
