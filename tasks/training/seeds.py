"""The same training with several seeds: mean and deviation, and going on where a table of runs stopped."""

from __future__ import annotations

import json
import logging
import statistics
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from elmo_lite import ConfigError
from elmo_lite.files import write_json

log = logging.getLogger("elmo_lite")

SEED_FILE = "seed.json"
SUMMARY = "seeds.json"


def run_seeds(
    train_one: Callable[[int, Path], dict[str, Any]],
    seeds: int,
    out: Path,
    settings: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Train with seeds 0 to ``seeds`` - 1 in ``out/seed-0``, ...; runs that are complete are not repeated.

    Args:
        train_one: trains with a seed in a directory and returns the scores, of JSON types, nested as it likes. The
            directory is not there yet, or holds what a run that was cut off left; ``"interrupted": True`` says that
            this one was.
        seeds: how many, 1 or more.
        out: directory of all of them; gets ``seeds.json``, what is returned.
        settings: of the runs, of JSON types; complete runs must have been made with the same.

    Returns:
        "seeds"; "mean" and, of two or more runs, "deviation" (of the sample) of every number by its dotted key; "runs",
        the scores of each.

    Raises:
        ConfigError: fewer than 1 seed, or runs with other settings in ``out``.
        KeyboardInterrupt: a run was interrupted.
    """
    if seeds < 1:
        raise ConfigError(f"seeds: expected 1 or more, found {seeds}")
    expected = json.loads(json.dumps(dict(settings or {})))
    finished = {seed: _finished(out / f"seed-{seed}" / SEED_FILE, expected) for seed in range(seeds)}
    runs = []
    for seed, scores in finished.items():
        directory = out / f"seed-{seed}"
        if scores is None:
            scores = train_one(seed, directory)
            if scores.get("interrupted"):
                raise KeyboardInterrupt
            write_json(directory / SEED_FILE, {"settings": expected, "scores": scores})
        else:
            log.info("%s: complete, not repeated", directory)
        runs.append(scores)
    summary = {"seeds": seeds, **summarize(runs), "runs": runs}
    write_json(out / SUMMARY, summary)
    return summary


def summarize(runs: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """Mean and sample deviation of every number that all runs have, by its dotted key."""
    flat = [dict(_numbers(scores)) for scores in runs]
    columns = {name: [scores[name] for scores in flat] for name in flat[0] if all(name in scores for scores in flat)}
    return {
        "mean": {name: statistics.fmean(values) for name, values in columns.items()},
        "deviation": {name: statistics.stdev(values) for name, values in columns.items() if len(values) > 1},
    }


def _finished(path: Path, settings: dict[str, Any]) -> dict[str, Any] | None:
    """The scores of a complete run; None where there is none."""
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        scores, found = dict(facts["scores"]), dict(facts["settings"])
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError) as error:
        log.warning("%s: expected scores of a run, found %r; the run is repeated", path, error)
        return None
    changed = sorted(key for key in {*settings, *found} if settings.get(key) != found.get(key))
    if changed:
        found_in = f"others in {', '.join(changed)}; another --out keeps both"
        raise ConfigError(f"{path}: expected the settings of the other seeds, found {found_in}")
    return scores


def _numbers(scores: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, float]]:
    for name, value in scores.items():
        if isinstance(value, Mapping):
            yield from _numbers(value, f"{prefix}{name}.")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield f"{prefix}{name}", float(value)
