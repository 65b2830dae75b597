"""A search over a small grid of settings (``--search``): one or several seeds per point, the best model in ``out``.

    out/search/POINT/seed-0/    a run of a point, as ``seeds`` leaves it; the name of POINT is its values
    out/search.json             scores of all points
    out                         the best model, with the files of its run

Points are compared by their mean score on dev; test is scored once, with the best model. A point within one standard
error of the best is as good as it, as far as this many seeds can tell.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import math
import shutil
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from elmo_lite.metadata import write_json
from tasks.saved_task.settings import LISTS, MODEL
from tasks.training.finetune import METRICS
from tasks.training.grid import Point
from tasks.training.judgement import judge
from tasks.training.material import Material, Materials, TrainOne
from tasks.training.parts import Parts, contents_of
from tasks.training.seeds import SEED_FILE, identity_of, run_seeds
from tasks.training.seen import Seen
from tasks.training.task import ConfigT, DataT, ExampleT, ModelT, Task

log = logging.getLogger("elmo_lite")

FOLDER = "search"
SEARCH = "search.json"
_SAVED = ("config.json", "README.md", MODEL, *LISTS.values(), SEED_FILE)
"""Files of a run that are written anew with the best model, or belong to its place."""


def run_search(
    task: Task[ConfigT, DataT, ExampleT, ModelT],
    points: Sequence[Point[ConfigT]],
    materials: Materials[ConfigT, DataT],
    train_one: TrainOne[ConfigT, DataT],
    seeds: int,
    out: Path,
) -> dict[str, Any]:
    """Train every point, and leave the best model in ``out``; complete runs are not repeated.

    Args:
        task: The kind of task.
        points: Points of the grid, one or more.
        materials: Data and encoder of each point.
        train_one: Function that trains one model.
        seeds: Number of models of each point.
        out: Directory of the search.

    Returns:
        "search", the "point" of each, its "values", "mean", "deviation", "error" (standard error of the mean; the last
        two None with one seed), "is_best" and "is_within" (one standard error of the best), best first; "seeds"; "dev"
        and, if given, "test", the scores of the best model, which is that of the best seed of the best point.

    Raises:
        ConfigError: ``out`` has runs of these points with other settings or data.
        KeyboardInterrupt: A run is interrupted.
    """
    found: list[tuple[Point[ConfigT], dict[str, Any]]] = []
    for number, point in enumerate(points, start=1):
        log.info("point %d of %d: %s", number, len(points), point.name)
        config, material = _of(point, materials)
        material = dataclasses.replace(material, data=material.data.without("test"))
        identity = identity_of(config, contents_of(task, material.data.all()), material.encoder.hash)
        train = partial(_train, train_one, config, material)
        found.append((point, run_seeds(train, seeds, out / FOLDER / point.folder, identity)))
    key = f"dev.{next(iter(task.headline.values()))}"
    rows = _ranked(found, key, seeds)
    best, summary = max(found, key=lambda pair: float(pair[1]["mean"][key]))
    scores = [run["dev"][key.removeprefix("dev.")] for run in summary["runs"]]
    seed = scores.index(max(scores))
    data = _of(best, materials)[1].data
    facts = _keep(task, best.config, data, out / FOLDER / best.folder / f"seed-{seed}", out)
    result = {"search": rows, "seeds": seeds, "best_seed": seed, **facts}
    write_json(out / SEARCH, result, allow_nan=True)
    return result


def _of(point: Point[ConfigT], materials: Materials[ConfigT, DataT]) -> tuple[ConfigT, Material[DataT]]:
    """Settings of the runs of a point, which keep no copies of a frozen encoder, and their material."""
    config = dataclasses.replace(point.config, encoder_inside=False)
    return config, materials.of(config)


def _train(
    train_one: TrainOne[ConfigT, DataT], config: ConfigT, material: Material[DataT], seed: int, place: Path
) -> dict[str, Any]:
    return train_one(config.with_seed(seed), material, place)


def _ranked(found: Sequence[tuple[Point[Any], Mapping[str, Any]]], key: str, seeds: int) -> list[dict[str, Any]]:
    """The points with their scores, best first."""
    ranked = sorted(found, key=lambda pair: -float(pair[1]["mean"][key]))
    best = ranked[0][1]
    error = best["deviation"][key] / math.sqrt(seeds) if seeds > 1 else 0.0
    return [
        {
            "point": point.name,
            "values": dict(point.values),
            "mean": summary["mean"][key],
            "deviation": summary["deviation"].get(key),
            "error": summary["deviation"][key] / math.sqrt(seeds) if seeds > 1 else None,
            "is_best": rank == 0,
            "is_within": summary["mean"][key] >= best["mean"][key] - error,
        }
        for rank, (point, summary) in enumerate(ranked)
    ]


def _keep(
    task: Task[ConfigT, DataT, ExampleT, ModelT], config: ConfigT, data: Parts[DataT], run: Path, out: Path
) -> dict[str, Any]:
    """Save the model of a run in ``out``, with the files of the run, and score it on test."""
    model = task.load(run, config.finetune.device)
    model.config = dataclasses.replace(model.config, encoder_inside=config.encoder_inside)
    facts: dict[str, Any] = json.loads((run / SEED_FILE).read_text(encoding="utf-8"))["scores"]
    if "test" in data.scored:
        facts["test"] = judge(task, model, data.scored["test"], Seen.load(run))[0]
    scored: dict[str, Any] = {
        part: {key: facts[part][key] for key in task.card_scores} for part in ("dev", "test") if part in facts
    }
    model.save(out, metrics=scored, encoder_path=config.representation.encoder, overwrite=True)
    for path in run.iterdir():
        if path.is_file() and path.name not in _SAVED:
            shutil.copyfile(path, out / path.name)
    metrics = json.loads((out / METRICS).read_text(encoding="utf-8"))
    write_json(out / METRICS, {**metrics, **facts}, allow_nan=True)
    return facts
