"""Names of files: the home directory in a path, and names that are short enough for any file system."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from elmo_lite.errors import ConfigError

__all__ = ["expanded", "short_name"]

_LONGEST = 96
"""Maximum length of a short name in bytes; file systems allow 255."""


def expanded(path: str | os.PathLike[str]) -> Path:
    """A path whose ``~`` or ``~user`` is replaced by the home directory.

    Raises:
        ConfigError: There is no such user.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise ConfigError(f"{os.fspath(path)}: expected the name of a user after ~, found none") from None


def short_name(path: Path) -> str:
    """The last part of a path, or, where it is long, its beginning and its hash; distinct for distinct names."""
    encoded = os.fsencode(path.name)
    if len(encoded) <= _LONGEST:
        return path.name
    digest = hashlib.sha256(encoded).hexdigest()[:16]
    return f"{encoded[: _LONGEST - len(digest) - 1].decode('utf-8', 'ignore')}-{digest}"
