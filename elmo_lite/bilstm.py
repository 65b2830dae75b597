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

    def __init__(self, dim: int, forget_bias: float = 0.0) -> None:
        """Make a layer of input and cell width ``dim``; the forget gate starts open.

        Its bias starts at 1, or at 0 where ``forget_bias`` is a constant beside it.
        """
        super().__init__()
        self.lstm = nn.LSTM(dim, dim)
        # The two biases are only ever added: one of them learns, the other holds the constant.
        bias, constant = self.lstm.get_parameter("bias_ih_l0"), self.lstm.get_parameter("bias_hh_l0")
        nn.init.zeros_(bias)
        nn.init.zeros_(constant).requires_grad_(False)
        constant[dim : 2 * dim].fill_(forget_bias)
        if forget_bias == 0:
            nn.init.constant_(bias[dim : 2 * dim].detach(), 1.0)

    def zero_state(self, inputs: Tensor) -> LayerState:
        """Zero h (B, D) and c (B, D) for inputs (T, B, D)."""
        return inputs.new_zeros(inputs.shape[1:]), inputs.new_zeros(inputs.shape[1:])

    def forward(self, inputs: Tensor, state: LayerState | None) -> tuple[Tensor, LayerState]:
        """Read (T, B, D). Returns (T, B, D) and the state (h (B, D), c (B, D)) after the last position."""
        hx = None if state is None else (state[0][None].to(inputs.dtype), state[1][None].to(inputs.dtype))
        outputs, (h, c) = self.lstm(inputs, hx)
        return outputs, (h[0], c[0])


class ClippedLSTM(nn.Module):
    """One layer on the engine with projection and clipping, behind the same contract."""

    def __init__(
        self,
        dim: int,
        lstm_dim: int,
        cell_clip: float | None,
        projection_clip: float | None,
        forget_bias: float,
        projection: bool,
    ) -> None:
        """Make a layer of input and output width ``dim`` and cell width ``lstm_dim``."""
        super().__init__()
        self.lstm = ProjectedLSTM(dim, dim, lstm_dim, cell_clip, projection_clip, forget_bias, projection)

    def zero_state(self, inputs: Tensor) -> LayerState:
        """Zero h (B, D) and c (B, lstm_dim) for inputs (T, B, D)."""
        return self.lstm.zero_state(inputs.shape[1])

    def forward(self, inputs: Tensor, state: LayerState | None) -> tuple[Tensor, LayerState]:
        """Read (T, B, D). Returns (T, B, D) and the state (h (B, D), c (B, lstm_dim)) after the last position."""
        outputs, last = self.lstm(inputs.transpose(0, 1), state)
        return outputs.transpose(0, 1), last


Layer = PlainLSTM | ClippedLSTM


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
        forget_bias: float = 0.0,
        lstm_projection: bool | None = None,
        dropout: float = 0.0,
        variational_dropout: bool = False,
    ) -> None:
        """Build the stack; the arguments are those of ``BiLMConfig``."""
        super().__init__()
        self.skip_connections = skip_connections
        self.dropout = dropout
        self.variational_dropout = variational_dropout
        projection = lstm_dim != dim if lstm_projection is None else lstm_projection
        self.is_projected = projection or cell_clip is not None
        self.layers = nn.ModuleList(
            ClippedLSTM(dim, lstm_dim, cell_clip, projection_clip, forget_bias, projection)
            if self.is_projected
            else PlainLSTM(dim, forget_bias)
            for _ in range(num_layers)
        )

    def drop(self, inputs: Tensor) -> Tensor:
        """Dropout of time-major (T, B, D) inputs, per element or, variational, one mask for all T."""
        if not self.training or self.dropout == 0:
            return inputs
        if not self.variational_dropout:
            return F.dropout(inputs, self.dropout)
        return inputs * F.dropout(torch.ones_like(inputs[:1]), self.dropout)

    def forward(
        self, inputs: Tensor, state: LSTMState | None = None, lengths: Tensor | None = None
    ) -> tuple[list[Tensor], LSTMState]:
        """Run the layers over sequences in reading order.

        A layer's input is dropped out before the skip connection takes it, as in the published training code; so is the
        last output.

        Args:
            inputs: (B, T, D).
            state: of each layer, (h (B, D), c (B, lstm_dim)); zero where None.
            lengths: (B,) in 0..T on the CPU; where given, a row ends there: nothing is computed behind its end.

        Returns:
            The outputs of each layer, (B, T, D), zero behind a row's end; and the state after position T, or after each
            row's end where ``lengths`` are given.
        """
        current = inputs.transpose(0, 1)  # (T, B, D)
        outputs: list[Tensor] = []
        new_state: LSTMState = []
        for index, layer in enumerate(self.layers):
            current = self.drop(current)
            before = None if state is None else state[index]
            output, last = (
                layer(current, before) if lengths is None else run_rows(cast(Layer, layer), current, before, lengths)
            )
            current = output + current if self.skip_connections and index > 0 else output
            outputs.append(current.transpose(0, 1))  # (B, T, D)
            new_state.append(cast(LayerState, last))
        outputs[-1] = self.drop(current).transpose(0, 1)
        return outputs, new_state


def run_rows(layer: Layer, inputs: Tensor, state: LayerState | None, lengths: Tensor) -> tuple[Tensor, LayerState]:
    """Run a layer over rows of different lengths, each no further than its end.

    The rows are sorted by falling length; between one end and the next the layer runs over the rows that go on.

    Args:
        layer: maps time-major inputs and a state to outputs and a state.
        inputs: (T, B, D).
        state: h (B, D) and c (B, lstm_dim); zero where None.
        lengths: (B,) in 0..T, on the CPU.

    Returns:
        Outputs (T, B, D), zero behind a row's end, and the state at each row's end.
    """
    steps, batch, _ = inputs.shape
    ordered, order = lengths.sort(descending=True, stable=True)
    order = order.to(inputs.device)
    h, c = layer.zero_state(inputs) if state is None else state
    sorted_inputs, running = inputs.index_select(1, order), (h[order], c[order])
    pieces: list[Tensor] = []
    ended: list[LayerState] = []
    start = 0
    for stop in sorted(set(ordered.tolist()) - {0}):
        rows = int((ordered >= stop).sum())
        if rows < len(running[0]):
            ended.append((running[0][rows:], running[1][rows:]))
            running = running[0][:rows], running[1][:rows]
        output, running = layer(sorted_inputs[start:stop, :rows], running)
        pieces.append(F.pad(output, (0, 0, 0, batch - rows)))
        start = stop
    outputs = F.pad(torch.cat(pieces), (0, 0, 0, 0, 0, steps - start)) if pieces else torch.zeros_like(inputs)
    restore = order.argsort()
    last_h, last_c = (torch.cat(parts)[restore] for parts in zip(running, *reversed(ended), strict=True))
    return outputs.index_select(1, restore), (last_h, last_c)
