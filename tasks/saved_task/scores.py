"""Scores of a saved task model: the speed of prediction, intervals, calibration, and all scores as JSON."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from elmo_lite import CheckpointError
from elmo_lite.errors import one_line
from elmo_lite.extras import named_extra

LEVEL = 95
"""Confidence level of intervals, in percent."""
RESAMPLES = 2000
NUM_BINS = 10
"""Number of bins of probabilities."""


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


def interval(counts: Iterable[tuple[int, int]], resamples: int = RESAMPLES) -> dict[str, float] | None:
    """Bootstrap interval of a score: sentences are drawn with replacement (Efron 1979), and percentiles are taken.

    It says what other sentences of this kind would change, not what another random seed would.

    Args:
        counts: For each sentence two counts, the sums of which over sentences have the score as their ratio: 1 or 0 and
            1 for accuracy; twice the right entities, and predicted and gold entities together, for micro F1.
        resamples: Number of draws. Defaults to 2,000.

    Returns:
        "low" and "high", in percent, and "level"; None for fewer than two sentences.

    Raises:
        ModuleNotFoundError: SciPy is not installed.
    """
    right, possible = np.array(list(counts), dtype=np.float64).reshape(-1, 2).T
    if len(right) < 2:
        return None
    with named_extra("intervals of scores"):
        from scipy.stats import bootstrap

    drawn = bootstrap(
        (right, possible),
        _ratio,
        paired=True,
        vectorized=True,
        n_resamples=resamples,
        batch=max(1, 2_000_000 // len(right)),
        confidence_level=LEVEL / 100,
        method="percentile",
        random_state=np.random.default_rng(0),
    ).confidence_interval
    return {"low": float(drawn.low), "high": float(drawn.high), "level": LEVEL}


def reliability(probabilities: Iterable[float], right: Iterable[bool]) -> dict[str, Any] | None:
    """How far the probabilities of answers are what they say, in ten bins of equal width (Guo et al. 2017).

    Args:
        probabilities: Probability of each answer that was given, in 0..1.
        right: Whether it is right.

    Returns:
        "error", the expected calibration error in percent: the mean difference of probability and share of right
        answers over the bins, weighted by their sizes; "bins", the mean probability, the share of right answers and the
        number of answers of each bin that has some. None without answers.

    Raises:
        ModuleNotFoundError: scikit-learn is not installed.
    """
    given, was_right = np.array(list(probabilities), dtype=np.float64).clip(0, 1), np.array(list(right), dtype=bool)
    if not len(given):
        return None
    with named_extra("reliability of probabilities"):
        from sklearn.calibration import calibration_curve

    shares, means = calibration_curve(was_right, given, n_bins=NUM_BINS, pos_label=True)
    edges = np.linspace(0, 1, NUM_BINS + 1)
    sizes = np.bincount(np.searchsorted(edges[1:-1], given), minlength=NUM_BINS)  # the bins of scikit-learn
    sizes = sizes[sizes > 0]
    error = 100 * float(np.abs(shares - means) @ sizes / sizes.sum())
    return {
        "error": error,
        "bins": [list(row) for row in zip(means.tolist(), shares.tolist(), sizes.tolist(), strict=True)],
    }


def _ratio(
    right: npt.NDArray[np.float64], possible: npt.NDArray[np.float64], axis: int = -1
) -> npt.NDArray[np.float64]:
    """A score in percent, 0 where nothing could be right."""
    found: npt.NDArray[np.float64] = 100 * right.sum(axis=axis) / np.maximum(possible.sum(axis=axis), 1)
    return found
