"""Several runs: with several seeds, their mean and deviation, and resuming after an interrupt."""

from __future__ import annotations

import hashlib
import json
import logging
import signal
import statistics
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from elmo_lite import ConfigError, CorpusError
from elmo_lite.errors import one_line
from elmo_lite.files import describe_file
from elmo_lite.metadata import read_json, write_json
from elmo_lite.paths import expanded
from elmo_lite.stopping import Stopped
from tasks.training.task_config import TaskConfig

log = logging.getLogger("elmo_lite")

SEED_FILE = "seed.json"
SUMMARY = "seeds.json"
WITHOUT_EFFECT = ("seed", "split_seed", "cache", "cache_dir", "pictures", "keep_predictions", "device")
"""The seed, and settings of ``finetune`` that do not affect its result. ``precision`` does affect it, and ``calibrate``
that of a classifier with n-grams; what a split has chosen is in the hashes of the data."""


def identity_of(config: TaskConfig, contents: Mapping[str, Iterable[Any]], encoder_hash: str) -> dict[str, Any]:
    """Collect the settings and data hashes that determine the result of a seed.

    Args:
        config: Settings of the task.
        contents: Words and targets of each part of the data, by its name.
        encoder_hash: Hash of the encoder; empty without one.

    Returns:
        Values of JSON types by key. Files are identified by their content, not by their path.

    Raises:
        CorpusError: The file of word vectors cannot be read.
    """
    settings = config.to_dict()
    for name in WITHOUT_EFFECT:
        del settings["finetune"][name]
    for name in ("encoder", "pieces"):  # in the hash of the encoder
        del settings["representation"][name]
    hashes = {"encoder_hash": encoder_hash, **{f"{part}_hash": _hash(rows) for part, rows in contents.items()}}
    if config.inputs.has_file:
        settings["inputs"]["words"] = "file"
        try:
            hashes["words_hash"] = describe_file(expanded(config.inputs.words))["sha256"]
        except OSError as error:
            raise CorpusError(f"{config.inputs.words}: expected word vectors, found {one_line(error)}") from None
    return {**dict(flat(settings)), **hashes}


def _hash(rows: Iterable[Any]) -> str:
    digest = hashlib.sha256()
    for row in rows:
        digest.update(json.dumps(row).encode() + b"\n")
    return digest.hexdigest()


def flat(settings: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the values of nested settings with their dotted keys."""
    for name, value in settings.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def run_seeds(
    train_one: Callable[[int, Path], dict[str, Any]],
    seeds: int,
    out: Path,
    settings: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Train with seeds 0 to ``seeds`` - 1 in ``out/seed-0``, ...; complete runs are not repeated.

    Args:
        train_one: Function that trains with a seed in a directory and returns the scores, nested values of JSON types.
            The directory does not exist, or has the files of an incomplete run. The scores of an interrupted run have
            ``"interrupted": True``.
        seeds: Number of runs, 1 or more.
        out: Directory of all runs; the result is also written to ``seeds.json`` there.
        settings: Settings of the runs, of JSON types. Complete runs must have the same settings.

    Returns:
        "seeds", the number of runs; "mean" and, for two or more runs, "deviation" (sample standard deviation) of every
        number by its dotted key; "runs", the scores of each run.

    Raises:
        ConfigError: ``seeds`` is less than 1, or ``out`` has runs with other settings.
        KeyboardInterrupt: A run is interrupted.
    """
    if seeds < 1:
        raise ConfigError(f"seeds: expected 1 or more, found {seeds}")
    directories = [out / f"seed-{seed}" for seed in range(seeds)]
    for directory in directories:  # other settings are an error before anything is trained
        finished(directory / SEED_FILE, settings or {})
    runs = [
        complete(partial(train_one, seed), directory, SEED_FILE, settings or {})
        for seed, directory in enumerate(directories)
    ]
    summary = {"seeds": seeds, **summarize(runs), "runs": runs}
    write_json(out / SUMMARY, summary)
    return summary


def complete(
    train: Callable[[Path], dict[str, Any]], directory: Path, file: str, settings: Mapping[str, Any]
) -> dict[str, Any]:
    """The scores of one of several runs: trained now, or read where the run was complete before.

    Args:
        train: Function that trains in a directory and returns the scores, see ``run_seeds``.
        directory: Directory of the run.
        file: Name of the file in it that holds the settings and scores of a complete run.
        settings: Settings of the run, of JSON types.

    Raises:
        ConfigError: The directory has a run with other settings.
        KeyboardInterrupt: The run is interrupted.
    """
    scores = finished(directory / file, settings)
    if scores is not None:
        log.info("%s: complete, not repeated", directory)
        return scores
    scores = train(directory)
    if scores.get("interrupted"):
        raise Stopped(f"stopped in {directory}; the same command continues", scores.get("stop_signal", signal.SIGINT))
    write_json(directory / file, {"settings": _as_read(settings), "scores": scores})
    return scores


def summarize(runs: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """Mean and sample standard deviation of every number that all runs have, by its dotted key."""
    flat = [dict(_numbers(scores)) for scores in runs]
    columns = {name: [scores[name] for scores in flat] for name in flat[0] if all(name in scores for scores in flat)}
    return {
        "mean": {name: statistics.fmean(values) for name, values in columns.items()},
        "deviation": {name: statistics.stdev(values) for name, values in columns.items() if len(values) > 1},
    }


def _as_read(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings with the types that they have after they were written as JSON and read."""
    found: dict[str, Any] = json.loads(json.dumps(dict(settings)))
    return found


def finished(path: Path, settings: Mapping[str, Any]) -> dict[str, Any] | None:
    """The scores of a complete run; None if there is none.

    Raises:
        ConfigError: It has other settings.
    """
    settings = _as_read(settings)
    try:
        facts = read_json(path)
        scores, found = facts["scores"], facts["settings"]
        if not isinstance(scores, dict) or not isinstance(found, dict):
            raise TypeError("other values than objects")
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError) as error:
        log.warning("%s: expected scores of a run, found %s; the run is repeated", path, one_line(error))
        return None
    if "train_hash" in settings and "train_hash" not in found:
        raise ConfigError(f"{path}: expected a run of this version, found one of an older version; use another --out")
    changed = sorted(key for key in {*settings, *found} if settings.get(key) != found.get(key))
    if changed:
        found_in = f"others in {', '.join(changed)}; use another --out"
        raise ConfigError(f"{path}: expected the settings of the other runs, found {found_in}")
    return scores


def _numbers(scores: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    for name, value in flat(scores):
        if isinstance(value, int | float) and not isinstance(value, bool):
            yield name, float(value)
