"""Flags of the training commands."""

from types import SimpleNamespace
from typing import Any

import pytest

from tasks.training import command
from tasks.training.command import TrainingFlags, train_and_print


@pytest.mark.parametrize("quiet", [False, True])
def test_quiet_shows_no_progress(quiet: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, Any] = {}
    monkeypatch.setattr(command, "train_task", lambda *_, **named: given.update(named))
    monkeypatch.setattr(command, "print_scores", lambda *_: None)
    task: Any = SimpleNamespace()
    train_and_print(task, task, "train.tsv", TrainingFlags("out"), quiet)
    assert given["progress"] is not quiet
