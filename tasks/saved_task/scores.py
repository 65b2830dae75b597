"""Scores of a saved task model: the speed of prediction, and all scores as JSON."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

from elmo_lite import CheckpointError
from elmo_lite.errors import one_line


def words_per_second(num_words: int, begun: float) -> float:
    """The speed since ``begun``, a value of ``time.perf_counter``."""
    return num_words / max(time.perf_counter() - begun, 1e-9)


def scores_as_json(model: str, data: str, scores: Mapping[str, Any]) -> str:
    """The scores of a model on labelled data as a JSON object.

    Args:
        model: Directory of the model.
        data: Path or name of the data.
        scores: Values of JSON types.

    Raises:
        CheckpointError: A score is not a finite number.
    """
    try:
        return json.dumps({"model": model, "data": data, **scores}, indent=2, ensure_ascii=False, allow_nan=False)
    except ValueError as error:
        raise CheckpointError(f"{model}: expected finite scores on {data}, found {one_line(error)}") from None
