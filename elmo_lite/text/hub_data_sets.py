"""Records of Hugging Face data sets, on the hub or saved; ``datasets`` is imported on first use."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from elmo_lite.errors import CorpusError, one_line
from elmo_lite.text.hub_names import split_data_set_name
from elmo_lite.text.saved_data_sets import is_saved_data_set, open_saved_data_set


def open_data_set(name: str, *, streaming: bool = False) -> tuple[Iterator[dict[str, Any]], Mapping[str, Any]]:
    """Open a data set on the hub, or one that ``save_to_disk`` wrote.

    Args:
        name: ``owner/name``, ``owner/name:split`` or ``owner/name:config:split``; or a directory.
        streaming: Read while downloading, without a copy on disk. Defaults to False.

    Returns:
        Records, and features of the columns by name. The features of a streamed data set may be unknown, thus empty.

    Raises:
        CorpusError: The data set does not exist, or the hub fails while the records are read; or a file is damaged.
    """
    if is_saved_data_set(name):
        return open_saved_data_set(name)
    import datasets

    repository, options, split = split_data_set_name(name)
    try:
        rows: Any = datasets.load_dataset(repository, *options, split=split, streaming=streaming)
    except Exception as error:  # the hub raises many classes of errors
        raise CorpusError(f"{name}: no such file, and no hub data set: {one_line(error)}") from None
    return _records(rows, name), getattr(rows, "features", None) or {}


def _records(rows: Iterable[dict[str, Any]], name: str) -> Iterator[dict[str, Any]]:
    try:
        yield from rows
    except Exception as error:
        raise CorpusError(f"{name}: the hub data set cannot be read: {one_line(error)}") from None
