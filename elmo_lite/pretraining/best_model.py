"""The best model of a run that resumes: the one that its state knows, whole and undamaged."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import torch

from elmo_lite.errors import CheckpointError
from elmo_lite.files import remove_leftovers
from elmo_lite.saved_model.settings import ModelSettings

log = logging.getLogger("elmo_lite")


def check_best_model(directory: Path, state: dict[str, Any]) -> None:
    """Compare the saved model of a run with its state.

    The model may be newer than the state, where the process was killed between saving one and the other: its steps are
    then repeated. Where there is none, the choice starts anew, and ``state`` is changed.

    Args:
        directory: Directory of the saved model.
        state: State of the run, checked.

    Raises:
        CheckpointError: A file of the model is damaged, or it is an older one or that of another run.
    """
    best = state["callbacks"].get("SaveBest")
    if not best:
        return
    remove_leftovers(directory)
    if not directory.exists():
        log.warning("%s: expected the model of step %s, found none; the next one is kept", directory, best["step"])
        _forget_best(state["callbacks"])
        return
    try:
        settings = ModelSettings.read(directory, forward_alone=True)
        for name in settings.files:
            settings.check(directory, name, with_hash=True)
        kept = settings.training.get("best")
        if kept != best and not (isinstance(kept, dict) and kept.get("step", 0) > state["global_step"]):
            raise CheckpointError(f"{directory}: expected the run's model of step {best['step']}, found another one")
    except CheckpointError as error:
        raise CheckpointError(f"{error}; move {directory} away to continue without it") from None


def _forget_best(callbacks: dict[str, Any]) -> None:
    del callbacks["SaveBest"]
    for name, value in callbacks.items():
        if name.startswith("EarlyStopping"):
            value.update(best_score=torch.tensor(torch.inf), wait_count=0)
