"""Groups: as many as there are, the largest first."""

import numpy as np
import pytest

from elmo_lite.neighbors.groups import MAX_GROUPS, find_groups
from elmo_lite.neighbors.occurrence_index import unit
from elmo_lite.neighbors.projection import Layout, project, turned_towards


def blobs(sizes: list[int], width: int = 12, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(len(sizes), width)) * 4
    return np.concatenate(
        [rng.normal(size=(size, width)) + centre for size, centre in zip(sizes, centres, strict=True)]
    )


@pytest.mark.parametrize("sizes", [[30, 50], [20, 60, 40], [50, 30, 40, 20]])
def test_groups_are_found(sizes: list[int]) -> None:
    vectors = unit(blobs(sizes).astype(np.float32))
    groups = find_groups(vectors)
    assert groups.sizes == sorted(sizes, reverse=True)
    boundaries = np.cumsum([0, *sizes])
    for start, end in zip(boundaries[:-1], boundaries[1:], strict=True):
        assert len(set(groups.labels[start:end].tolist())) == 1
    assert (find_groups(vectors).labels == groups.labels).all(), "it is the same each time"
    near = groups.nearest_to_centre(vectors, 0)
    assert (groups.labels[near] == 0).all() and len(near) == groups.sizes[0]
    distances = np.linalg.norm(vectors[near] - vectors[groups.labels == 0].mean(axis=0), axis=1)
    assert (np.diff(distances) >= 0).all()


def test_one_group_where_there_are_none() -> None:
    assert len(find_groups(blobs([300]).astype(np.float32))) == 1


@pytest.mark.parametrize("number", [1, 2, 3, 5])
def test_few_or_equal_vectors(number: int) -> None:
    equal = np.ones((number, 4), dtype=np.float32)
    assert find_groups(equal).sizes == [number]
    rng = np.random.default_rng(0)
    groups = find_groups(rng.normal(size=(number, 4)).astype(np.float32))
    assert 1 <= len(groups) <= MAX_GROUPS and sum(groups.sizes) == number and min(groups.sizes) > 0


def test_without_scikit_learn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "sklearn", None)
    with pytest.raises(ModuleNotFoundError, match="groups of occurrences: expected scikit-learn"):
        find_groups(np.ones((3, 4), dtype=np.float32))


def test_layouts_are_turned_and_mirrored_alone() -> None:
    rng = np.random.default_rng(0)
    points = rng.normal(size=(40, 2)).astype(np.float32)
    turn = np.array([[0, 1], [1, 0]], dtype=np.float32) @ np.array([[0.6, -0.8], [0.8, 0.6]], dtype=np.float32)
    turned = turned_towards(Layout(points @ turn + 3, points[:2] @ turn + 3, ""), points)
    assert turned.points == pytest.approx(points - points.mean(axis=0), abs=1e-5)
    assert turned.queries == pytest.approx(turned.points[:2], abs=1e-5)


def test_queries_lie_where_equal_points_lie() -> None:
    vectors = unit(np.random.default_rng(0).normal(size=(30, 6)).astype(np.float32))
    layout = project(vectors, vectors[3:5], "pca")
    assert layout.queries == pytest.approx(layout.points[3:5], abs=1e-5) and "of the variance" in layout.note
    same = project(np.repeat(vectors[:1], 5, axis=0), vectors[:1], "pca")
    assert (same.points == same.points[0]).all() and (same.queries == same.points[0]).all()


def test_umap() -> None:
    pytest.importorskip("umap")
    vectors = unit(np.random.default_rng(0).normal(size=(30, 6)).astype(np.float32))
    layout = project(vectors, vectors[:2], "umap")
    assert layout.points.shape == (30, 2) and layout.queries.shape == (2, 2) and "UMAP" in layout.note
