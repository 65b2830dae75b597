"""Neighbours of a word in an index: queries, search, groups and picture together."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import cast

from elmo_lite.embedding.elmo import Elmo
from elmo_lite.embedding.layer_choice import LayerChoice, Layers
from elmo_lite.errors import CorpusError, require
from elmo_lite.neighbors.groups import Groups, find_groups
from elmo_lite.neighbors.index_metadata import Selection
from elmo_lite.neighbors.occurrence_index import OccurrenceIndex
from elmo_lite.neighbors.picture import draw_word
from elmo_lite.neighbors.projection import Projection
from elmo_lite.neighbors.queries import context_queries, group_queries
from elmo_lite.neighbors.report import Answer, Static
from elmo_lite.neighbors.search import Context, ExactSearch, Query, Search, nearest, same_sentence
from elmo_lite.neighbors.static_words import nearest_words

EXACT_LIMIT = 1_000_000
"""Number of occurrences up to which the search is exact."""
MAX_GROUPED = 10_000
"""Maximum number of occurrences that are divided into groups and drawn, spread evenly over the text."""


def layer_of(elmo: Elmo, layer: str) -> LayerChoice:
    """The number of a layer in 0..L-1, or "mean".

    Args:
        elmo: The model.
        layer: "top", "mean" or a number.

    Raises:
        ConfigError: There is no such layer.
    """
    least, most = -elmo.num_layers, elmo.num_layers - 1
    known = {"mean": "mean", "top": most, **{str(number): number for number in range(least, most + 1)}}
    require(layer in known, "--layer", f"mean, top or a number in {least}..{most}", layer)
    return elmo.layer_number(cast(Layers, known[layer]))


class Finder:
    """A search for the neighbours of some words by one layer."""

    def __init__(
        self,
        elmo: Elmo,
        index: OccurrenceIndex,
        selection: Selection,
        layer: LayerChoice,
    ) -> None:
        """Prepare the search.

        Args:
            elmo: The model of the index.
            index: An index that covers the selection.
            selection: The words, and which occurrences are compared: theirs, or all of those it includes.
            layer: Number of the layer, or "mean".
        """
        self.elmo = elmo
        self.index = index
        self.words = selection.words
        self.layer = layer
        self.rows = index.rows_of(self.words)
        self.compared = index.rows_of(self.words, selection.min_count)
        self.grouped = self.rows[:: -(-len(self.rows) // MAX_GROUPED)]
        self.search = self._search()

    def _search(self) -> Search:
        rows = None if len(self.compared) == len(self.index) else self.compared
        if len(self.compared) > EXACT_LIMIT:
            from elmo_lite.neighbors.approximate import ApproximateSearch

            return ApproximateSearch(self.index, self.layer, rows)
        return ExactSearch(self.index, self.layer, rows)

    @cached_property
    def groups(self) -> Groups:
        """The division of the occurrences ``grouped`` of the words."""
        return find_groups(self.index.vectors(self.layer, self.grouped))

    def answers(self, contexts: Sequence[Sequence[str]], top_k: int, context: Context = same_sentence) -> list[Answer]:
        """Neighbours of the words in sentences, or of the middle of each group where there are none.

        Args:
            contexts: Sentences as lists of words.
            top_k: Maximum number of neighbours of each query.
            context: What counts as one context; see ``search.nearest``. Defaults to the words of the sentence.

        Raises:
            CorpusError: There is no occurrence in another context.
            ConfigError: A sentence holds none of the words.
            ModuleNotFoundError: There are no sentences, and scikit-learn, which finds groups, is not installed.
        """
        queries = self._queries(contexts)
        found = [Answer(query, nearest(self.index, self.search, query, top_k, context)) for query in queries]
        if not any(answer.neighbors for answer in found):
            number = f"{len(self.compared):,} occurrence{'s' * (len(self.compared) != 1)}"
            named = ", ".join(map(repr, self.words))
            raise CorpusError(f"{named}: expected occurrences in other contexts, found {number} in this one alone")
        return found

    def _queries(self, contexts: Sequence[Sequence[str]]) -> list[Query]:
        if contexts:
            return context_queries(self.elmo, contexts, self.words, self.layer)
        if len(self.compared) == 1:
            found = f"one ({self.index.occurrence(int(self.rows[0])).place}); a --context can be compared with it"
            raise CorpusError(f"{self.words[0]!r}: expected two occurrences or more, found {found}")
        return group_queries(self.index, self.grouped, self.groups, self.layer)

    def static(self, top_k: int) -> Static:
        """Nearest words of the token layer, by word."""
        return {word: nearest_words(self.elmo, self.index, word, top_k) for word in self.words}

    def heading(self, text: str, layer: str) -> str:
        """One line that says what is compared.

        Args:
            text: Name of the text.
            layer: Name of the layer.
        """
        numbers = [(word, self._count(word), len(self.index.rows_of([word]))) for word in self.words]
        named = ", ".join(
            f"{word!r}: {count:,} occurrence{'s' * (count != 1)}"
            + (f" ({used:,} of them compared, spread evenly)" if used < count else "")
            for word, count, used in numbers
        )
        others = len(self.compared) - len(self.rows)
        among = f", and {others:,} of other words" if others else ""
        return f"{named} in {text}{among}; cosine similarity, layer {layer}"

    def _count(self, word: str) -> int:
        return int(self.index.counts[self.index.words.index(word)])

    @property
    def _layer_name(self) -> str:
        return "the mean of the layers" if self.layer == "mean" else f"layer {self.layer}"

    def draw(self, path: Path, queries: Sequence[Query], projection: Projection) -> None:
        """Draw the occurrences of the words in all layers."""
        draw_word(
            path,
            self.index,
            self.grouped,
            self.groups,
            self.layer,
            title=f"{', '.join(self.words)}: {len(self.grouped):,} occurrences, grouped by {self._layer_name}",
            queries=queries,
            projection=projection,
        )
