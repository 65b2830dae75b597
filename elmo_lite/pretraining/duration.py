"""Durations as they are typed."""

from __future__ import annotations

import re

from elmo_lite.errors import ConfigError


def parse_duration(text: str) -> float:
    """Convert a duration such as "90s", "20m", "3h" or "1h30m" to seconds.

    Raises:
        ConfigError: The text is not a duration, or the duration is zero.
    """
    match = re.fullmatch(r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s)?", text.strip().lower())
    if not text.strip() or match is None:
        raise ConfigError(f"--max_time: expected a duration such as 90s, 20m, 3h or 1h30m, found {text!r}")
    hours, minutes, seconds = (float(part or 0) for part in match.groups())
    duration = hours * 3600 + minutes * 60 + seconds
    if duration <= 0:
        raise ConfigError(f"--max_time: expected a positive duration, found {text!r}")
    return duration
