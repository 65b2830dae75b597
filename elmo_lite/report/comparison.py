"""Runs of one kind beside each other: their scores, the settings that differ, their curves."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from typing import Any

from elmo_lite.report.content import Chart, Line, Run, Table


def overview(runs: Sequence[Run]) -> Table:
    """The status and the headline scores of runs of one kind."""
    titles = list(dict.fromkeys(title for run in runs for title in run.scores))
    rows = [[run.name, run.status, *(run.scores.get(title) for title in titles)] for run in runs]
    return Table(runs[0].kind, ["run", "status", *titles], rows)


def differing_settings(runs: Sequence[Run]) -> Table | None:
    """The settings that runs of one kind do not share, a column per run; None if they share all, or there is one."""
    keys = dict.fromkeys(key for run in runs for key in run.settings)
    rows = []
    for key in keys:
        values = [setting(run.settings[key]) if key in run.settings else None for run in runs]
        if len(set(values)) > 1:
            rows.append([key, *values])
    if not rows:
        return None
    return Table(f"{runs[0].kind}: settings that differ", ["setting", *(run.name for run in runs)], rows)


def overlaid(runs: Sequence[Run]) -> list[Chart]:
    """The curves that runs of one kind share, each kind of curve in one chart; empty for one run."""
    if len(runs) < 2:
        return []
    charts = [chart for run in runs for chart in run.compared]
    return [_overlaid(runs, title) for title in dict.fromkeys(chart.title for chart in charts)]


def _overlaid(runs: Sequence[Run], title: str) -> Chart:
    """One chart of the curves of that title, each named by its run."""
    found = [(run.name, chart) for run in runs for chart in run.compared if chart.title == title]
    lines = [Line(name, line.points) for name, chart in found for line in chart.lines]
    data = {chart.measured_on for _, chart in found}
    note = "measured on different data: not comparable" if len(data) > 1 else ""
    return dataclasses.replace(found[0][1], lines=lines, note=note)


def setting(value: Any) -> str:
    """A setting as one line of text."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
