"""Names of models and data sets of Hugging Face, as distinct from paths of other files."""

from __future__ import annotations

import re
from pathlib import Path

from elmo_lite.text.saved_data_sets import is_saved_data_set

_PART = r"[\w][\w.-]*"
_MODEL = re.compile(rf"{_PART}(?:/{_PART})?")
_DATA_SET = re.compile(rf"{_PART}/{_PART}(?::[\w.-]+){{0,2}}")
_FILE_SUFFIXES = frozenset(
    ".gz .bz2 .xz .zst .txt .jsonl .ndjson .json .parquet .conll .conllu .iob .iob2 .bio .tsv .csv .ann .spacy".split()
)


def is_model_name(name: str) -> bool:
    """Whether a string can be the name of a model on the hub: ``model`` or ``owner/model``."""
    return _MODEL.fullmatch(name) is not None


def is_data_set_name(name: str) -> bool:
    """Whether a string names a data set on the hub, or is the directory of one that was saved, rather than a file.

    Names on the hub are ``owner/name``, ``owner/name:split`` and ``owner/name:config:split``. A string is a path if it
    exists, if its parent folder exists, or if it has the suffix of a text file or table.
    """
    path = Path(name)
    return is_saved_data_set(path) or (
        _DATA_SET.fullmatch(name) is not None
        and not path.exists()
        and not path.parent.exists()
        and path.suffix.lower() not in _FILE_SUFFIXES
    )


def split_data_set_name(name: str) -> tuple[str, list[str], str]:
    """Repository, configuration (none or one) and split of a data set name. The split defaults to "train"."""
    repository, *options = name.split(":")
    split = options.pop() if options else "train"
    return repository, options, split
