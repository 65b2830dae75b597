"""Approximate search among many occurrences: a graph of nearest neighbours (HNSW) by the package usearch."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from elmo_lite.embedding.layer_choice import LayerChoice
from elmo_lite.embedding.runner import FloatArray
from elmo_lite.errors import ElmoLiteError
from elmo_lite.extras import import_extras
from elmo_lite.files import check_file, describe_file, replace_file
from elmo_lite.metadata import read_json, write_json
from elmo_lite.neighbors.occurrence_index import OccurrenceIndex
from elmo_lite.neighbors.search import BLOCK_ROWS

log = logging.getLogger("elmo_lite")

_FIRST = 64
"""Number of neighbours that are asked for at first; four times as many each further time."""
_EXPANSION = 128
"""Number of candidates that usearch keeps, in building and in searching."""


class ApproximateSearch:
    """Comparison with the occurrences that a graph leads to; the similarities of those are exact."""

    def __init__(self, index: OccurrenceIndex, layer: LayerChoice, rows: npt.NDArray[np.intp] | None = None) -> None:
        """Search an index by one layer; the graph is built once and kept beside the vectors.

        Args:
            index: The occurrences.
            layer: Number of the layer, or "mean".
            rows: Occurrences that may be found. Defaults to all.

        Raises:
            ModuleNotFoundError: usearch is not installed.
        """
        import_extras(["usearch.index"], "approximate search")
        self.index = index
        self.layer = layer
        self.allowed: npt.NDArray[np.bool_] | None = None
        if rows is not None:
            self.allowed = np.zeros(len(index), dtype=bool)
            self.allowed[rows] = True
        self.graph = self._opened() or self._built()

    @property
    def path(self) -> Path:
        """The file of the graph."""
        return self.index.directory / f"graph_{self.layer}.usearch"

    def _new(self) -> Any:
        from usearch.index import Index

        width = self.index.vectors(self.layer, slice(0, 1)).shape[1]
        return Index(ndim=width, metric="cos", dtype="f16", expansion_add=_EXPANSION, expansion_search=_EXPANSION)

    def _opened(self) -> Any:
        """The graph that an earlier search has built, or None."""
        facts = self.path.with_suffix(".json")
        if not (facts.is_file() and self.path.is_file()):
            return None
        try:
            check_file(self.path, read_json(facts))
        except ElmoLiteError as error:
            log.warning("%s; it is built again", error)
            return None
        graph = self._new()
        graph.view(str(self.path))
        return graph

    def _built(self) -> Any:
        log.info("%s: building the graph of layer %s, once", self.path, self.layer)
        graph = self._new()
        for start in range(0, len(self.index), BLOCK_ROWS):
            rows = np.arange(start, min(start + BLOCK_ROWS, len(self.index)))
            graph.add(rows.astype(np.uint64), self.index.vectors(self.layer, slice(start, start + len(rows))))
        with replace_file(self.path) as scratch:
            graph.save(str(scratch))
        write_json(self.path.with_suffix(".json"), describe_file(self.path))
        return graph

    def ranked(self, vector: FloatArray) -> Iterator[tuple[int, float]]:
        """Iterate over occurrences by similarity; each time those found run out, four times as many are asked for."""
        seen: set[int] = set()
        number = min(_FIRST, len(self.index))
        while True:
            keys = np.asarray(self.graph.search(vector, number).keys, dtype=np.intp)
            new = np.array([key for key in keys.tolist() if key not in seen], dtype=np.intp)
            seen.update(new.tolist())
            if self.allowed is not None:
                new = new[self.allowed[new]]
            found = self.index.vectors(self.layer, new) @ vector
            for place in np.argsort(-found, kind="stable").tolist():
                yield int(new[place]), float(found[place])
            if number == len(self.index):
                return
            number = min(4 * number, len(self.index))
