"""Stacked LSTMs: token vectors to states, one stack for each direction.

Both directions are the same module reading left to right; what they read is laid out by the caller. So right padding
never reaches a real position, and a long sentence can run in chunks with the state handed on.
"""

from __future__ import annotations

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from elmo_lite.projected_lstm import ProjectedLSTM

LayerState = tuple[Tensor, Tensor]
LSTMState = list[LayerState]


class PlainLSTM(nn.Module):
    """One layer on torch's own engine (oneDNN, cuDNN): neither projection nor clipping."""

    def __init__(self, dim: int) -> None:
        """Make a layer of input and cell width ``dim``; the forget gate starts open (bias 1)."""
        super().__init__()
        self.lstm = nn.LSTM(dim, dim)
        # The two biases are only ever added: one of them is enough.
        bias, unused = self.lstm.get_parameter("bias_ih_l0"), self.lstm.get_parameter("bias_hh_l0")
        nn.init.zeros_(bias)
        nn.init.zeros_(unused).requires_grad_(False)
        nn.init.constant_(bias[dim : 2 * dim].detach(), 1.0)

    def forward(self, inputs: Tensor, state: LayerState | None) -> tuple[Tensor, LayerState]:
        """Read (T, B, D). Returns (T, B, D) and the state (h (B, D), c (B, D)) after the last position."""
        hx = None if state is None else (state[0][None].to(inputs.dtype), state[1][None].to(inputs.dtype))
        outputs, (h, c) = self.lstm(inputs, hx)
        return outputs, (h[0], c[0])


class ClippedLSTM(nn.Module):
    """One layer on the engine with projection and clipping, behind the same contract."""

    def __init__(self, dim: int, lstm_dim: int, cell_clip: float | None, projection_clip: float | None) -> None:
        """Make a layer of input and output width ``dim`` and cell width ``lstm_dim``."""
        super().__init__()
        self.lstm = ProjectedLSTM(dim, dim, lstm_dim, cell_clip, projection_clip)

    def forward(self, inputs: Tensor, state: LayerState | None) -> tuple[Tensor, LayerState]:
        """Read (T, B, D). Returns (T, B, D) and the state (h (B, D), c (B, lstm_dim)) after the last position."""
        outputs, last = self.lstm(inputs.transpose(0, 1), state)
        return outputs.transpose(0, 1), last


class LSTMStack(nn.Module):
    """The LSTM layers of one direction."""

    def __init__(
        self,
        *,
        dim: int,
        lstm_dim: int,
        num_layers: int,
        skip_connections: bool,
        cell_clip: float | None = None,
        projection_clip: float | None = None,
        dropout: float = 0.0,
        variational_dropout: bool = False,
    ) -> None:
        """Build the stack; the arguments are those of ``BiLMConfig``."""
        super().__init__()
        self.skip_connections = skip_connections
        self.dropout = dropout
        self.variational_dropout = variational_dropout
        projected = lstm_dim != dim or cell_clip is not None or projection_clip is not None
        self.layers = nn.ModuleList(
            ClippedLSTM(dim, lstm_dim, cell_clip, projection_clip) if projected else PlainLSTM(dim)
            for _ in range(num_layers)
        )

    def drop(self, inputs: Tensor) -> Tensor:
        """Dropout of time-major (T, B, D) inputs, per element or, variational, one mask for all T."""
        if not self.training or self.dropout == 0:
            return inputs
        if not self.variational_dropout:
            return F.dropout(inputs, self.dropout)
        return inputs * F.dropout(torch.ones_like(inputs[:1]), self.dropout)

    def forward(self, inputs: Tensor, state: LSTMState | None = None) -> tuple[list[Tensor], LSTMState]:
        """Run the layers over sequences in reading order.

        A layer's input is dropped out before the skip connection takes it, as in the published training code; so is the
        last output.

        Args:
            inputs: (B, T, D).
            state: of each layer, (h (B, D), c (B, lstm_dim)); zero where None.

        Returns:
            The outputs of each layer, (B, T, D), and the state after position T.
        """
        current = inputs.transpose(0, 1)  # (T, B, D)
        outputs: list[Tensor] = []
        new_state: LSTMState = []
        for index, layer in enumerate(self.layers):
            current = self.drop(current)
            output, last = layer(current, None if state is None else state[index])
            current = output + current if self.skip_connections and index > 0 else output
            outputs.append(current.transpose(0, 1))  # (B, T, D)
            new_state.append(cast(LayerState, last))
        outputs[-1] = self.drop(current).transpose(0, 1)
        return outputs, new_state
