"""Batches of texts and pairs of texts in training, with the layers of their pieces."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate, chain
from typing import Any

from torch import Tensor

from tasks.classification.documents import Words, batch_of, pieces_of
from tasks.classification.readers import LabelledText
from tasks.training.loader import AnyLayers, SentenceBatches


class TextBatches(SentenceBatches):
    """Batches of texts or pairs of texts; the encoder reads each piece of a text as a sentence."""

    def __init__(
        self, examples: Sequence[LabelledText], piece_words: int | None, targets: Callable[[Sequence[Any]], Tensor]
    ) -> None:
        """Find the pieces.

        Args:
            examples: Texts or pairs.
            piece_words: Maximum number of words of a piece, see ``pieces_of``.
            targets: Function from encoded targets to a tensor.
        """
        super().__init__(examples)
        self._piece_words, self._targets = piece_words, targets
        self._pieces: list[list[Words]] = [
            [piece for words in example.texts for piece in pieces_of(words, piece_words)] for example in examples
        ]
        self._starts = [0, *accumulate(map(len, self._pieces))]
        """Index of the first piece of each text or pair, among all pieces."""

    def sentences(self) -> list[Words]:
        """All pieces."""
        return list(chain.from_iterable(self._pieces))

    def batch(self, indices: list[int], targets: Sequence[Any] | None, layers: AnyLayers | None) -> Any:
        """The batch of the texts at ``indices``; layers are read a bounded number of pieces at a time."""
        places = [place for index in indices for place in range(self._starts[index], self._starts[index + 1])]

        def layers_at(numbers: Sequence[int]) -> Tensor:
            assert layers is not None
            return layers.batch([places[number] for number in numbers])

        return batch_of(
            [self.examples[index].texts for index in indices],  # type: ignore[attr-defined]
            self._piece_words,
            None if targets is None else self._targets(targets),
            None if layers is None else layers_at,
        )
