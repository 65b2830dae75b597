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
    if "folds" in facts:
        print(f"folds {_mean(task, facts, 'test')}  ({facts['folds']} folds: mean, deviation)")
        print(f"models {Path(out) / 'fold-1'} to fold-{facts['folds']}")
        print(f"next  elmo-lite report {shlex.quote(str(out))}")
        return
    if "search" in facts:
        _print_search(task, facts)
        seeds = 1
    for part in ("dev", "test"):
        if seeds == 1 and part in facts:
            shown = [f"{title} {facts[part][key]:.2f}" for title, key in task.headline.items()]
            print(f"{part:<5} {'  '.join(shown)}")
        elif seeds > 1 and any(key.startswith(f"{part}.") for key in facts["mean"]):
            print(f"{part:<5} {_mean(task, facts, part)}  ({seeds} seeds: mean, deviation)")
    print(f"model {out if seeds == 1 else Path(out) / 'seed-0'}")
    print(f"next  elmo-lite report {shlex.quote(str(out))}")
    if facts.get("interrupted"):
        message = f"stopped in epoch {facts['num_epochs'] + 1}; the model of epoch {facts['best_epoch']} is in {out}"
        raise Stopped(message, facts["stop_signal"])


def _mean(task: Task[ConfigT, DataT, ExampleT, ModelT], facts: Mapping[str, Any], part: str) -> str:
    """Mean and deviation of the headline scores of several runs."""
    mean, deviation = facts["mean"], facts["deviation"]
    return "  ".join(
        f"{title} {mean[f'{part}.{key}']:.2f} +- {deviation[f'{part}.{key}']:.2f}"
        for title, key in task.headline.items()
    )


def _print_search(task: Task[ConfigT, DataT, ExampleT, ModelT], facts: Mapping[str, Any]) -> None:
    """Print a line per point, best first, and what is as good as the best."""
    rows, seeds = facts["search"], facts["seeds"]
    title = next(iter(task.headline))
    width = max(len(row["point"]) for row in rows)
    how = "one seed" if seeds == 1 else f"{seeds} seeds: mean, deviation"
    print(f"{'search':<{width}}  {title} on dev ({how})")
    for row in rows:
        score = f"{row['mean']:.2f}" + ("" if seeds == 1 else f" +- {row['deviation']:.2f}")
        within = "" if seeds == 1 or not row["is_within"] else f"within one standard error ({rows[0]['error']:.2f})"
        print(f"{row['point']:<{width}}  {score}  {'best' if row['is_best'] else within}".rstrip())
    if seeds == 1:
        print("one seed tells nothing of chance: --seeds 3 shows what is as good as the best")
    print(f"best  {rows[0]['point']}, seed {facts['best_seed']}")
