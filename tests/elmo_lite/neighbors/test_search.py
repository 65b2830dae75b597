"""Exact search against brute force, and which contexts count."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elmo_lite.embedding.elmo import Elmo
from elmo_lite.neighbors import search as module
from elmo_lite.neighbors.approximate import ApproximateSearch
from elmo_lite.neighbors.occurrence_index import Occurrence, OccurrenceIndex, unit
from elmo_lite.neighbors.queries import context_queries
from elmo_lite.neighbors.search import ExactSearch, Query, nearest, neighboring_words
from elmo_lite.neighbors.static_words import nearest_words


class FakeIndex:
    """Vectors without files; occurrence k is the second word of the sentence "a w k"."""

    def __init__(self, vectors: np.ndarray) -> None:
        self.array = vectors

    def __len__(self) -> int:
        return len(self.array)

    def vectors(self, layer: Any, rows: Any) -> np.ndarray:
        assert len(self.array[rows]) <= module.BLOCK_ROWS
        return self.array[rows]

    def occurrence(self, row: int) -> Occurrence:
        return Occurrence(["a", "w", str(row)], 1, f"line {row}")


@settings(deadline=None, max_examples=50)
@given(st.integers(1, 60), st.integers(1, 8), st.integers(1, 70), st.integers(1, 9), st.integers(0, 10_000))
def test_exact_search_is_brute_force(number: int, width: int, top_k: int, block: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    vectors = unit(rng.integers(-2, 3, (number, width)).astype(np.float32))  # with ties
    query = Query(Occurrence(["other"], 0), unit(rng.normal(size=width).astype(np.float32)))
    index: Any = FakeIndex(vectors)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "BLOCK_ROWS", block)
        found = nearest(index, ExactSearch(index, 0), query, top_k)
        rows = np.flatnonzero(rng.random(number) < 0.5)
        some = list(ExactSearch(index, 0, rows).ranked(query.vector))
    wanted = sorted(((float(vector @ query.vector), -row) for row, vector in enumerate(vectors)), reverse=True)
    assert [one.similarity for one in found] == pytest.approx([one for one, _ in wanted[:top_k]], abs=1e-6)
    assert [row for row, _ in some] == sorted(rows.tolist(), key=lambda row: [r for r, _ in some].index(row))
    assert set(row for row, _ in some) == set(rows.tolist())


def test_ties_are_in_the_order_of_the_text() -> None:
    index: Any = FakeIndex(np.array([[0, 1], [1, 0], [0, 1], [1, 0]], dtype=np.float32))
    query = Query(Occurrence(["other"], 0), np.array([1, 0], dtype=np.float32))
    places = [one.occurrence.place for one in nearest(index, ExactSearch(index, 0), query, 4)]
    assert places == ["line 1", "line 3", "line 0", "line 2"]


def test_own_sentence_is_left_out_and_others_are_shown_once(elmo: Elmo, index: OccurrenceIndex) -> None:
    (query,) = context_queries(elmo, [["they", "play", "a", "game", "of", "chess"]], ["play"], 2)
    search = ExactSearch(index, 2, index.rows_of(["play"]))
    similarities = [similarity for _, similarity in search.ranked(query.vector)]
    assert similarities[:2] == pytest.approx([1, 1], abs=1e-3), "the text has the sentence twice"
    found = nearest(index, search, query, 10)
    assert sorted(one.occurrence.place.rpartition(" ")[2] for one in found) == ["2", "6", "7"]
    assert [one.similarity for one in found] == sorted((one.similarity for one in found), reverse=True)


def test_one_context_for_each_pair_of_neighbors() -> None:
    sentences = ["is set to", "flag is set to x", "a set of", "set"]
    found = {neighboring_words(Occurrence(words.split(), words.split().index("set"))) for words in sentences}
    assert len(found) == 3
    assert neighboring_words(Occurrence(["a", "set"], 1)) != neighboring_words(Occurrence(["set", "a"], 0))


def test_every_place_of_the_word_is_a_query(elmo: Elmo) -> None:
    queries = context_queries(elmo, [["a", "play", "a", "plays"]], ["play", "plays"], "mean")
    assert [query.occurrence.position for query in queries] == [1, 3]
    layers = elmo.embed([["a", "play", "a", "plays"]])[0]
    assert queries[1].vector == pytest.approx(unit(layers[:, 3].mean(axis=0)), abs=1e-6)


def test_static_neighbors_are_those_of_the_token_layer(elmo: Elmo, index: OccurrenceIndex) -> None:
    words = index.words
    vectors = unit(np.concatenate(elmo.embed([[word] for word in words], layers=0)))
    query = words.index("play")
    wanted = sorted((-float(vectors[k] @ vectors[query]), word) for k, word in enumerate(words) if k != query)
    found = nearest_words(elmo, index, "play", 3)
    assert [one.similarity for one in found] == pytest.approx([-score for score, _ in wanted[:3]], abs=2e-3)
    assert "play" not in [one.word for one in nearest_words(elmo, index, "play", 100)]
    assert len(nearest_words(elmo, index, "unheard", 2)) == 2, "of any word, as the model reads characters"


def test_approximate_search_needs_its_package(index: OccurrenceIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "usearch", None)
    with pytest.raises(ModuleNotFoundError) as error:
        ApproximateSearch(index, 2)
    assert str(error.value).endswith("expected usearch, found no such package; pip install 'elmo_lite[neighbors]'")


class Graph:
    """Stands for the index of usearch: exact, and read from a file of NumPy's."""

    def __init__(self, **settings: Any) -> None:
        assert settings["metric"] == "cos"
        self.keys, self.rows = np.zeros(0, dtype=np.int64), np.zeros((0, settings["ndim"]), dtype=np.float32)

    def add(self, keys: np.ndarray, vectors: np.ndarray) -> None:
        self.keys, self.rows = np.concatenate([self.keys, keys]), np.concatenate([self.rows, vectors])

    def search(self, vector: np.ndarray, number: int) -> Any:
        return SimpleNamespace(keys=self.keys[np.argsort(-self.rows @ vector)[:number]])

    def save(self, path: str) -> None:
        with open(path, "wb") as file:
            np.save(file, self.rows)

    def view(self, path: str) -> None:
        self.rows = np.load(path)
        self.keys = np.arange(len(self.rows))


@pytest.fixture
def fake_usearch(monkeypatch: pytest.MonkeyPatch) -> None:
    modules = __import__("sys").modules
    package = SimpleNamespace(Index=Graph, __spec__=None)
    monkeypatch.setitem(modules, "usearch", SimpleNamespace(index=package, __path__=[]))
    monkeypatch.setitem(modules, "usearch.index", package)


@pytest.mark.parametrize("package", ["fake", "real"])
def test_approximate_search_finds_the_same(
    elmo: Elmo, index: OccurrenceIndex, package: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    if package == "real":
        pytest.importorskip("usearch.index")
    else:
        request.getfixturevalue("fake_usearch")
    monkeypatch.setattr("elmo_lite.neighbors.approximate._FIRST", 3)
    (query,) = context_queries(elmo, [["we", "play", "chess"]], ["play"], "mean")
    for rows in (None, index.rows_of(["play", "a"])):
        wanted = list(ExactSearch(index, "mean", rows).ranked(query.vector))
        for _ in range(2):  # built, and read from its file
            found = list(ApproximateSearch(index, "mean", rows).ranked(query.vector))
            assert sorted(row for row, _ in found) == sorted(row for row, _ in wanted)
            assert found[0][1] == pytest.approx(wanted[0][1], abs=1e-6)
            assert dict(found) == pytest.approx(dict(wanted), abs=1e-6)
    (index.directory / "graph_mean.usearch").write_bytes(b"damaged")
    assert len(list(ApproximateSearch(index, "mean").ranked(query.vector))) == len(index), "built again"
