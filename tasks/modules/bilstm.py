"""A bidirectional LSTM for task heads."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from elmo_lite.nn import run_layer
from tasks.modules.parts import Parts, linear, parts_of, side_by_side
from tasks.modules.recurrence import Recurrence


class BiLSTM(nn.Module):
    """A bidirectional LSTM over padded sentences: two LSTMs, one of which reads each sentence in reverse.

    Padding follows the words in both directions, so that it does not affect them, and no packing is needed. On a CPU,
    both directions run together, with one product of all word vectors with all weights of the inputs.
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

    def forward(self, vectors: Parts, mask: Tensor) -> Tensor:
        """Compute the states of both directions.

        Args:
            vectors: (B, T, input_dim) word vectors, or their parts.
            mask: (B, T) bool, True at words; padding follows the words.

        Returns:
            (B, T, 2 * dim), zero at padding.
        """
        run = self._together if mask.device.type == "cpu" else self._one_by_one
        states = run(vectors, mask)
        return states * mask[..., None]

    def _one_by_one(self, vectors: Parts, mask: Tensor) -> Tensor:
        """The states (B, T, 2 * dim) by the LSTM of torch, for which a GPU has a kernel."""
        mirror, vectors = _mirror(mask), side_by_side(vectors)
        ahead, _ = run_layer(self.forward_lstm, vectors, None)
        back, _ = run_layer(self.backward_lstm, _reorder(vectors, mirror), None)
        return torch.cat([ahead, _reorder(back, mirror)], dim=-1)

    def _together(self, vectors: Parts, mask: Tensor) -> Tensor:
        """The states (B, T, 2 * dim) by ``Recurrence``."""
        (batch, steps), parts = mask.shape, parts_of(vectors)
        dtype = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else parts[0].dtype
        # Of each direction: weights of the inputs, recurrent weights, and their biases.
        directions = (self.forward_lstm.all_weights[0], self.backward_lstm.all_weights[0])
        inputs, recurrent, *biases = zip(*directions, strict=True)
        weight = torch.cat([of_direction.to(dtype) for of_direction in inputs])
        bias = torch.cat(biases[0]) + torch.cat(biases[1])
        products = linear([part.to(dtype) for part in parts], weight, bias.to(dtype))
        by_step, by_word = _orders(mask)
        products = _Permute.apply(products.reshape(2 * batch * steps, -1), by_step, by_word)  # type: ignore[no-untyped-call]
        with torch.autocast("cpu", enabled=False):
            outputs = Recurrence.apply(products.view(steps, 2, batch, -1), torch.stack(recurrent))  # type: ignore[no-untyped-call]
        states = _Permute.apply(outputs.flatten(0, 2), by_word, by_step)  # type: ignore[no-untyped-call]
        return states.view(batch, steps, self.dim)  # type: ignore[no-any-return]


def _mirror(mask: Tensor) -> Tensor:
    """Positions (B, T) that reverse the words of each sentence and leave padding in place."""
    positions = torch.arange(mask.shape[1], device=mask.device)
    return torch.where(mask, mask.sum(dim=1, keepdim=True) - 1 - positions, positions)


def _reorder(vectors: Tensor, positions: Tensor) -> Tensor:
    """Reorder vectors (B, T, D) by positions (B, T)."""
    return vectors.gather(1, positions[..., None].expand(-1, -1, vectors.shape[-1]))


def _orders(mask: Tensor) -> tuple[Tensor, Tensor]:
    """Indices (2BT,) that bring rows in the order (B, T, 2) into the order of reading, (T, 2, B), and back.

    The second direction reads the words of each sentence in reverse.
    """
    batch, steps = mask.shape
    word = torch.arange(batch * steps, device=mask.device).view(batch, steps)
    mirrored = _mirror(mask) + steps * torch.arange(batch, device=mask.device)[:, None]
    by_step = torch.stack([2 * word, 2 * mirrored + 1]).permute(2, 0, 1).flatten()
    by_word = torch.empty_like(by_step)
    by_word[by_step] = torch.arange(len(by_step), device=mask.device)
    return by_step, by_word


class _Permute(torch.autograd.Function):
    """Rows in another order; the gradient is the opposite order, where autograd would add up rows."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, order: Tensor, opposite: Tensor) -> Tensor:
        """Rows (N, D) by their indices (N,)."""
        ctx.save_for_backward(opposite)
        return rows.index_select(0, order)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        """The gradient of the rows."""
        (opposite,) = ctx.saved_tensors
        return gradient.index_select(0, opposite), None, None
