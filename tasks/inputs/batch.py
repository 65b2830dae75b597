"""Sentences of a data set as one batch: what every task model reads."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from elmo_lite import CorpusError

Words = list[str]
BATCH_WORDS = 4096
"""Positions of a batch in prediction, boundaries and padding included."""
Targets = Sequence[int] | Sequence[Sequence[int]]
"""One number a sentence, or one a word."""


@dataclass(frozen=True, kw_only=True)
class Batch:
    """B sentences side by side, T the longest one's words."""

    words: list[Words]
    """B sentences, none of them empty."""
    lengths: Tensor
    """(B,) long, on the CPU wherever the rest is: what ``pack_padded_sequence`` asks for."""
    mask: Tensor
    """(B, T) bool, True where there is a word."""
    targets: Tensor | None = None
    """(B, T) long, 0 behind the ends, or (B,) long; None in prediction."""
    layers: Tensor | None = None
    """(L, B, T, 2D) frozen layers, float32; None without an encoder, and where it runs inside the model."""

    def __len__(self) -> int:
        """B."""
        return len(self.words)

    def to(self, device: torch.device | str) -> Batch:
        """The same batch with its tensors, except ``lengths``, on a device."""
        return dataclasses.replace(
            self,
            mask=self.mask.to(device),
            targets=None if self.targets is None else self.targets.to(device),
            layers=None if self.layers is None else self.layers.to(device),
        )


def collate(words: Iterable[Sequence[str]], targets: Targets | None = None, layers: Tensor | None = None) -> Batch:
    """Put sentences into a batch, on the CPU.

    Args:
        words: B sentences, at least one, of at least one word each.
        targets: B numbers, or B lists with one number a word.
        layers: (L, B, T, 2D) frozen layers of the sentences.

    Raises:
        CorpusError: no sentence, or one without words.
        ValueError: targets or layers do not fit the sentences.
    """
    sentences = [list(sentence) for sentence in words]
    if not sentences:
        raise CorpusError("batch: expected at least one sentence, found none")
    for number, sentence in enumerate(sentences):
        if not sentence:
            raise CorpusError(f"sentence {number}: expected at least one word, found none")
    lengths = torch.tensor([len(sentence) for sentence in sentences])
    mask = torch.arange(int(lengths.max())) < lengths[:, None]
    if layers is not None and layers.shape[1:3] != mask.shape:
        raise ValueError(f"layers: expected (L, {len(mask)}, {mask.shape[1]}, 2D), found {tuple(layers.shape)}")
    padded = None if targets is None else _pad(targets, mask)
    return Batch(words=sentences, lengths=lengths, mask=mask, targets=padded, layers=layers)


def _pad(targets: Targets, mask: Tensor) -> Tensor:
    """One number a sentence to (B,); one a word to (B, T) with 0 where ``mask`` is False."""
    if len(targets) != len(mask):
        raise ValueError(f"targets: expected one for each of {len(mask)} sentences, found {len(targets)}")
    if isinstance(targets[0], int):
        return torch.tensor(targets)
    padded = torch.zeros(mask.shape, dtype=torch.long)
    for row, (numbers, real) in enumerate(zip(targets, mask, strict=True)):
        if len(numbers) != int(real.sum()):  # type: ignore[arg-type]
            raise ValueError(f"targets of sentence {row}: expected {int(real.sum())}, found {len(numbers)}")  # type: ignore[arg-type]
        padded[row, : len(numbers)] = torch.tensor(numbers)  # type: ignore[arg-type]
    return padded
