"""What a training prints at its end."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from elmo_lite.stopping import Stopped
from tasks.training.task import ConfigT, DataT, ExampleT, ModelT, Task


def print_scores(
    task: Task[ConfigT, DataT, ExampleT, ModelT], facts: Mapping[str, Any], out: str | Path, seeds: int
) -> None:
    """Print one line for dev and one for test, the path of the model, and the command that shows the run.

    Args:
        task: The kind of task.
        facts: Result of ``train_task``.
        out: Directory of the run.
        seeds: Number of seeds of the run.
    """
    for part in ("dev", "test"):
        if seeds == 1 and part in facts:
            shown = [f"{title} {facts[part][key]:.2f}" for title, key in task.headline.items() if key in facts[part]]
            print(f"{part:<5} {'  '.join(shown)}")
        elif seeds > 1 and any(key.startswith(f"{part}.") for key in facts["mean"]):
            mean, deviation = facts["mean"], facts["deviation"]
            shown = [
                f"{title} {mean[f'{part}.{key}']:.2f} +- {deviation[f'{part}.{key}']:.2f}"
                for title, key in task.headline.items()
                if f"{part}.{key}" in mean
            ]
            print(f"{part:<5} {'  '.join(shown)}  ({seeds} seeds: mean, deviation)")
    print(f"model {out if seeds == 1 else Path(out) / 'seed-0'}")
    print(f"next  elmo-lite report {shlex.quote(str(out))}")
    if facts.get("interrupted"):
        message = f"stopped in epoch {facts['num_epochs'] + 1}; the model of epoch {facts['best_epoch']} is in {out}"
        raise Stopped(message, facts["stop_signal"])
