"""Occurrences of words in a text, and those whose contextual vectors are nearest: an index, a search and a picture."""

from typing import TYPE_CHECKING

from elmo_lite.lazy import lazy_names

if TYPE_CHECKING:
    from elmo_lite.neighbors.finder import Finder as Finder
    from elmo_lite.neighbors.index_metadata import Selection as Selection
    from elmo_lite.neighbors.kept_index import IndexedText as IndexedText
    from elmo_lite.neighbors.kept_index import opened_index as opened_index
    from elmo_lite.neighbors.occurrence_index import Occurrence as Occurrence
    from elmo_lite.neighbors.occurrence_index import OccurrenceIndex as OccurrenceIndex
    from elmo_lite.neighbors.search import Neighbor as Neighbor

_MODULE_OF = {
    "Finder": "finder",
    "IndexedText": "kept_index",
    "Neighbor": "search",
    "Occurrence": "occurrence_index",
    "OccurrenceIndex": "occurrence_index",
    "Selection": "index_metadata",
    "opened_index": "kept_index",
}

__all__ = list(_MODULE_OF)

__getattr__, __dir__ = lazy_names(__name__, _MODULE_OF)
