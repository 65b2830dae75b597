"""The length of a run: its limit as typed, the steps that a planned time has, and those between validations."""

from __future__ import annotations

import logging

from elmo_lite.corpus.corpus import Corpus
from elmo_lite.errors import ConfigError
from elmo_lite.pretraining.config import PretrainConfig
from elmo_lite.pretraining.duration import parse_duration
from elmo_lite.pretraining.speed import MEASURED_SECONDS, measure, steps_in

log = logging.getLogger("elmo_lite")

_TIME_FLAG = "--max_time "


def limit_flag(max_steps: int | None, max_time: str | None) -> str | None:
    """The flag that limits a run, as typed; None if neither is given.

    Raises:
        ConfigError: Both are given.
    """
    if max_steps is not None and max_time is not None:
        raise ConfigError("--max_steps and --max_time: expected one of them, found both")
    if max_time is not None:
        return f"{_TIME_FLAG}{max_time}"
    return f"--max_steps {max_steps}" if max_steps is not None else None


def planned_seconds(limit: str | None) -> float | None:
    """The planned time of a limit that ``limit_flag`` returned, in seconds; None if it is a number of steps.

    Raises:
        ConfigError: The time is not a duration.
    """
    is_time = limit is not None and limit.startswith(_TIME_FLAG)
    return parse_duration(limit.removeprefix(_TIME_FLAG)) if limit is not None and is_time else None


def steps_of_time(config: PretrainConfig, corpus: Corpus, max_time: str) -> int:
    """Number of steps in a planned time at the measured speed, a multiple of those between validations."""
    duration = parse_duration(max_time)
    measured = measure(config, corpus, min(MEASURED_SECONDS, duration / 20))
    steps = steps_in(duration, measured)
    steps -= steps % validation_interval(config, steps)
    log.info("%s words/s measured: %s steps in %s", f"{measured.words_per_second:,.0f}", f"{steps:,}", max_time)
    return steps


def validation_interval(config: PretrainConfig, max_steps: int) -> int:
    """Number of steps between two validations."""
    return max(1, max_steps // config.validations)
