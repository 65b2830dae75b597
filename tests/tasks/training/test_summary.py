"""What a training prints beside its headline."""

from __future__ import annotations

from typing import Any

import pytest

from tasks.training.summary import _details

INTERVAL = {"low": 80.0, "high": 90.0, "level": 95}


@pytest.mark.parametrize(
    ("scores", "headline", "named"),
    [
        ({"f1": 85.0, "accuracy": 97.0}, "F1", "F1"),  # entities; the accuracy is that of their tags
        ({"accuracy": 85.0, "macro_f1": 80.0}, "macro-F1", "accuracy"),  # uneven labels of texts
        ({"micro_f1": 85.0, "exact": 60.0}, "micro-F1", "exact"),  # several labels of a text
    ],
)
def test_the_interval_names_its_score(scores: dict[str, Any], headline: str, named: str) -> None:
    lines = list(_details({**scores, "interval": INTERVAL}, headline))
    assert lines == [f"{named} in 80.0 to 90.0 (95 % of resampled sentences)"]
