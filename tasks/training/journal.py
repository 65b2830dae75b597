"""The journal of a training, ``training.json``: how it was started, its epochs so far, whether it has ended.

It is the first file that a training writes, and is written anew after each epoch. Once ``metrics.json`` has the epochs,
it says that the training is complete. ``elmo-lite report`` shows a training by it while it runs.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from elmo_lite.errors import one_line
from elmo_lite.metadata import write_json
from elmo_lite.repeat import repeat_command
from tasks.training.head import Example
from tasks.training.parts import HELD_OUT
from tasks.training.task import Task
from tasks.training.task_config import SHORT_FLAGS, TaskConfig

log = logging.getLogger("elmo_lite")

JOURNAL = "training.json"
FORMAT_VERSION = 1


class Journal:
    """The file of one training."""

    def __init__(self, out: Path, facts: Mapping[str, Any]) -> None:
        """Start the journal.

        Args:
            out: Directory of the run; it is created if needed.
            facts: What is known before the first epoch, see ``opening``.
        """
        self._path = out / JOURNAL
        self._facts = {"format_version": FORMAT_VERSION, **facts}
        self._write([], complete=False)

    def write(self, epochs: Sequence[Mapping[str, Any]], *, complete: bool = False) -> None:
        """Write the epochs so far; where nothing can be written, a warning says so, and the training goes on.

        Args:
            epochs: ``FinetuneResult.epochs``.
            complete: Whether ``metrics.json`` has them, so that they need not be here. Defaults to False.
        """
        try:
            self._write(epochs, complete)
        except OSError as error:
            log.warning("%s: is not up to date (%s)", self._path, one_line(error))

    def _write(self, epochs: Sequence[Mapping[str, Any]], complete: bool) -> None:
        content = {**self._facts, "complete": complete, "epochs": list(epochs)}
        write_json(self._path, content, str(self._path), allow_nan=True)


def opening(
    task: Task[Any, Any, Any, Any],
    config: TaskConfig,
    parts: Mapping[str, Sequence[Example]],
    names: Mapping[str, str | None],
    flags: Mapping[str, str],
) -> dict[str, Any]:
    """What the journal of a training begins with.

    Args:
        task: The kind of task.
        config: Settings.
        parts: Sentences of "train", "dev" and, if given, "test".
        names: Path or name of each part that was given; None for data in memory.
        flags: Other flags of the command, such as "out".

    Returns:
        "task"; "command", the command line that repeats the run, or None if data were in memory; "data", the name and
        the numbers of sentences and words of each part; "settings"; "measure", the score that chooses the best epoch;
        "loss_unit".
    """
    command = None
    if None not in names.values():
        command = repeat_command(f"{task.kind} train", config, {**names, **flags}, short=SHORT_FLAGS)
    sizes = {part: [len(example.words) for example in examples] for part, examples in parts.items()}
    return {
        "task": task.kind,
        "command": command,
        "data": {
            part: {"name": names.get(part, HELD_OUT), "sentences": len(lengths), "words": sum(lengths)}
            for part, lengths in sizes.items()
        },
        "settings": config.to_dict(),
        "measure": next(iter(task.headline)),
        "loss_unit": task.loss_unit,
    }
