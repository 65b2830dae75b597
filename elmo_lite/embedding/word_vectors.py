"""Cache of the token vectors of words, each computed once and kept across batches.

Embedding, perplexity and the drop-in modules use the cache. Training does not: it needs gradients for the words of each
batch, so ``BiLM.forward`` and pretraining compute the vectors again.

The vector of a word must not depend on the words it is computed with, but the last bits of a matrix product depend on
its shape. Words are therefore computed in blocks with a fixed number of rows, grouped by a few fixed widths.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from elmo_lite.nn.bilm import BiLM
from elmo_lite.nn.weight_snapshot import WeightSnapshot
from elmo_lite.text.characters import PADDING, CharIds, encode_words

Word = str | bytes
"""A word, or its character ids as bytes."""

BEGIN_ROW, END_ROW = 0, 1
NUM_BOUNDARY_ROWS = 2

_WIDTHS = (10, 18)
"""Widths of the blocks in bytes per word, BOW and EOW included. The last width is the maximum of the model."""
CPU_BLOCK, _ACCELERATOR_BLOCK = 64, 512


class WordVectors:
    """A table of token vectors: BOS, EOS and recently used words.

    It is cleared when the weights that it was computed from are modified in place, replaced, or moved to another dtype
    or device. Writes through ``parameter.data`` cannot be detected; call ``clear`` after them.

    Several threads may use one table: ``gather`` looks rows up and reads them as one step.
    """

    def __init__(self, bilm: BiLM, capacity: int = 65536, cpu_block: int = CPU_BLOCK) -> None:
        """Cache the vectors of words.

        Args:
            bilm: Encoder.
            capacity: Number of words to keep, or more if a single call needs more.
            cpu_block: Number of rows that a CPU computes at a time, 2 or more. Fewer cost less where few new words come
                at a time, and more where many do.
        """
        self.bilm = bilm
        self.capacity = capacity
        self.cpu_block = cpu_block
        self._lock = threading.RLock()
        self.clear()

    def clear(self) -> None:
        """Discard all vectors."""
        with self._lock:
            self._clear()

    def _clear(self) -> None:
        self._slot_of: dict[Word, int] = {}
        self._word_at: list[Word] = []
        self._free: list[int] = []
        self._used = np.zeros(0, dtype=np.int64)  # (capacity,) number of the last call that used each slot
        self._calls = 0
        self._table: Tensor | None = None
        self._snapshot = WeightSnapshot()

    def __getstate__(self) -> dict[str, Any]:
        """State for copies and worker processes, without the table, which each of them fills itself."""
        return {"bilm": self.bilm, "capacity": self.capacity, "cpu_block": self.cpu_block}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore the state with an empty table."""
        self.__dict__.update(state)
        self._lock = threading.RLock()
        self.clear()

    def __len__(self) -> int:
        """The number of cached words."""
        return len(self._slot_of)

    @property
    def table(self) -> Tensor:
        """The token vectors (2 + capacity, D): row 0 is BOS, row 1 is EOS; ``rows`` returns the rows of words."""
        with self._lock:
            self._refresh()
            assert self._table is not None
            return self._table

    def gather(self, rows: Callable[[], npt.NDArray[np.int64]]) -> Tensor:
        """Token vectors of rows of the table, as one step: no other thread changes the table in between.

        Args:
            rows: Function that returns rows (...), which it may look up by ``rows``.

        Returns:
            Vectors (..., D).
        """
        with self._lock:
            index = torch.from_numpy(rows())
            table = self.table
            return F.embedding(index.to(table.device), table)

    def rows(self, words: Sequence[str] | CharIds) -> npt.NDArray[np.int64]:
        """The rows of words in ``table``, valid until the next call. Missing words are computed and cached.

        Args:
            words: N words, repetitions included, or their character ids (N, C), int16.

        Returns:
            Rows (N,) in 2..capacity + 1.
        """
        with self._lock:
            return self._rows([row.tobytes() for row in words] if isinstance(words, np.ndarray) else words)

    def _rows(self, keys: Sequence[Word]) -> npt.NDArray[np.int64]:
        self._refresh()
        distinct = list(dict.fromkeys(keys))
        missing = [word for word in distinct if word not in self._slot_of]
        if missing:
            self._add(missing, distinct)
        slots = np.fromiter(map(self._slot_of.__getitem__, keys), dtype=np.int64, count=len(keys))
        self._calls += 1
        self._used[slots] = self._calls
        return slots + NUM_BOUNDARY_ROWS

    def _refresh(self) -> None:
        """Clear the table if the weights have changed since it was computed."""
        weights = list(self.bilm.char_cnn.parameters())
        if self._table is not None and self._snapshot.matches(weights):
            return
        self._clear()
        self._snapshot = WeightSnapshot(weights)
        self._allocate()

    def _allocate(self) -> None:
        weight = self.bilm.char_cnn.embedding.weight
        self._table = None  # until it is complete
        self._slot_of, self._word_at = {}, [""] * self.capacity
        self._free = list(range(self.capacity))[::-1]
        self._used = np.zeros(self.capacity, dtype=np.int64)
        # Not an inference tensor, so that layers computed from it can be used in the graph of a task model.
        with torch.inference_mode(False), torch.no_grad():
            rows = NUM_BOUNDARY_ROWS + self.capacity
            table = torch.empty((rows, self.bilm.config.dim), dtype=weight.dtype, device=weight.device)
            table[:NUM_BOUNDARY_ROWS] = self._compute(self.bilm.boundary_char_ids.cpu())
        self._table = table

    def _add(self, missing: list[Word], needed: list[Word]) -> None:
        """Compute the vectors of the words ``missing`` without evicting words that are ``needed``."""
        if len(needed) > self.capacity:
            self.capacity = len(needed)
            self._allocate()
            missing = needed
        if len(missing) > len(self._free):
            self._evict(needed, len(missing))
        vectors = self._compute(torch.from_numpy(_char_ids(missing, self.bilm.config.char_cnn.max_characters)))
        slots = self._free[len(self._free) - len(missing) :][::-1]
        assert self._table is not None
        with torch.no_grad():
            self._table[torch.tensor(slots, device=self._table.device) + NUM_BOUNDARY_ROWS] = vectors
        # A word is known only once its row is filled, so that an interrupt leaves no row without a vector.
        del self._free[len(self._free) - len(missing) :]
        for word, slot in zip(missing, slots, strict=True):
            self._word_at[slot] = word
            self._slot_of[word] = slot

    def _evict(self, needed: list[Word], number: int) -> None:
        """Free slots for ``number`` words, but at least half of the table, least recently used words first."""
        self._used[[self._slot_of[word] for word in needed if word in self._slot_of]] = self._calls + 1
        occupied = np.fromiter(self._slot_of.values(), dtype=np.int64, count=len(self._slot_of))
        number = max(number - len(self._free), len(occupied) // 2)
        oldest = occupied[np.argsort(self._used[occupied], kind="stable")[:number]]
        for slot in oldest[self._used[oldest] <= self._calls].tolist():
            del self._slot_of[self._word_at[slot]]
            self._free.append(slot)

    @torch.no_grad()
    def _compute(self, char_ids: Tensor) -> Tensor:
        """Compute the vectors (N, D) of character ids (N, C) in blocks of fixed size and width."""
        weight = self.bilm.char_cnn.embedding.weight
        vectors = torch.empty((len(char_ids), self.bilm.config.dim), dtype=weight.dtype, device=weight.device)
        max_characters = self.bilm.config.char_cnn.max_characters
        widths = [-1, *(width for width in _WIDTHS if width < max_characters), max_characters]
        size = self.cpu_block if weight.device.type == "cpu" else _ACCELERATOR_BLOCK
        used = used_characters(char_ids)
        for shorter, width in pairwise(widths):
            # The last row of a block is always a word of full width, so that all blocks are trimmed to the same width.
            filler = torch.from_numpy(encode_words(["a" * (width - 2)], max_characters))
            members = ((used > shorter) & (used <= width)).nonzero()[:, 0]
            for chosen in torch.split(members, size - 1) if len(members) else ():  # split gives an empty piece of none
                block = torch.cat([char_ids[chosen], filler.expand(size - len(chosen), -1)])
                # Cached vectors have the precision of the weights, even if they are computed under autocast.
                with torch.autocast(vectors.device.type, enabled=False):
                    computed = self.bilm.token_vectors(block.to(vectors.device), width)[: len(chosen)]
                vectors[chosen.to(vectors.device)] = computed.to(vectors.dtype)
        return vectors


def _char_ids(words: Sequence[Word], max_characters: int) -> CharIds:
    """The character ids (N, C) of words, which are all strings or all the bytes of character ids."""
    ids = encode_words([word for word in words if isinstance(word, str)], max_characters)
    rows = [np.frombuffer(word, dtype=np.int16) for word in words if isinstance(word, bytes)]
    return np.concatenate([ids, np.stack(rows)]) if rows else ids


def used_characters(char_ids: Tensor) -> Tensor:
    """The number of characters of each row that are not padding, BOW and EOW included: (N, C) to (N,)."""
    return (char_ids != PADDING).sum(dim=1)
