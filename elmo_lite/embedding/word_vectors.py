"""Token vectors of distinct words, each computed once and remembered over batches.

Embedding, perplexity and the drop-in modules share the table. Training cannot: it needs gradients for the words of one
batch, which ``BiLM.forward`` and pretraining compute anew.

A word's vector must not depend on the words that it happens to be computed with: the blocking of a matrix product
changes the last bits. So words run in blocks of one fixed number of rows, sorted into classes of one fixed width each.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from elmo_lite.nn.bilm import BiLM
from elmo_lite.nn.weight_snapshot import WeightSnapshot
from elmo_lite.text.characters import PADDING, CharIds, encode_words

Word = str | bytes
"""A word, or its character ids as bytes."""

BEGIN_ROW, END_ROW = 0, 1
NUM_BOUNDARY_ROWS = 2

_WIDTHS = (10, 18)
"""Bytes of a word, marks included, that the classes hold; a last class has the model's full width."""
_BLOCK = {"cpu": 64}
_ACCELERATOR_BLOCK = 512


class WordVectors:
    """A table of token vectors: the two boundaries, then the words used last.

    It empties itself when the weights it was computed from change: in place, by another tensor, dtype or device. What
    is written through ``parameter.data`` leaves no trace that could be checked; call ``clear`` after that.
    """

    def __init__(self, bilm: BiLM, capacity: int = 65536) -> None:
        """Remember up to ``capacity`` words of a model, more only where one call needs more."""
        self.bilm = bilm
        self.capacity = capacity
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        self._slot_of: dict[Word, int] = {}
        self._word_at: list[Word] = []
        self._free: list[int] = []
        self._used = np.zeros(0, dtype=np.int64)  # (capacity,) the call that asked for a slot last
        self._calls = 0
        self._table: Tensor | None = None
        self._snapshot = WeightSnapshot()

    def __getstate__(self) -> dict[str, Any]:
        """State for copies and worker processes, without the table: each fills its own."""
        return {"bilm": self.bilm, "capacity": self.capacity}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Start empty."""
        self.__dict__.update(state)
        self.clear()

    def __len__(self) -> int:
        """Words that are remembered."""
        return len(self._slot_of)

    @property
    def table(self) -> Tensor:
        """(2 + capacity, D): rows 0 and 1 are the begin and the end of a sentence; see ``rows`` for words."""
        self._refresh()
        assert self._table is not None
        return self._table

    def rows(self, words: Sequence[str] | CharIds) -> npt.NDArray[np.int64]:
        """Numbers of the words' rows in ``table``, valid until the next call.

        Args:
            words: N words, as often as they come; or their character ids (N, C) int16.

        Returns:
            (N,) in 2..capacity + 1.
        """
        self._refresh()
        keys: Sequence[Word] = [row.tobytes() for row in words] if isinstance(words, np.ndarray) else words
        distinct = list(dict.fromkeys(keys))
        missing = [word for word in distinct if word not in self._slot_of]
        if missing:
            self._add(missing, distinct)
        slots = np.fromiter(map(self._slot_of.__getitem__, keys), dtype=np.int64, count=len(keys))
        self._calls += 1
        self._used[slots] = self._calls
        return slots + NUM_BOUNDARY_ROWS

    def _refresh(self) -> None:
        """Empty the table where the weights are not those it was made with."""
        weights = list(self.bilm.char_cnn.parameters())
        if self._table is not None and self._snapshot.matches(weights):
            return
        self.clear()
        self._snapshot = WeightSnapshot(weights)
        self._allocate()

    def _allocate(self) -> None:
        weight = self.bilm.char_cnn.embedding.weight
        self._slot_of, self._word_at = {}, [""] * self.capacity
        self._free = list(range(self.capacity))[::-1]
        self._used = np.zeros(self.capacity, dtype=np.int64)
        # An ordinary tensor, so that layers made from it may enter a task model's graph.
        with torch.inference_mode(False), torch.no_grad():
            rows = NUM_BOUNDARY_ROWS + self.capacity
            self._table = torch.empty((rows, self.bilm.config.dim), dtype=weight.dtype, device=weight.device)
        self._table[:NUM_BOUNDARY_ROWS] = self._compute(self.bilm.boundary_char_ids.cpu())

    def _add(self, missing: list[Word], needed: list[Word]) -> None:
        """Compute vectors for the words ``missing`` and keep all that are ``needed``."""
        if len(needed) > self.capacity:
            self.capacity = len(needed)
            self._allocate()
            missing = needed
        if len(missing) > len(self._free):
            self._evict(needed, len(missing))
        slots = [self._free.pop() for _ in missing]
        for word, slot in zip(missing, slots, strict=True):
            self._slot_of[word] = slot
            self._word_at[slot] = word
        ids = torch.from_numpy(_char_ids(missing, self.bilm.config.char_cnn.max_characters))
        assert self._table is not None
        places = torch.tensor(slots, device=self._table.device) + NUM_BOUNDARY_ROWS
        with torch.no_grad():
            self._table[places] = self._compute(ids)

    def _evict(self, needed: list[Word], number: int) -> None:
        """Make room for ``number`` words, at least half of the table: what was asked for longest ago goes first."""
        self._used[[self._slot_of[word] for word in needed if word in self._slot_of]] = self._calls + 1
        occupied = np.fromiter(self._slot_of.values(), dtype=np.int64, count=len(self._slot_of))
        number = max(number - len(self._free), len(occupied) // 2)
        oldest = occupied[np.argsort(self._used[occupied], kind="stable")[:number]]
        for slot in oldest[self._used[oldest] <= self._calls].tolist():
            del self._slot_of[self._word_at[slot]]
            self._free.append(slot)

    @torch.no_grad()
    def _compute(self, char_ids: Tensor) -> Tensor:
        """(N, C) character ids to (N, D), in blocks of fixed size and width."""
        assert self._table is not None
        vectors = torch.empty((len(char_ids), self._table.shape[1]), dtype=self._table.dtype, device=self._table.device)
        max_characters = self.bilm.config.char_cnn.max_characters
        widths = [-1, *(width for width in _WIDTHS if width < max_characters), max_characters]
        size = _BLOCK.get(self._table.device.type, _ACCELERATOR_BLOCK)
        used = used_characters(char_ids)
        for shorter, width in pairwise(widths):
            # A block's last row is always a word of full width, so that all blocks are trimmed to the same width.
            filler = torch.from_numpy(encode_words(["a" * (width - 2)], max_characters))
            members = ((used > shorter) & (used <= width)).nonzero()[:, 0]
            for chosen in torch.split(members, size - 1):
                block = torch.cat([char_ids[chosen], filler.expand(size - len(chosen), -1)])
                # What is remembered has the weights' precision, also where it is first asked for under autocast.
                with torch.autocast(vectors.device.type, enabled=False):
                    computed = self.bilm.token_vectors(block.to(vectors.device))[: len(chosen)]
                vectors[chosen.to(vectors.device)] = computed.to(vectors.dtype)
        return vectors


def _char_ids(words: Sequence[Word], max_characters: int) -> CharIds:
    """Character ids (N, C) of words, or of the bytes of such ids."""
    ids = encode_words([word for word in words if isinstance(word, str)], max_characters)
    rows = [np.frombuffer(word, dtype=np.int16) for word in words if isinstance(word, bytes)]
    return np.concatenate([ids, np.stack(rows)]) if rows else ids


def used_characters(char_ids: Tensor) -> Tensor:
    """Places of each row that are not padding, marks included: (N, C) to (N,)."""
    return (char_ids != PADDING).sum(dim=1)
