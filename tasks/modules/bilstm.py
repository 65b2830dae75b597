"""A bidirectional LSTM for task heads."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from elmo_lite.nn import run_layer


class BiLSTM(nn.Module):
    """A bidirectional LSTM over padded sentences: two LSTMs, one of which reads each sentence in reverse.

    Padding follows the words in both directions, so that it does not affect them, and no packing is needed. On 2 CPU
    cores, a training step of a batch sorted by length takes 0.7 times as long as with ``nn.LSTM(bidirectional=True)``
    on packed sequences, for which oneDNN has no kernel.
    """

    def __init__(self, input_dim: int, dim: int) -> None:
        """Build one layer.

        Args:
            input_dim: Width of a word vector.
            dim: Width of the output of one direction.
        """
        super().__init__()
        self.forward_lstm = nn.LSTM(input_dim, dim, batch_first=True)
        self.backward_lstm = nn.LSTM(input_dim, dim, batch_first=True)
        self.dim = 2 * dim

    def forward(self, vectors: Tensor, mask: Tensor) -> Tensor:
        """Compute the states of both directions.

        Args:
            vectors: (B, T, input_dim) word vectors.
            mask: (B, T) bool, True at words; padding follows the words.

        Returns:
            (B, T, 2 * dim), zero at padding.
        """
        mirror = _mirror(mask)
        ahead, _ = run_layer(self.forward_lstm, vectors, None)
        back, _ = run_layer(self.backward_lstm, _reorder(vectors, mirror), None)
        return torch.cat([ahead, _reorder(back, mirror)], dim=-1) * mask[..., None]


def _mirror(mask: Tensor) -> Tensor:
    """Positions (B, T) that reverse the words of each sentence and leave padding in place."""
    positions = torch.arange(mask.shape[1], device=mask.device)
    return torch.where(mask, mask.sum(dim=1, keepdim=True) - 1 - positions, positions)


def _reorder(vectors: Tensor, positions: Tensor) -> Tensor:
    """Reorder vectors (B, T, D) by positions (B, T)."""
    return vectors.gather(1, positions[..., None].expand(-1, -1, vectors.shape[-1]))
