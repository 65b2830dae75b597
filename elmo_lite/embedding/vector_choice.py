"""Which vectors of sentences a file gets: layers, pooling and data type."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar, cast

import numpy as np

from elmo_lite.embedding.elmo import BATCH_TOKENS, Elmo
from elmo_lite.embedding.layer_choice import Layers
from elmo_lite.embedding.pooling import Pool, check_pooling, pooled
from elmo_lite.embedding.runner import FloatArray
from elmo_lite.embedding.vector_shape import DType, Floats, VectorShape
from elmo_lite.errors import CheckpointError
from elmo_lite.text.tokenization import Tokenization

PlaceT = TypeVar("PlaceT")


@dataclass(frozen=True)
class VectorChoice:
    """What is computed of each sentence, and written."""

    layers: Layers | None = None
    """Layers of ``Elmo.embed``. Defaults to all, with ``pool`` to their mean."""
    pool: Pool | None = None
    """One vector per sentence instead of one per word."""
    dtype: DType = "float32"
    """Data type in the file."""
    batch_tokens: int = BATCH_TOKENS
    """Maximum number of positions in a batch, padding included."""

    @property
    def chosen(self) -> Layers:
        """The layers, the default included."""
        return self.layers if self.layers is not None else "mean" if self.pool else "all"

    def check(self, elmo: Elmo) -> None:
        """Check the choice against a model.

        Raises:
            ConfigError: There is no such layer or pooling, or sentence vectors of all layers are asked for.
        """
        if self.pool is not None:
            check_pooling(self.pool, self.chosen)
        elmo.layer_number(self.chosen)

    def shape(
        self, elmo: Elmo, split: Tokenization, num_sentences: int = 0, num_words: int = 0, num_bytes: int = 0
    ) -> VectorShape:
        """The sizes and the metadata of a file. A format that is written row by row needs no numbers."""
        metadata = {
            "model": elmo.name,
            "layers": str(self.chosen),
            "pool": self.pool or "none",
            "dtype": self.dtype,
            "tokenization": json.dumps(split.to_dict()),
        }
        layers = elmo.num_layers if self.chosen == "all" else None
        sizes = num_sentences, num_words, num_bytes, layers, elmo.output_dim
        return VectorShape(*sizes, self.dtype, is_pooled=self.pool is not None, metadata=metadata)

    def computed(
        self, elmo: Elmo, sentences: Iterable[tuple[PlaceT, list[str]]]
    ) -> Iterator[tuple[PlaceT, list[str], FloatArray]]:
        """Compute the layers of sentences that come with their places.

        Args:
            elmo: Model.
            sentences: Place and words of each sentence; a window of them is read ahead.

        Yields:
            Place, words and layers of each sentence in order, for ``stored``.
        """
        waiting: deque[tuple[PlaceT, list[str]]] = deque()  # without vectors so far, at most a window

        def remembered() -> Iterator[list[str]]:
            for place, words in sentences:
                waiting.append((place, words))
                yield words

        for vectors in elmo.embed_iter(remembered(), self.chosen, batch_tokens=self.batch_tokens):
            yield *waiting.popleft(), vectors

    def stored(self, vectors: FloatArray, where: str, words: list[str]) -> Floats:
        """The vectors of a sentence as a file holds them: pooled if need be, in its data type.

        Args:
            vectors: Layers of the sentence.
            where: Place of the sentence, for the error message.
            words: The sentence.

        Raises:
            CheckpointError: They are not finite in this type; the sentence is named.
        """
        chosen = pooled(vectors, self.pool) if self.pool is not None else vectors
        limit = float(np.finfo(self.dtype).max)
        smallest, largest = (float(bound(initial=0.0)) for bound in (chosen.min, chosen.max))
        if -limit <= smallest and largest <= limit:  # false for NaN
            return cast(Floats, chosen.astype(self.dtype, copy=False))
        wrong = largest if abs(largest) > limit or largest != largest else smallest
        hint = " (--dtype float32 holds it)" if self.dtype == "float16" and np.isfinite(wrong) else ""
        start = " ".join(words)[:40]
        raise CheckpointError(f"{where}: expected finite {self.dtype} vectors, found {wrong:g} for {start!r}{hint}")
