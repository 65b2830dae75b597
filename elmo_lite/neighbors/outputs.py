"""The files of ``elmo-lite neighbors``: checked before the work, written after it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from elmo_lite.errors import ConfigError, require
from elmo_lite.extras import import_extras
from elmo_lite.files import write_text
from elmo_lite.neighbors.finder import Finder
from elmo_lite.neighbors.projection import Projection, chosen_projection
from elmo_lite.neighbors.report import Answer, Static, as_jsonl, as_tsv

log = logging.getLogger("elmo_lite")

_PICTURE = ".png"
_TABLES = {".tsv": as_tsv, ".jsonl": as_jsonl}


class Outputs(NamedTuple):
    """Files to write."""

    paths: list[Path]
    projection: Projection
    """Projection of pictures, "pca" or "umap"."""


def checked_outputs(outputs: Sequence[str], overwrite: bool, projection: Projection = "auto") -> Outputs:
    """Check that files can be written.

    Args:
        outputs: Names of the files, whose suffixes are .tsv, .jsonl or .png.
        overwrite: Whether existing files are replaced.
        projection: Projection of pictures.

    Raises:
        ConfigError: A suffix is unknown, a folder does not exist, or a file exists.
        ModuleNotFoundError: A package that pictures need is not installed.
    """
    paths, known = [Path(output) for output in outputs], (*_TABLES, _PICTURE)
    for path in paths:
        require(path.suffix in known, "--output", f"a file named {', '.join(known)}", str(path))
        if not path.parent.is_dir():
            raise ConfigError(f"{path}: expected an existing folder, found none")
        if path.is_dir() or (path.exists() and not overwrite):
            found = "a directory" if path.is_dir() else "a file (--overwrite replaces it)"
            raise ConfigError(f"{path}: expected nothing there, found {found}")
        if path.suffix == _PICTURE:
            import_extras(["matplotlib", "sklearn"], path.name)
            projection = chosen_projection(projection)
    return Outputs(paths, projection)


def write_outputs(outputs: Outputs, finder: Finder, answers: Sequence[Answer], static: Static) -> None:
    """Write tables and pictures, each whole or not at all."""
    for path in outputs.paths:
        if path.suffix == _PICTURE:
            given = [answer.query for answer in answers if answer.query.layers is not None]
            finder.draw(path, given, outputs.projection)
        else:
            write_text(path, _TABLES[path.suffix](answers, static))
        log.info("%s: written", path)
