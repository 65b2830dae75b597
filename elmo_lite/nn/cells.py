"""Layers of other cells than the LSTM, with the interface of ``PlainLSTM``: simple RNN, GRU, and a window of words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from elmo_lite.nn.recurrent import run_layer

CellState = tuple[Tensor, ...]


class RecurrentLayer(nn.Module):
    """A layer of ``torch.nn.RNN`` or ``torch.nn.GRU``."""

    def __init__(self, cell: Literal["rnn_tanh", "rnn_relu", "gru"], dim: int) -> None:
        """Create a layer of input and state width ``dim`` with torch's initial weights and biases of zero."""
        super().__init__()
        self.rnn: nn.RNNBase = (
            nn.GRU(dim, dim) if cell == "gru" else nn.RNN(dim, dim, nonlinearity=cell.removeprefix("rnn_"))
        )
        nn.init.zeros_(self.rnn.get_parameter("bias_ih_l0"))
        nn.init.zeros_(self.rnn.get_parameter("bias_hh_l0"))

    def forward(
        self, inputs: Tensor, state: CellState | None, batch_sizes: Sequence[int] | None = None
    ) -> tuple[Tensor, CellState]:
        """Run over inputs (T, B, D). Returns outputs (T, B, D) and the state (h (B, D),) after position T.

        ``batch_sizes`` is ignored, as by ``PlainLSTM``.
        """
        return run_layer(self.rnn, inputs, state)


class WindowLayer(nn.Module):
    """y_t = tanh(W [x_{t-n+1}; ...; x_t] + b): the hidden layer of a window of n words (Bengio et al. 2003, eq. 2).

    Before the first word, a window holds zeros. There is no direct connection from the words to the softmax.
    """

    def __init__(self, dim: int, window: int) -> None:
        """Create a layer of input and output width ``dim`` over ``window`` (n) words."""
        super().__init__()
        self.window = window
        self.hidden = nn.Linear(window * dim, dim)
        nn.init.xavier_uniform_(self.hidden.weight)
        nn.init.zeros_(self.hidden.bias)

    def forward(
        self, inputs: Tensor, state: CellState | None, batch_sizes: Sequence[int] | None = None
    ) -> tuple[Tensor, CellState]:
        """Run over inputs (T, B, D).

        Returns:
            Outputs (T, B, D), and as the state the last n - 1 inputs, (B, n - 1, D).
        """
        length, rows, dim = inputs.shape
        before = inputs.new_zeros(self.window - 1, rows, dim)
        if state is not None:
            before = state[0].transpose(0, 1).to(inputs.dtype)
        read = torch.cat([before, inputs])  # (n - 1 + T, B, D)
        windows = torch.cat([read[place : place + length] for place in range(self.window)], dim=-1)  # (T, B, n D)
        return torch.tanh(self.hidden(windows)), (read[length:].transpose(0, 1),)
