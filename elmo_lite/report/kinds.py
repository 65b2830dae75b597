"""The kinds of runs that a page can show, and how the directories of runs are found."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from elmo_lite.errors import CheckpointError, one_line
from elmo_lite.paths import expanded
from elmo_lite.report.content import Run
from elmo_lite.report.ladder_run import is_ladder_run, read_ladder_run
from elmo_lite.report.pretraining_run import is_pretraining_run, read_pretraining_run
from elmo_lite.report.task_run import is_task_run, read_task_run

MAX_HINTS = 5
SEVERAL = ("seed", "fold")
"""Names of the runs in a directory of several, before their number."""


@dataclass(frozen=True)
class Kind:
    """A kind of run, and its reader."""

    sign: str
    """The file that such a directory has, and what writes it, for errors."""
    matches: Callable[[Path], bool]
    """Whether a directory is such a run."""
    read: Callable[[Path, str], Run]
    """Read the run of a directory, which the page calls by a name."""


KINDS = (
    Kind("run.json of pretraining", is_pretraining_run, read_pretraining_run),
    Kind("training.json or metrics.json of a task", is_task_run, read_task_run),
    Kind("settings.json of a ladder", is_ladder_run, read_ladder_run),
)
"""All kinds. A new one is a module beside these, and an entry here."""


@dataclass(frozen=True)
class Found:
    """The directory of a run."""

    kind: Kind
    path: Path


def kind_of(path: Path) -> Kind | None:
    """The kind of run of a directory; None if it is none."""
    return next((kind for kind in KINDS if kind.matches(path)), None)


def find_runs(paths: Iterable[str | Path]) -> list[Found]:
    """The runs of directories, each once; a directory of several seeds or folds stands for all of them.

    Raises:
        CheckpointError: A directory is no run. The message names what was expected, what is there, and runs inside.
    """
    found: dict[Path, Found] = {}
    for path in map(expanded, paths):
        runs = [path] if kind_of(path) is not None else runs_of(path)
        if not runs:
            signs = ", or ".join(kind.sign for kind in KINDS)
            raise CheckpointError(f"{path}: expected the directory of a run ({signs}), found {_content(path)}")
        for run in runs:
            if (kind := kind_of(run)) is not None:
                found.setdefault(run.resolve(), Found(kind, run))
    return list(found.values())


def runs_of(path: Path) -> list[Path]:
    """The runs of several seeds or folds in a directory: seed-0, seed-1, ..., or fold-1, fold-2, ..."""
    for several in SEVERAL:
        numbered = {each: each.name.partition("-")[2] for each in path.glob(f"{several}-*")}
        runs = [each for each, number in numbered.items() if number.isdecimal() and kind_of(each) is not None]
        if runs:
            return sorted(runs, key=lambda each: int(numbered[each]))
    return []


def _content(path: Path) -> str:
    """What is there instead of a run, and where runs are."""
    if not path.exists():
        return "nothing there"
    if not path.is_dir():
        return "a file"
    try:
        inside = sorted(path.iterdir())
    except OSError as error:
        return one_line(error)
    runs = [each for each in (*inside, path.parent) if each.is_dir() and (kind_of(each) or runs_of(each))]
    hint = f"; there are runs in {', '.join(map(str, runs[:MAX_HINTS]))}" if runs else ""
    names = ", ".join(each.name for each in inside[:MAX_HINTS])
    return f"{names}{', ...' if len(inside) > MAX_HINTS else ''}{hint}" if inside else f"an empty directory{hint}"


def short_names(paths: Sequence[Path]) -> list[str]:
    """The shortest distinct ends of paths."""
    parts = [path.resolve().parts for path in paths]
    for length in range(1, max(map(len, parts)) + 1):
        names = ["/".join(each[-length:]) for each in parts]
        if len(set(names)) == len(names):
            break
    return names
