"""The LSTM engine with projection and clipping, as published ELMo weights need it: one layer, one direction."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from elmo_lite.nn.packed_linear import PackedProduct, needs_graph
from elmo_lite.nn.projected_recurrence import ProjectedState, Recurrence, RunTimeWeights, run
from elmo_lite.nn.weight_snapshot import WeightSnapshot

_POSITIONS_AT_ONCE = 256
"""Positions whose input products are computed together: enough to fill the matrix library, and their 16 MB at published
size small enough for the C library to keep between calls instead of returning it to the system page by page."""


class ProjectedLSTM(nn.Module):
    """An LSTM whose cell is clipped, projected to a smaller width and clipped again.

    Per step, with gates i, f, g, o in ``torch.nn.LSTM``'s order (Sak et al. 2014; clipping as in Peters et al. 2018):

        c' = clip(f * c + i * tanh(g), cell_clip)
        m  = clip((o * tanh(c')) W_P^T, projection_clip)

    and m is the output and the next step's recurrent input. Without clips this is ``torch.nn.LSTM(proj_size=dim)``.
    A residual connection lies outside: it never enters the recurrence.

    Attributes:
        weight_ih: (4 * lstm_dim, input_dim).
        weight_hh: (4 * lstm_dim, dim).
        bias: (4 * lstm_dim,), the sum of what ``torch.nn.LSTM`` keeps as two.
        weight_projection: (dim, lstm_dim); None without a projection, and then m = o * tanh(c').
        forget_bias: added to the forget gate at run time and never stored. TensorFlow adds 1.0, so published weights
            need 1.0; adding it to the stored bias could not be undone exactly in float32.
    """

    def __init__(
        self,
        input_dim: int,
        dim: int,
        lstm_dim: int,
        cell_clip: float | None = None,
        projection_clip: float | None = None,
        forget_bias: float = 0.0,
        projection: bool = True,
    ) -> None:
        """Make the weights and draw them.

        Args:
            input_dim: width of an input vector.
            dim: D, width of the output and of the recurrent input.
            lstm_dim: width of the cell.
            cell_clip: bound on the absolute value of the cell, positive; None for no bound.
            projection_clip: bound on the absolute value of the projected output, positive; None for no bound.
            forget_bias: constant added to the forget gate at run time.
            projection: whether a projection follows the cell; where not, ``dim`` is ``lstm_dim``.
        """
        super().__init__()
        self.input_dim, self.dim, self.lstm_dim = input_dim, dim, lstm_dim
        self.cell_clip, self.projection_clip = cell_clip, projection_clip if projection else None
        self.forget_bias = float(forget_bias)
        self.weight_ih = nn.Parameter(torch.empty(4 * lstm_dim, input_dim))
        self.weight_hh = nn.Parameter(torch.empty(4 * lstm_dim, dim))
        self.bias = nn.Parameter(torch.empty(4 * lstm_dim))
        self.weight_projection = nn.Parameter(torch.empty(dim, lstm_dim)) if projection else None
        self._run_time: tuple[PackedProduct, RunTimeWeights] | None = None
        self._run_time_dtype: torch.dtype | None = None
        self._snapshot = WeightSnapshot()
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Draw all weights from U(-1/sqrt(lstm_dim), 1/sqrt(lstm_dim)); the forget gate starts open.

        Its bias gets +1 here only where ``forget_bias`` does not add a constant anyway.
        """
        bound = 1 / math.sqrt(self.lstm_dim)
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -bound, bound)
        if self.forget_bias == 0:
            self.bias[self.lstm_dim : 2 * self.lstm_dim] += 1

    def forward(
        self, inputs: Tensor, state: ProjectedState | None = None, batch_sizes: Sequence[int] | None = None
    ) -> tuple[Tensor, ProjectedState]:
        """Run over all positions, left to right.

        Args:
            inputs: (B, T, input_dim).
            state: h (B, D) and c (B, lstm_dim) before the first position; zeros where None. It is not modified.
            batch_sizes: T sizes in descending order: only the first ``batch_sizes[t]`` rows have a
                position t. Defaults to all rows.

        Returns:
            The outputs (B, T, D), zero at padding, and the state at each row's end.
        """
        h, c = self._zero_state(len(inputs)) if state is None else state
        recorded = needs_graph(inputs, h, c, *self.parameters())
        outputs, last = (self._run_recorded if recorded else self._run_packed)(
            inputs.transpose(0, 1), h, c, batch_sizes
        )
        return outputs.transpose(0, 1), last

    def _run_recorded(
        self, inputs: Tensor, h: Tensor, c: Tensor, batch_sizes: Sequence[int] | None
    ) -> tuple[Tensor, ProjectedState]:
        """With a graph: all input products at once, and the recurrence as one operation with its own backward pass.

        Inputs are (T, B, input_dim), outputs (T, B, D).
        """
        gates = F.linear(inputs, self.weight_ih, self._run_time_bias())  # (T, B, 4 * lstm_dim)
        outputs, h, c = Recurrence.apply(  # type: ignore[no-untyped-call]
            gates, h, c, self.weight_hh, self.weight_projection, self.cell_clip, self.projection_clip, batch_sizes
        )
        return outputs, (h, c)

    @torch.no_grad()
    def _run_packed(
        self, inputs: Tensor, h: Tensor, c: Tensor, batch_sizes: Sequence[int] | None
    ) -> tuple[Tensor, ProjectedState]:
        """Without a graph: packed weights, and a bounded number of input products at a time.

        Inputs are (T, B, input_dim), outputs (T, B, D).
        """
        dtype = torch.get_autocast_dtype(inputs.device.type) if _autocasts(inputs) else self.weight_hh.dtype
        input_product, weights = self._packed(dtype)
        last_h, last_c = h.to(dtype, copy=True), c.clone()
        outputs = inputs.new_zeros((*inputs.shape[:2], self.dim), dtype=dtype)
        size = max(1, _POSITIONS_AT_ONCE // max(1, inputs.shape[1]))
        for start in range(0, len(inputs), size):
            part, rows = slice(start, start + size), None if batch_sizes is None else batch_sizes[start : start + size]
            if rows is not None and rows[0] == 0:
                break  # every row has ended
            gates = input_product(inputs[part, : None if rows is None else rows[0]].to(dtype))
            run(gates, last_h, last_c, weights, outputs[part], batch_sizes=rows)
        return outputs, (last_h.to(h.dtype), last_c)

    def _packed(self, dtype: torch.dtype) -> tuple[PackedProduct, RunTimeWeights]:
        """The weights laid out for ``dtype``, once for as long as they stay the same."""
        weights = list(self.parameters())
        if self._run_time is None or self._run_time_dtype != dtype or not self._snapshot.matches(weights):
            bias = self._run_time_bias().to(dtype)
            self._run_time = (
                PackedProduct(self.weight_ih.to(dtype), bias),
                RunTimeWeights(
                    self.weight_hh.to(dtype),
                    None if self.weight_projection is None else self.weight_projection.to(dtype),
                    self.cell_clip,
                    self.projection_clip,
                ),
            )
            self._run_time_dtype, self._snapshot = dtype, WeightSnapshot(weights)
        return self._run_time

    def clear_packed(self) -> None:
        """Forget the packed weights; needed only after weights were written through ``parameter.data``."""
        self._run_time, self._run_time_dtype, self._snapshot = None, None, WeightSnapshot()

    def extra_repr(self) -> str:
        """The numbers shown by ``print``."""
        return (
            f"{self.input_dim}, {self.dim}, {self.lstm_dim}, cell_clip={self.cell_clip}, "
            f"projection_clip={self.projection_clip}, forget_bias={self.forget_bias}"
        )

    def _zero_state(self, batch: int) -> ProjectedState:
        return self.weight_hh.new_zeros(batch, self.dim), self.weight_hh.new_zeros(batch, self.lstm_dim)

    def _run_time_bias(self) -> Tensor:
        if self.forget_bias == 0:
            return self.bias
        constant = torch.zeros_like(self.bias)
        constant[self.lstm_dim : 2 * self.lstm_dim] = self.forget_bias
        return self.bias + constant

    def _apply(self, fn: Any, recurse: bool = True) -> ProjectedLSTM:
        self.clear_packed()
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        return self

    def __getstate__(self) -> dict[str, Any]:
        """State for copies and worker processes, without packed weights: each packs its own."""
        return {**self.__dict__, "_run_time": None, "_snapshot": WeightSnapshot()}


def _autocasts(inputs: Tensor) -> bool:
    return torch.is_autocast_enabled(inputs.device.type)
