"""What one direction expects after a text, word by word: states are carried, nothing is read twice."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from torch import Tensor

from elmo_lite.embedding.word_vectors import BEGIN_ROW, END_ROW, WordVectors
from elmo_lite.errors import CheckpointError
from elmo_lite.nn.bilm import BiLM, Direction
from elmo_lite.nn.bilstm import LSTMState
from elmo_lite.nn.lm_head import LMHead
from elmo_lite.nn.packed_linear import PackedProduct

_CHUNK = 4096
"""Number of words that are read at a time, which bounds memory."""


class Predictor:
    """One direction of a model with its head. Call it inside ``torch.inference_mode``, in evaluation mode."""

    def __init__(self, bilm: BiLM, head: LMHead, words: WordVectors, direction: Direction) -> None:
        """Predict with an encoder, its softmax and its token vectors."""
        self.bilm, self.head, self.words, self.direction = bilm, head, words, direction
        self._product: PackedProduct | None = None  # of the head, for the few rows of a step
        self.boundary_row = BEGIN_ROW if direction == "forward" else END_ROW

    def read(self, sentences: Sequence[Sequence[str]]) -> tuple[Tensor, LSTMState]:
        """Read sentences from zero states, with a boundary before each of them; the last one goes on.

        Args:
            sentences: One or more lists of words in the order of the text. Backward, they are read from the end of the
                last to the beginning of the first.

        Returns:
            Logits of all classes for the word that follows (backward: precedes), (1, V), and the state.

        Raises:
            CheckpointError: The logits are not finite.
        """
        step = 1 if self.direction == "forward" else -1
        read = [[None, *sentence[::step]] for sentence in sentences[::step]]
        words = [word for sentence in read for word in sentence]
        state: LSTMState | None = None
        for start in range(0, len(words), _CHUNK):
            chunk = words[start : start + _CHUNK]
            vectors = self._vectors(chunk)
            outputs, state = self.bilm.run_direction(self.direction, vectors[None], state)
        assert state is not None
        (logits,) = [logits for _, logits in self.head.logits(outputs[-1][:, -1])]
        if not bool(logits.isfinite().all()):
            raise CheckpointError("language model: expected finite weights, found infinite ones or NaN")
        return logits, state

    def step(self, words: Sequence[str | None], state: LSTMState) -> tuple[Tensor, LSTMState]:
        """Read one word in each of B rows.

        Args:
            words: B words; None is the boundary.
            state: State of the rows.

        Returns:
            Logits of the word that follows in each row, (B, V), and the new state.
        """
        if self._product is None:
            self._product = PackedProduct(self.head.weight, self.head.bias)
        outputs, state = self.bilm.run_direction(self.direction, self._vectors(words)[:, None], state)
        return self._product(outputs[-1][:, 0]), state

    def _vectors(self, words: Sequence[str | None]) -> Tensor:
        """Token vectors (N, D) of N words; None is the boundary."""

        def rows() -> npt.NDArray[np.int64]:
            found = np.full(len(words), self.boundary_row, dtype=np.int64)
            spelled = [place for place, word in enumerate(words) if word is not None]
            found[spelled] = self.words.rows([word for word in words if word is not None])
            return found

        return self.words.gather(rows)


def from_zero(state: LSTMState, rows: Tensor) -> LSTMState:
    """A state whose chosen rows, (B,) bool, are zero as at the beginning of a sentence."""
    return [tuple(part.masked_fill(rows[:, None], 0.0) for part in layer) for layer in state]
