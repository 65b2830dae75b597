"""Stacked LSTMs, one stack for each direction.

Both directions use the same module, which reads from left to right; the caller arranges the input in reading order.
Right padding therefore never affects a token, and a long sentence can run in chunks that pass the state on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast, overload

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from elmo_lite.nn.projected_lstm import ProjectedLSTM
from elmo_lite.nn.recurrent import run_layer

LayerState = tuple[Tensor, ...]
"""State of a layer: (h, c) of an LSTM; other cells have other parts."""
LSTMState = list[LayerState]


class PlainLSTM(nn.Module):
    """An LSTM layer on ``torch.nn.LSTM`` (oneDNN, cuDNN), without projection and clipping."""

    def __init__(self, dim: int, forget_bias: float = 0.0) -> None:
        """Create a layer of input and cell width ``dim`` whose forget gate is initially open.

        The bias of the forget gate starts at 1, or at 0 if ``forget_bias`` adds a constant to it.
        """
        super().__init__()
        self.lstm = nn.LSTM(dim, dim)
        # torch.nn.LSTM adds its two biases: one is learned, the other holds the constant.
        bias, constant = self.lstm.get_parameter("bias_ih_l0"), self.lstm.get_parameter("bias_hh_l0")
        nn.init.zeros_(bias)
        nn.init.zeros_(constant).requires_grad_(False)
        constant[dim : 2 * dim].fill_(forget_bias)
        if forget_bias == 0:
            nn.init.constant_(bias[dim : 2 * dim].detach(), 1.0)

    def forward(
        self, inputs: Tensor, state: LayerState | None, batch_sizes: Sequence[int] | None = None
    ) -> tuple[Tensor, LayerState]:
        """Run over inputs (T, B, D). Returns outputs (T, B, D) and the state (h (B, D), c (B, D)) after position T.

        ``batch_sizes`` is ignored: running over padding is faster in oneDNN and cuDNN than skipping it.
        """
        return run_layer(self.lstm, inputs, state)


class ClippedLSTM(nn.Module):
    """An LSTM layer with projection and clipping, with the same interface as ``PlainLSTM``."""

    def __init__(
        self,
        dim: int,
        lstm_dim: int,
        cell_clip: float | None,
        projection_clip: float | None,
        forget_bias: float,
        projection: bool,
    ) -> None:
        """Create a layer of input and output width ``dim`` and cell width ``lstm_dim``."""
        super().__init__()
        self.lstm = ProjectedLSTM(dim, dim, lstm_dim, cell_clip, projection_clip, forget_bias, projection)

    def forward(
        self, inputs: Tensor, state: LayerState | None, batch_sizes: Sequence[int] | None = None
    ) -> tuple[Tensor, LayerState]:
        """Run over inputs (T, B, D).

        With ``batch_sizes``, in descending order, only the first ``batch_sizes[t]`` rows have a position t.

        Returns:
            Outputs (T, B, D), and the state (h (B, D), c (B, lstm_dim)) after the last position of each row.
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
        make_layer: Callable[[], nn.Module] | None = None,
    ) -> None:
        """Create the stack.

        Args:
            dim: Width of the input and of the output of each layer (D).
            lstm_dim: Width of the cells.
            num_layers: Number of layers, 1 or more.
            skip_connections: Add the input of each layer but the first to its output.
            cell_clip: Positive bound on the absolute value of the cell states. Defaults to no bound.
            projection_clip: Positive bound on the absolute value of the projected outputs. Defaults to no bound.
            forget_bias: Constant added to the forget gates beside their learned bias.
            lstm_projection: Whether a projection follows the cells.
            is_projected: Use ``ClippedLSTM``, which projects and clips, instead of ``PlainLSTM``.
            dropout: Dropout probability of the input of each layer and of the last output, in [0, 1).
            variational_dropout: Use one dropout mask per sequence instead of one per position.
            make_layer: Makes a layer of another cell, with the interface of ``PlainLSTM``. Defaults to LSTM layers.
        """
        super().__init__()
        assert is_projected or (lstm_dim == dim and cell_clip is None)
        self.skip_connections = skip_connections
        self.dropout = dropout
        self.variational_dropout = variational_dropout
        self.is_projected = is_projected

        def lstm_layer() -> nn.Module:
            if is_projected:
                return ClippedLSTM(dim, lstm_dim, cell_clip, projection_clip, forget_bias, lstm_projection)
            return PlainLSTM(dim, forget_bias)

        self.layers = nn.ModuleList((make_layer or lstm_layer)() for _ in range(num_layers))

    def drop(self, inputs: Tensor) -> Tensor:
        """Apply dropout to time-major inputs (T, B, D): per element, or with one mask for all T if variational."""
        if not self.training or self.dropout == 0:
            return inputs
        if not self.variational_dropout:
            return F.dropout(inputs, self.dropout)
        return inputs * F.dropout(torch.ones_like(inputs[:1]), self.dropout)

    def forward(
        self, inputs: Tensor, state: LSTMState | None = None, lengths: Tensor | None = None
    ) -> tuple[list[Tensor], LSTMState]:
        """Run the layers over sequences in reading order.

        Dropout applies to the input of each layer before its skip connection, as in the published training code, and to
        the last output.

        Args:
            inputs: Inputs (B, T, D).
            state: State of each layer, (h (B, D), c (B, lstm_dim)). Defaults to zeros.
            lengths: Length of each row, (B,) in 0..T, on the CPU; the rest of the row is padding. Defaults to T.

        Returns:
            The output of each layer, (B, T, D), and the state after position T. ``ClippedLSTM`` skips padding: outputs
            are zero there, and the state is that after the last position of each row. ``PlainLSTM`` runs over padding,
            which is faster in its case: outputs at padding, and the state of a row shorter than T, are arbitrary. If a
            sentence runs in chunks, no later position reads that state.
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
        """Run the layers over rows in descending order of length: the first ``batch_sizes[t]`` have a position t."""
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
    """The state of the given rows."""
    return None if state is None else [tuple(part[rows] for part in layer) for layer in state]
