"""Data sets that ``save_to_disk`` of Hugging Face ``datasets`` wrote: a directory of Arrow files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from elmo_lite.errors import CorpusError, one_line
from elmo_lite.metadata import read_json

_STATE, _INFO, _SPLITS = "state.json", "dataset_info.json", "dataset_dict.json"
_BATCH = 1024


def is_saved_data_set(path: str | Path) -> bool:
    """Whether a path is the directory of a data set, or of several splits of one."""
    found = Path(path)
    return (found / _SPLITS).is_file() or ((found / _STATE).is_file() and (found / _INFO).is_file())


def open_saved_data_set(name: str) -> tuple[Iterator[dict[str, Any]], Mapping[str, Any]]:
    """Open a data set; its files are memory-mapped.

    Values are those that the files hold: images and the like are not decoded, so that no other file is read.

    Args:
        name: Path of its directory.

    Returns:
        Records, and features of the columns by name.

    Raises:
        CorpusError: A file is damaged or lies elsewhere, or the directory holds several splits.
    """
    path = Path(name)
    if (path / _SPLITS).is_file():
        splits = sorted(found.name for found in path.iterdir() if is_saved_data_set(found)) or ["none"]
        raise CorpusError(f"{name}: expected one split, found {', '.join(splits)} (give one, as {path / splits[-1]})")
    _check_files(path)
    import datasets

    try:
        rows: Any = datasets.load_from_disk(str(path.absolute())).with_format("arrow")
    except Exception as error:  # of many classes, as a damaged file has many ways to be read
        raise _unreadable(name, error) from None
    return _records(rows, name), rows.features


def _check_files(path: Path) -> None:
    """Check that the files of a data set are in its own directory."""
    state = read_json(path / _STATE, CorpusError)
    files = state.get("_data_files") if isinstance(state, dict) else None
    listed = files if isinstance(files, list) and files else [files]
    for file in (each.get("filename") if isinstance(each, dict) else each for each in listed):
        if not isinstance(file, str) or not file.endswith(".arrow") or Path(file).name != file or "\\" in file:
            raise CorpusError(f"{path / _STATE}: expected names of Arrow files beside it, found {file!r}")


def _records(rows: Any, name: str) -> Iterator[dict[str, Any]]:
    try:
        for batch in rows.iter(batch_size=_BATCH):
            yield from batch.to_pylist()
    except Exception as error:
        raise _unreadable(name, error) from None


def _unreadable(name: str, error: Exception) -> CorpusError:
    return CorpusError(f"{name}: expected a data set that save_to_disk wrote: {one_line(error)}")
