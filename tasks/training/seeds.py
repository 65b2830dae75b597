"""The same training with several seeds: mean and deviation, and going on where a table of runs stopped."""

from __future__ import annotations

import hashlib
import json
import logging
import statistics
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from elmo_lite import ConfigError, CorpusError
from elmo_lite.errors import one_line
from elmo_lite.files import describe_file, write_json
from tasks.training.task_config import TaskConfig

log = logging.getLogger("elmo_lite")

SEED_FILE = "seed.json"
SUMMARY = "seeds.json"
_WITHOUT_EFFECT = ("seed", "cache", "cache_dir", "pictures", "device")
"""Settings of ``finetune`` that do not change what a seed learns, but for the seed itself. ``precision`` does."""


def identity_of(config: TaskConfig, contents: Mapping[str, Iterable[Any]], encoder_hash: str) -> dict[str, Any]:
    """All that decides the result of a seed: settings, and hashes of all data that are read.

    Args:
        config: Settings of the task.
        contents: Words and targets of each part of the data, by its name.
        encoder_hash: Of the pretrained model; empty without one.

    Returns:
        Values of JSON types. Files are known by their content: the same file at another place is the same, another
        file at the same place is not.

    Raises:
        CorpusError: The file of word vectors cannot be read.
    """
    settings = config.to_dict()
    for name in _WITHOUT_EFFECT:
        del settings["finetune"][name]
    del settings["representation"]["encoder"]
    hashes = {"encoder_hash": encoder_hash, **{f"{part}_hash": _hash(rows) for part, rows in contents.items()}}
    if config.inputs.has_file:
        settings["inputs"]["words"] = "file"
        try:
            hashes["words_hash"] = describe_file(Path(config.inputs.words).expanduser())["sha256"]
        except OSError as error:
            raise CorpusError(f"{config.inputs.words}: expected word vectors, found {one_line(error)}") from None
    return {**dict(_flat(settings)), **hashes}


def _hash(rows: Iterable[Any]) -> str:
    digest = hashlib.sha256()
    for row in rows:
        digest.update(json.dumps(row).encode() + b"\n")
    return digest.hexdigest()


def _flat(settings: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Values of nested settings by their dotted keys."""
    for name, value in settings.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


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
    if "train_hash" in settings and "train_hash" not in found:
        raise ConfigError(f"{path}: expected a seed of this version, found one of an older; another --out keeps both")
    changed = sorted(key for key in {*settings, *found} if settings.get(key) != found.get(key))
    if changed:
        found_in = f"others in {', '.join(changed)}; another --out keeps both"
        raise ConfigError(f"{path}: expected the settings of the other seeds, found {found_in}")
    return scores


def _numbers(scores: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    for name, value in _flat(scores):
        if isinstance(value, int | float) and not isinstance(value, bool):
            yield name, float(value)
