"""Vectors in two dimensions: the first two principal axes, or UMAP."""

from __future__ import annotations

import warnings
from importlib.util import find_spec
from typing import Any, Literal, NamedTuple

import numpy as np

from elmo_lite.embedding.runner import FloatArray
from elmo_lite.extras import import_extras

Projection = Literal["auto", "pca", "umap"]


class Layout(NamedTuple):
    """Places of vectors in a plane."""

    points: FloatArray
    """(R, 2)."""
    queries: FloatArray
    """(Q, 2): places of other vectors in the same plane."""
    note: str
    """How the plane was found."""


def chosen_projection(projection: Projection) -> Projection:
    """The projection that "auto" means: UMAP if the package umap-learn is installed, otherwise PCA.

    Raises:
        ModuleNotFoundError: The package is not installed.
    """
    if projection == "auto":
        found = find_spec("umap")
        return "umap" if found is not None and found.origin is not None else "pca"  # a mere folder has no origin
    import_extras(["umap" if projection == "umap" else "sklearn"], f"projection {projection}")
    return projection


def project(vectors: FloatArray, queries: FloatArray, projection: Projection, seed: int = 0) -> Layout:
    """Place vectors in a plane.

    Args:
        vectors: Vectors that determine the plane, (R, 2D).
        queries: Other vectors that are placed in it, (Q, 2D); Q may be 0.
        projection: "pca" or "umap".
        seed: Random seed. Defaults to 0.
    """
    num_distinct = len(np.unique(vectors, axis=0))
    if num_distinct < 3:  # of one or two points, as of one word in the token layer
        places = np.zeros((len(vectors) + len(queries), 2), dtype=np.float32)
        together = np.concatenate([vectors, queries]) - vectors[0]
        places[:, 0] = np.linalg.norm(together, axis=1)
        return Layout(places[: len(vectors)], places[len(vectors) :], "")
    if projection == "umap" and num_distinct > 15:  # its default number of neighbours
        return _umap(vectors, queries, seed)
    from sklearn.decomposition import PCA

    axes = PCA(2, random_state=seed).fit(vectors)
    share = 100 * float(axes.explained_variance_ratio_.sum())
    return Layout(axes.transform(vectors), _placed(axes, queries), f"PCA, {share:.0f} % of the variance")


def _umap(vectors: FloatArray, queries: FloatArray, seed: int) -> Layout:
    from umap import UMAP

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*n_jobs.*")  # one thread, which a seed needs
        axes = UMAP(metric="cosine", random_state=seed)
        points = np.asarray(axes.fit_transform(vectors))
        return Layout(points, _placed(axes, queries), "UMAP, cosine")


def _placed(axes: Any, queries: FloatArray) -> FloatArray:
    return np.asarray(axes.transform(queries)) if len(queries) else np.zeros((0, 2), dtype=np.float32)


def turned_towards(layout: Layout, other: FloatArray) -> Layout:
    """A layout turned and mirrored so that its points lie where they lie in another one, as far as that goes.

    This is the orthogonal Procrustes problem (Schönemann 1966); distances stay the same.

    Args:
        layout: The layout.
        other: Places of the same points in another plane, (R, 2).
    """
    centre = layout.points.mean(axis=0)
    left, _, right = np.linalg.svd((layout.points - centre).T @ (other - other.mean(axis=0)))
    turn = left @ right
    return Layout((layout.points - centre) @ turn, (layout.queries - centre) @ turn, layout.note)
