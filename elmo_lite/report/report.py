"""From the directories of runs to one page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from elmo_lite.paths import expanded
from elmo_lite.report.kinds import find_runs, runs_of, short_names
from elmo_lite.report.page import make_page
from elmo_lite.report.several_runs import several_table


def make_report(paths: Sequence[str | Path]) -> tuple[str, int]:
    """The page of the runs of directories, and the number of runs.

    Args:
        paths: Directories of runs, or of several seeds or folds of a run; one or more.

    Raises:
        CheckpointError: A directory is no run, or a file of a run is damaged.
    """
    found = find_runs(paths)
    names = short_names([each.path for each in found])
    runs = [each.kind.read(each.path, name) for each, name in zip(found, names, strict=True)]
    summaries = [several_table(path, path.resolve().name) for path in map(expanded, paths) if runs_of(path)]
    return make_page(runs, [table for table in summaries if table is not None]), len(runs)
