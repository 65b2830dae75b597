"""An LSTM layer with projection and clipping for one direction, as published ELMo weights need it."""

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
"""Number of positions whose input products are computed together, enough for efficient matrix products. At published
size the products take 16 MB, which the C library keeps between calls instead of returning it to the system."""


class ProjectedLSTM(nn.Module):
    """An LSTM whose cell state is clipped, projected to a smaller width and clipped again.

    Each step, with gates i, f, g, o in the order of ``torch.nn.LSTM`` (Sak et al. 2014; clipping as in Peters et al.
    2018), computes

        c' = clip(f * c + i * tanh(g), cell_clip)
        m  = clip((o * tanh(c')) W_P^T, projection_clip)

    where m is the output and the recurrent input of the next step. Without clipping this is
    ``torch.nn.LSTM(proj_size=dim)``. Skip connections are added outside of this layer and never enter the recurrence.

    Attributes:
        weight_ih: Input weight (4 * lstm_dim, input_dim).
        weight_hh: Recurrent weight (4 * lstm_dim, dim).
        bias: Bias (4 * lstm_dim,), the sum of the two biases of ``torch.nn.LSTM``.
        weight_projection: Projection (dim, lstm_dim). It is None without a projection; then m = o * tanh(c').
        forget_bias: Constant added to the forget gate at run time and never stored. TensorFlow adds 1.0, so published
            weights need 1.0; adding it to the stored bias could not be undone exactly in float32.
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
        """Create and initialise the weights.

        Args:
            input_dim: Width of an input vector.
            dim: Width of the output and of the recurrent input (D).
            lstm_dim: Width of the cell.
            cell_clip: Positive bound on the absolute value of the cell state. Defaults to no bound.
            projection_clip: Positive bound on the absolute value of the projected output. Defaults to no bound.
            forget_bias: Constant added to the forget gate at run time.
            projection: Whether a projection follows the cell. Without one, ``dim`` equals ``lstm_dim``.
        """
        super().__init__()
        self.input_dim, self.dim, self.lstm_dim = input_dim, dim, lstm_dim
        self.cell_clip, self.projection_clip = cell_clip, projection_clip if projection else None
        self.forget_bias = float(forget_bias)
        self.weight_ih = nn.Parameter(torch.empty(4 * lstm_dim, input_dim))
        self.weight_hh = nn.Parameter(torch.empty(4 * lstm_dim, dim))
        self.bias = nn.Parameter(torch.empty(4 * lstm_dim))
        self.weight_projection = nn.Parameter(torch.empty(dim, lstm_dim)) if projection else None
        self._run_time: tuple[PackedProduct, RunTimeWeights, torch.dtype, WeightSnapshot] | None = None
        """Packed weights and what they were packed from; one value, so that threads read it whole."""
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Draw all weights from U(-1/sqrt(lstm_dim), 1/sqrt(lstm_dim)); the forget gate is initially open.

        The bias of the forget gate is increased by 1 unless ``forget_bias`` adds a constant already.
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
            inputs: Inputs (B, T, input_dim).
            state: State (h (B, D), c (B, lstm_dim)) before the first position, not modified. Defaults to zeros.
            batch_sizes: T sizes in descending order: only the first ``batch_sizes[t]`` rows have a
                position t. Defaults to all rows.

        Returns:
            The outputs (B, T, D), zero at padding, and the state after the last position of each row.
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
        """Run with a graph: all input products at once, and the recurrence as one operation with its own backward pass.

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
        """Run without a graph: with packed weights, and a bounded number of input products at a time.

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
        """The weights packed for ``dtype``; they are packed again only when they change."""
        weights, packed = list(self.parameters()), self._run_time
        if packed is None or packed[2] != dtype or not packed[3].matches(weights):
            bias = self._run_time_bias().to(dtype)
            self._run_time = packed = (
                PackedProduct(self.weight_ih.to(dtype), bias),
                RunTimeWeights(
                    self.weight_hh.to(dtype),
                    None if self.weight_projection is None else self.weight_projection.to(dtype),
                    self.cell_clip,
                    self.projection_clip,
                ),
                dtype,
                WeightSnapshot(weights),
            )
        return packed[:2]

    def clear_packed(self) -> None:
        """Discard the packed weights. Needed only after weights were written through ``parameter.data``."""
        self._run_time = None

    def extra_repr(self) -> str:
        """The settings shown by ``print``."""
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
        """State for copies and worker processes, without the packed weights, which each of them packs itself."""
        return {**self.__dict__, "_run_time": None}


def _autocasts(inputs: Tensor) -> bool:
    return torch.is_autocast_enabled(inputs.device.type)
