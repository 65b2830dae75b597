"""Reading the JSON of a run, which may be damaged or another program's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from elmo_lite.errors import CheckpointError, ElmoLiteError, one_line
from elmo_lite.metadata import check_checksum, read_json


def read_object(path: Path) -> dict[str, Any] | None:
    """A JSON object, with its checksum compared if it has one; None if there is no such file.

    Raises:
        CheckpointError: The file is damaged, or holds no object.
    """
    try:
        content = read_json(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    if not isinstance(content, dict):
        raise CheckpointError(f"{path}: expected a JSON object, found {type(content).__name__}")
    check_checksum(path, content)
    return content


@contextmanager
def expecting(path: Path, what: str) -> Iterator[None]:
    """Turn the errors of using values of a file, whose types are not known, into one line that names the file."""
    try:
        yield
    except ElmoLiteError:
        raise
    except KeyError as error:
        raise CheckpointError(f"{path}: expected {what}, found no {error}") from None
    except (ValueError, TypeError, AttributeError, LookupError, ArithmeticError) as error:
        raise CheckpointError(f"{path}: expected {what}, found {one_line(error):.200}") from None
