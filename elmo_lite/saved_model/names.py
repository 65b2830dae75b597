"""Resolution of the name of a saved model: a directory, a packaged model, or a model on the hub."""

from __future__ import annotations

import difflib
import os
from pathlib import Path

from elmo_lite.errors import CheckpointError, one_line
from elmo_lite.files import remove_leftovers
from elmo_lite.paths import expanded
from elmo_lite.saved_model.settings import CONFIG, FILES
from elmo_lite.text.hub_names import is_model_name


def models_directory() -> Path:
    """The folder of the packaged models, which has one folder per model. It may not exist."""
    return Path(__file__).resolve().parents[1] / "models"


def packaged_names() -> list[str]:
    """The names of the packaged models, sorted."""
    return sorted(path.parent.name for path in models_directory().glob(f"*/{CONFIG}"))


def find_model(path_or_name: str | os.PathLike[str], revision: str | None = None) -> Path:
    """Find the directory of a saved model. A model on the hub is downloaded.

    Args:
        path_or_name: Saved model directory, name of a packaged model, or hub name, in this order.
        revision: Branch, tag or commit on the hub.

    Returns:
        The directory.

    Raises:
        CheckpointError: The model does not exist, or its name is ambiguous.
    """
    path, name = expanded(path_or_name), os.fspath(path_or_name)
    if not os.path.lexists(path):
        remove_leftovers(path)  # the model made way for a new one when its process was killed
    is_packaged = name in packaged_names()
    if path.is_dir():
        if is_packaged and not (path / CONFIG).exists():
            # The user may mean the output of a run with the name of a packaged model.
            raise CheckpointError(
                f"{path}: expected a saved model, found a folder without {CONFIG} that hides the packaged model {name}"
            )
        return path
    if is_packaged:
        return models_directory() / name
    if path.exists():
        raise CheckpointError(f"{path}: expected a saved model directory, found a file")
    if not is_model_name(name):
        raise CheckpointError(f"{name}: expected {_expected('a hub name owner/model')}, found none of these")
    return _fetch(name, revision)


def _fetch(name: str, revision: str | None) -> Path:
    """Download a hub repository and return its directory."""
    try:
        from huggingface_hub import snapshot_download
    except ImportError:
        raise CheckpointError(
            f"{name}: expected {_expected()}, found none{_nearest(name)} (hub names need: pip install huggingface_hub)"
        ) from None
    try:
        return Path(snapshot_download(name, revision=revision, allow_patterns=list(FILES)))
    except Exception as error:  # errors of the hub client have no common base class, and network errors pass through
        reason = one_line(error)[:200]
        raise CheckpointError(
            f"{name}: expected {_expected('a model on the hub')}, found none of these{_nearest(name)} ({reason})"
        ) from None


def _expected(hub: str = "") -> str:
    """The possible kinds of names, in words."""
    packaged = packaged_names()
    kinds = ["a saved model directory", f"a packaged model ({', '.join(packaged)})" if packaged else "", hub]
    *first, last = filter(None, kinds)
    return f"{', '.join(first)} or {last}" if first else last


def _nearest(name: str) -> str:
    """A hint such as ``; did you mean en?``, or an empty string if no packaged model has a similar name."""
    close = difflib.get_close_matches(name.lower(), packaged_names(), n=1)
    return f"; did you mean {close[0]}?" if close else ""
