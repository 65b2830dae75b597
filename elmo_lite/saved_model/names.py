"""Where the name of a saved model leads: to a directory, to a model that the package carries, or to a model hub."""

from __future__ import annotations

import difflib
import os
from pathlib import Path

from elmo_lite.errors import CheckpointError, one_line
from elmo_lite.saved_model.settings import CONFIG, FILES
from elmo_lite.text.hub_names import is_model_name


def models_directory() -> Path:
    """The folder of the models that the package carries, one folder a model; it need not be there."""
    return Path(__file__).resolve().parents[1] / "models"


def packaged_names() -> list[str]:
    """Names of the models that the package carries, sorted."""
    return sorted(path.parent.name for path in models_directory().glob(f"*/{CONFIG}"))


def find_model(path_or_name: str | os.PathLike[str], revision: str | None = None) -> Path:
    """The directory of a saved model; fetches it from the model hub if need be.

    Args:
        path_or_name: a directory; where there is none, the name of a packaged model; else a hub name.
        revision: branch, tag or commit on the hub.

    Raises:
        CheckpointError: none of these.
    """
    path, name = Path(path_or_name).expanduser(), os.fspath(path_or_name)
    is_packaged = name in packaged_names()
    if path.is_dir():
        if is_packaged and not (path / CONFIG).exists():
            # Taking the packaged model would be wrong for who means a run's output of that name.
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
    """A snapshot of a hub repository."""
    try:
        from huggingface_hub import snapshot_download
    except ImportError:
        raise CheckpointError(
            f"{name}: expected {_expected()}, found none{_nearest(name)} (hub names need: pip install huggingface_hub)"
        ) from None
    try:
        return Path(snapshot_download(name, revision=revision, allow_patterns=list(FILES)))
    except Exception as error:  # the hub client's errors have no common base, and network errors pass through it
        reason = one_line(error)[:200]
        raise CheckpointError(
            f"{name}: expected {_expected('a model on the hub')}, found none of these{_nearest(name)} ({reason})"
        ) from None


def _expected(hub: str = "") -> str:
    """What a name may be, in words."""
    packaged = packaged_names()
    kinds = ["a saved model directory", f"a packaged model ({', '.join(packaged)})" if packaged else "", hub]
    *first, last = filter(None, kinds)
    return f"{', '.join(first)} or {last}" if first else last


def _nearest(name: str) -> str:
    """A hint such as ``; did you mean en?``, or nothing where no packaged name is near."""
    close = difflib.get_close_matches(name.lower(), packaged_names(), n=1)
    return f"; did you mean {close[0]}?" if close else ""
