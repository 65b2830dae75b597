"""Words and entities of the training data, kept beside a model as hashes: ``seen.safetensors``.

With them ``evaluate`` can say how well a model does on what its training lacked. The file holds 8-byte hashes and no
text; a model works without it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from functools import cache
from hashlib import blake2b
from pathlib import Path

import torch

from elmo_lite import CheckpointError
from elmo_lite.saved_model import read_tensors, write_tensors

SEEN = "seen.safetensors"

Name = tuple[str, ...]
"""The words of an entity."""


class Seen:
    """Words and entities of the training data."""

    def __init__(self, words: Iterable[Sequence[str]], names: Collection[Name]) -> None:
        """Collect them.

        Args:
            words: Words of each training sentence.
            names: Entities of the training data; empty if the task has none.
        """
        self._words = {_hash(word) for word in {word for sentence in words for word in sentence}}
        self._names = {_hash("\n".join(name)) for name in names}
        self._has_word = cache(lambda word: _hash(word) in self._words)

    def has_word(self, word: str) -> bool:
        """Whether the training data have a word."""
        return self._has_word(word)

    def how_known(self, name: Name) -> int:
        """2 for an entity of the training data, 1 for one of known words, 0 for one with an unseen word."""
        return 2 if _hash("\n".join(name)) in self._names else int(all(map(self.has_word, name)))

    def save(self, directory: Path) -> None:
        """Write ``seen.safetensors`` in a directory."""
        found = {"words": self._words, "names": self._names}
        write_tensors(
            directory / SEEN, {key: torch.tensor(sorted(ids), dtype=torch.int64) for key, ids in found.items()}
        )

    @classmethod
    def load(cls, directory: Path) -> Seen | None:
        """Read what ``save`` wrote; None if there is no such file, as beside models of earlier versions.

        Raises:
            CheckpointError: The file is damaged.
        """
        path = directory / SEEN
        if not path.exists():
            return None
        tensors = read_tensors(path)
        if set(tensors) != {"words", "names"} or any(ids.dtype != torch.int64 for ids in tensors.values()):
            raise CheckpointError(f"{path}: expected hashes of words and names, found {', '.join(tensors) or 'none'}")
        seen = cls((), ())
        seen._words.update(tensors["words"].flatten().tolist())
        seen._names.update(tensors["names"].flatten().tolist())
        return seen


def _hash(text: str) -> int:
    digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little", signed=True)
