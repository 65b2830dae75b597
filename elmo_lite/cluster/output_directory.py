"""Checks of a directory for Parquet files before any work: nothing is replaced, or read as input, by mistake."""

from __future__ import annotations

from pathlib import Path

from elmo_lite.errors import ConfigError, require
from elmo_lite.files import STANDARD_STREAM
from elmo_lite.text.sources import Source


def check_output_directory(target: Path, overwrite: bool) -> None:
    """Check that the output directory can be written.

    Raises:
        ConfigError: It exists and may not be replaced, is a file, or its parent does not exist.
    """
    require(str(target) != STANDARD_STREAM, "OUTPUT", "a directory for --engine ray", "standard output")
    if target.exists() and not (target.is_dir() and overwrite):
        found = "a directory (--overwrite replaces it)" if target.is_dir() else "a file"
        raise ConfigError(f"{target}: expected nothing there, found {found}")
    if not target.parent.is_dir():
        raise ConfigError(f"{target}: expected an existing folder, found none")
    others = [path.name for path in target.iterdir() if path.suffix != ".parquet"] if target.is_dir() else []
    if others:
        raise ConfigError(f"{target}: expected Parquet files alone in a directory to replace, found {others[0]}")


def check_apart(target: Path, given: Path, sources: list[Source]) -> None:
    """Check that the output directory, which is replaced as a whole, is apart from the input.

    Raises:
        ConfigError: One lies in the other.
    """
    inside = [source.name for source in sources if Path(source.name).resolve().is_relative_to(target.resolve())]
    if inside or (given.is_dir() and target.resolve().is_relative_to(given.resolve())):
        raise ConfigError(
            f"{target}: expected a directory apart from the input, found {inside[0] if inside else given}"
        )
