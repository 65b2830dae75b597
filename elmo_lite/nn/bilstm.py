"""Stacked LSTMs: token vectors to states, one stack for each direction.

Both directions are the same module reading left to right; what they read is laid out by the caller. So right padding
never reaches a real position, and a long sentence can run in chunks with the state handed on.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast, overload

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from elmo_lite.nn.projected_lstm import ProjectedLSTM

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

    def forward(
        self, inputs: Tensor, state: LayerState | None, batch_sizes: Sequence[int] | None = None
    ) -> tuple[Tensor, LayerState]:
        """Read (T, B, D). Returns (T, B, D) and the state (h (B, D), c (B, D)) after position T.

        ``batch_sizes`` are not needed: oneDNN and cuDNN run over padding faster than they stop before it.
        """
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

    def forward(
        self, inputs: Tensor, state: LayerState | None, batch_sizes: Sequence[int] | None = None
    ) -> tuple[Tensor, LayerState]:
        """Read (T, B, D). Returns (T, B, D) and the state (h (B, D), c (B, lstm_dim)) after each row's last position.

        With ``batch_sizes``, in descending order, only the first ``batch_sizes[t]`` rows have a position t.
        """
        outputs, last = self.lstm(inputs.transpose(0, 1), state, batch_sizes)
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
        forget_bias: float = 0.0,
        lstm_projection: bool = False,
        is_projected: bool = False,
        dropout: float = 0.0,
        variational_dropout: bool = False,
    ) -> None:
        """Build the stack.

        Args:
            dim: D, width of the input and of every output.
            lstm_dim: width of the cells.
            num_layers: 1 or more.
            skip_connections: add a layer's input to its output, from the second layer on.
            cell_clip: bound on the absolute value of the cells, positive; None for no bound.
            projection_clip: bound on the absolute value of the projected outputs, likewise.
            forget_bias: constant added to the forget gates beside their learned bias.
            lstm_projection: whether a projection follows the cells.
            is_projected: take the engine with projection and clipping; the other one has neither.
            dropout: probability in [0, 1) on every layer's input and on the last output.
            variational_dropout: one mask per sequence instead of one per position.
        """
        super().__init__()
        assert is_projected or (lstm_dim == dim and cell_clip is None)
        self.skip_connections = skip_connections
        self.dropout = dropout
        self.variational_dropout = variational_dropout
        self.is_projected = is_projected
        self.layers = nn.ModuleList(
            ClippedLSTM(dim, lstm_dim, cell_clip, projection_clip, forget_bias, lstm_projection)
            if is_projected
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
            lengths: (B,) in 0..T on the CPU, the length of each row; the rest of it is padding. Defaults to T.

        Returns:
            The outputs of each layer, (B, T, D), and the state after position T. The engine with projection stops at a
            row's end: outputs are zero at padding, and the state is that after the row's last position. torch's engine
            runs over padding, which is faster there: outputs at padding, and the state of a row that ended before
            position T, are arbitrary. In chunks no later position of such a row reads that state.
        """
        if lengths is None or not self.is_projected or bool((lengths == inputs.shape[1]).all()):
            return self._run(inputs, state)
        ordered, order = lengths.sort(descending=True, stable=True)
        batch_sizes = (ordered > torch.arange(inputs.shape[1])[:, None]).sum(dim=1).tolist()
        order = order.to(inputs.device)
        restore = order.argsort()
        outputs, last = self._run(inputs[order], _take(state, order), batch_sizes)
        return [output[restore] for output in outputs], _take(last, restore)

    def _run(
        self, inputs: Tensor, state: LSTMState | None, batch_sizes: Sequence[int] | None = None
    ) -> tuple[list[Tensor], LSTMState]:
        """Run the layers over rows in descending order of length; the first ``batch_sizes[t]`` have a position t."""
        current = inputs.transpose(0, 1)  # (T, B, D)
        outputs: list[Tensor] = []
        new_state: LSTMState = []
        for index, layer in enumerate(self.layers):
            current = self.drop(current)
            output, last = layer(current, None if state is None else state[index], batch_sizes)
            current = output + current if self.skip_connections and index > 0 else output
            outputs.append(current.transpose(0, 1))  # (B, T, D)
            new_state.append(cast(LayerState, last))
        outputs[-1] = self.drop(current).transpose(0, 1)
        return outputs, new_state


@overload
def _take(state: LSTMState, rows: Tensor) -> LSTMState: ...
@overload
def _take(state: None, rows: Tensor) -> None: ...
def _take(state: LSTMState | None, rows: Tensor) -> LSTMState | None:
    """The state of chosen rows."""
    return None if state is None else [(h[rows], c[rows]) for h, c in state]
