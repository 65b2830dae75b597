"""Runs of a peer as files, laid out as those of ``transfer.py``: OUT/SET/ROW/POINT/seed-N/dev.json and test.json.

Nothing of elmo_lite is imported: every peer has an environment of its own.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

Scores = dict[str, float]


def column_sentences(path: Path) -> Iterator[tuple[list[str], list[str]]]:
    """Words and tags of a file with a word and its tag on a line."""
    for block in path.read_text(encoding="utf-8").split("\n\n"):
        rows = [line.split("\t") for line in block.split("\n") if line]
        if rows:
            yield [row[0] for row in rows], [row[1] for row in rows]


def labelled_texts(path: Path) -> Iterator[tuple[str, str]]:
    """Labels and texts of a table."""
    for line in path.read_text(encoding="utf-8").splitlines()[1:]:
        label, _, text = line.partition("\t")
        yield label, text


def has_labels(folder: Path) -> bool:
    """Whether a folder holds labelled texts; if not, tagged words."""
    with (folder / "train.tsv").open(encoding="utf-8") as file:
        return file.readline().rstrip("\n") == "label\ttext"


def cpu_seconds(process: int) -> float:
    """CPU time of a process and of those of its children that have ended."""
    fields = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return sum(int(value) for value in fields[11:15]) / os.sysconf("SC_CLK_TCK")


def fill(
    directory: Path,
    points: Sequence[dict[str, Any]],
    seeds: int,
    train: Callable[[dict[str, Any], int, Path], float],
    test: Callable[[Path], float],
) -> dict[str, Any]:
    """Train each point with seed 0, the best on dev with all seeds, and score the latter on test, once.

    Args:
        directory: Directory of a data set and row.
        points: Points of the grid.
        seeds: Number of seeds.
        train: Trains a point with a seed in a directory, and returns its score on dev.
        test: Scores the model in a directory on test.
    """

    def dev_score(point: dict[str, Any], seed: int) -> float:
        run = _run(directory, point, seed)
        if not (run / "dev.json").exists():
            run.mkdir(parents=True, exist_ok=True)
            begun = time.process_time(), time.perf_counter()
            score = train(point, seed, run)
            seconds = {"cpu_seconds": time.process_time() - begun[0], "seconds": time.perf_counter() - begun[1]}
            _write(run / "dev.json", {"score": score, **seconds})
        return _score(run / "dev.json")

    def test_score(point: dict[str, Any], seed: int) -> float:
        run = _run(directory, point, seed)
        if not (run / "test.json").exists():
            _write(run / "test.json", {"score": test(run)})
        return _score(run / "test.json")

    tried = [(dev_score(point, 0), number) for number, point in enumerate(points)]
    best = points[max(tried)[1]]
    dev = [dev_score(best, seed) for seed in range(seeds)]
    return {"point": best, "dev": dev, "test": [test_score(best, seed) for seed in range(seeds)]}


def _run(directory: Path, point: dict[str, Any], seed: int) -> Path:
    return directory / "-".join(f"{key}={value}" for key, value in point.items()) / f"seed-{seed}"


def _write(path: Path, facts: Scores) -> None:
    path.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")


def _score(path: Path) -> float:
    return float(json.loads(path.read_text(encoding="utf-8"))["score"])
