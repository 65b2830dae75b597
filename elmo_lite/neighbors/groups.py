"""Groups of occurrences: k-means, with the number of groups that the silhouette chooses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from elmo_lite.embedding.runner import FloatArray
from elmo_lite.extras import import_extras

MAX_GROUPS = 6
MIN_GAIN = 0.05
"""Least amount by which the silhouette exceeds that of points without groups; otherwise there is one group."""
_NUM_AXES = 10
_SILHOUETTE_POINTS = 1000


@dataclass(frozen=True, eq=False)
class Groups:
    """A division of occurrences into groups, the largest first."""

    labels: npt.NDArray[np.intp]
    """(R,): group of each occurrence, from 0."""
    centres: FloatArray
    """(G, 2D): mean vector of each group."""

    def __len__(self) -> int:
        """The number of groups G."""
        return len(self.centres)

    @property
    def sizes(self) -> list[int]:
        """The number of occurrences in each group."""
        return [int(size) for size in np.bincount(self.labels, minlength=len(self))]

    def nearest_to_centre(self, vectors: FloatArray, group: int) -> npt.NDArray[np.intp]:
        """Occurrences of a group, those nearest to its centre first.

        Args:
            vectors: The vectors that were divided, (R, 2D).
            group: Number of the group, from 0.
        """
        members = np.flatnonzero(self.labels == group)
        distances = np.linalg.norm(vectors[members] - self.centres[group], axis=1)
        return members[np.argsort(distances, kind="stable")]


def find_groups(vectors: FloatArray, seed: int = 0) -> Groups:
    """Divide vectors into 1 to 6 groups by k-means on their first 10 principal axes.

    The number of groups is that with the highest mean silhouette (Rousseeuw 1987), if it exceeds the silhouette of as
    many groups of normally distributed points with the same variances; otherwise there is one group.

    Args:
        vectors: Vectors of occurrences, (R, 2D), R at least 1.
        seed: Random seed of k-means. Defaults to 0.

    Raises:
        ModuleNotFoundError: scikit-learn is not installed.
    """
    import_extras(["sklearn"], "groups of occurrences")
    from sklearn.decomposition import PCA

    # Equal vectors, as those of the token layer, are one point.
    num_distinct = len(np.unique(vectors, axis=0))
    labels = np.zeros(len(vectors), dtype=np.intp)
    if num_distinct > 3:
        axes = PCA(min(_NUM_AXES, num_distinct - 1, vectors.shape[1]), random_state=seed)
        labels = _best_labels(axes.fit_transform(vectors), min(MAX_GROUPS, num_distinct - 1), seed)
    order = np.argsort(-np.bincount(labels), kind="stable")
    labels = np.argsort(order)[labels]
    centres = np.stack([vectors[labels == group].mean(axis=0) for group in range(len(order))])
    return Groups(labels, centres)


def _best_labels(points: FloatArray, most: int, seed: int) -> npt.NDArray[np.intp]:
    """The labels (R,) of the best number of groups of points (R, A), 2 to ``most``, or of one group."""
    reference = np.random.default_rng(seed).normal(size=points.shape) * points.std(axis=0)
    best, labels = -1.0, np.zeros(len(points), dtype=np.intp)
    for number in range(2, most + 1):
        found = _labels(points, number, seed)
        silhouette = _silhouette(points, found, seed)
        if silhouette <= best:
            continue
        if silhouette - _silhouette(reference, _labels(reference, number, seed), seed) >= MIN_GAIN:
            best, labels = silhouette, found
    return np.unique(labels, return_inverse=True)[1]


def _labels(points: npt.NDArray[Any], number: int, seed: int) -> npt.NDArray[np.intp]:
    from sklearn.cluster import KMeans

    return np.asarray(KMeans(number, n_init=4, random_state=seed).fit_predict(points), dtype=np.intp)


def _silhouette(points: npt.NDArray[Any], labels: npt.NDArray[Any], seed: int) -> float:
    """Mean silhouette in [-1, 1] of a sample; -1 where it is not defined."""
    from sklearn.metrics import silhouette_score

    chosen = np.random.default_rng(seed).permutation(len(points))[:_SILHOUETTE_POINTS]
    if not 1 < len(np.unique(labels[chosen])) < len(chosen):
        return -1.0
    return float(silhouette_score(points[chosen], labels[chosen]))
