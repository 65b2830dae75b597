"""Batches of sentences, the input of every task model."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from elmo_lite import CorpusError

Words = list[str]
BATCH_WORDS = 4096
"""Maximum number of positions of a batch in prediction, boundary tokens and padding included."""
Targets = Sequence[int] | Sequence[Sequence[int]]
"""One class index per sentence, or one per word."""


@dataclass(frozen=True, kw_only=True)
class Batch:
    """A batch of B sentences, padded to the length T of the longest."""

    words: list[Words]
    """B sentences of one or more words."""
    lengths: Tensor
    """(B,) long, number of words of each sentence. Always on the CPU, as ``pack_padded_sequence`` requires."""
    mask: Tensor
    """(B, T) bool, True at words and False at padding."""
    targets: Tensor | None = None
    """(B, T) long, 0 at padding, or (B,) long; None in prediction."""
    layers: Tensor | None = None
    """(L, B, T, 2D) float32, all layers of a frozen encoder, or the chosen ones; None without one, and if the encoder
    runs inside the model."""
    marks: Tensor | None = None
    """(B, T) bool, True at marked words, such as a predicate; None if no sentence has any."""

    def __len__(self) -> int:
        """Number of sentences."""
        return len(self.words)

    def to(self, device: torch.device | str) -> Batch:
        """Return the batch with its tensors, except ``lengths``, on a device."""
        return self._map(lambda tensor: moved(tensor, device))

    def pin_memory(self) -> Batch:
        """Pin the tensors that ``to`` moves in memory, so that they are copied to a GPU while it computes."""
        return self._map(Tensor.pin_memory)

    def _map(self, change: Callable[[Tensor], Tensor]) -> Batch:
        found = {name: getattr(self, name) for name in ("mask", "targets", "layers", "marks")}
        changed: dict[str, Any] = {name: change(tensor) for name, tensor in found.items() if tensor is not None}
        return dataclasses.replace(self, **changed)


def moved(tensor: Tensor, device: torch.device | str) -> Tensor:
    """A tensor on a device; a CUDA GPU is not waited for if the tensor is pinned in memory."""
    return tensor.to(device, non_blocking=torch.device(device).type == "cuda")


def collate(
    words: Iterable[Sequence[str]],
    targets: Targets | None = None,
    layers: Tensor | None = None,
    marks: Sequence[Sequence[int]] | None = None,
) -> Batch:
    """Make a batch of sentences, on the CPU.

    Args:
        words: B sentences, 1 or more, each of one or more words.
        targets: B class indices, or B sequences of one class index per word.
        layers: (L, B, T, 2D) layers of a frozen encoder.
        marks: Indices of the marked words of each sentence. Defaults to none.

    Raises:
        CorpusError: There are no sentences, or one has no words.
        ValueError: ``targets`` or ``layers`` do not match the sentences.
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
    placed = None if marks is None or not any(marks) else _place(marks, mask)
    return Batch(words=sentences, lengths=lengths, mask=mask, targets=padded, layers=layers, marks=placed)


def _place(marks: Sequence[Sequence[int]], mask: Tensor) -> Tensor:
    """Convert the indices of marked words to (B, T)."""
    placed = torch.zeros_like(mask)
    for row, indices in enumerate(marks):
        placed[row, list(indices)] = True
    return placed


def _pad(targets: Targets, mask: Tensor) -> Tensor:
    """Convert one target per sentence to (B,), and one per word to (B, T) with 0 at padding."""
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
