"""Labelled data in memory: two columns of equal length, or a list of examples."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any, TypeVar

from elmo_lite import CorpusError

ExampleT = TypeVar("ExampleT")


def is_path(source: Any) -> bool:
    """Whether a source of data is a path or the name of a data set rather than data."""
    return isinstance(source, str | os.PathLike)


def plain(value: Any) -> Any:
    """Values of NumPy, pandas and torch as Python's own; lists for arrays."""
    return value.tolist() if hasattr(value, "tolist") else value


def columns_of(source: Any, name: str, titles: tuple[str, str], example: type) -> list[tuple[Any, Any]] | None:
    """Rows of two columns.

    Args:
        source: Labelled data in memory; two columns are a tuple of lists, arrays or columns of a DataFrame.
        name: Names the data in errors.
        titles: Names of the two columns.
        example: Class of single examples, a tuple of which is no pair of columns.

    Returns:
        Pairs of values; None where the source is not two columns.

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
    """A list of examples.

    Args:
        source: Labelled data in memory that are not two columns.
        name: Names the data in errors.
        titles: Names of the two columns that could have been given.
        example: Class of the examples.

    Raises:
        CorpusError: The source is anything else.
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
