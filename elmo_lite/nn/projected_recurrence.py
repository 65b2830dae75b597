"""The recurrence of a projected, clipped LSTM over input products: forward, and backward in one sweep.

All there is per step is one product with the recurrent weight, one with the projection, and element-wise work. The
backward pass keeps to that: gradients of the two weights are one product each over all steps, not one a step, which is
what autograd would make of the loop.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from elmo_lite.nn.packed_linear import PackedProduct

ProjectedState = tuple[Tensor, Tensor]
"""What a direction carries on: output h (B, D) and cell c (B, lstm_dim)."""


class RunTimeWeights:
    """What a step multiplies with, laid out once."""

    def __init__(
        self, weight_hh: Tensor, projection: Tensor | None, cell_clip: float | None, projection_clip: float | None
    ) -> None:
        """Lay out weight_hh (4 * lstm_dim, D) and projection (D, lstm_dim), which is None where there is none."""
        self.recurrent = PackedProduct(weight_hh)
        self.project = None if projection is None else PackedProduct(projection)
        self.cell_clip, self.projection_clip = cell_clip, projection_clip


def run(
    gates: Tensor,
    h: Tensor,
    c: Tensor,
    weights: RunTimeWeights,
    outputs: Tensor,
    cells: Tensor | None = None,
    batch_sizes: Sequence[int] | None = None,
) -> None:
    """Step through all positions, in place.

    Args:
        gates: (T, B, 4 * lstm_dim), input products with bias; left with the gates' values i, f, tanh(g), o.
        h: (B, D), the output before the first position; left with each row's last one.
        c: (B, lstm_dim), the cell before the first position; left with each row's last one.
        weights: what to multiply with.
        outputs: (T, B, D), filled.
        cells: (T, B, lstm_dim), filled with the cell after each position; not where None.
        batch_sizes: T sizes in descending order: only the first ``batch_sizes[t]`` rows have a position t, and the rest
            is left as it is. Defaults to all rows.
    """
    width = c.shape[1]
    for t in range(len(gates)):
        rows = len(h) if batch_sizes is None else batch_sizes[t]
        if rows == 0:
            return
        step, before, cell, output = gates[t, :rows], h[:rows], c[:rows], outputs[t, :rows]
        step += weights.recurrent(before)
        step[:, : 2 * width].sigmoid_()
        step[:, 3 * width :].sigmoid_()
        i, f, g, o = step.chunk(4, dim=1)
        cell.mul_(f).addcmul_(i, tanh_(g))
        clip_(cell, weights.cell_clip)
        if cells is not None:
            cells[t, :rows] = cell
        cell_output = tanh_(cell.to(step.dtype, copy=True)).mul_(o)
        output.copy_(cell_output if weights.project is None else weights.project(cell_output))
        before.copy_(clip_(output, weights.projection_clip))


def tanh_(values: Tensor) -> Tensor:
    """Hyperbolic tangent in place.

    On the CPU torch's own takes five times as long as its sigmoid in float32, about a tenth of all the time here; this
    is within 2e-7 of it.
    """
    if values.dtype != torch.float32 or values.device.type != "cpu":
        return values.tanh_()
    return values.mul_(2).sigmoid_().mul_(2).sub_(1)  # tanh x = 2 sigmoid(2x) - 1


def clip_(values: Tensor, bound: float | None) -> Tensor:
    """Bound absolute values in place; None for no bound."""
    return values if bound is None else values.clamp_(-bound, bound)


class Recurrence(torch.autograd.Function):
    """``run`` for autograd.

    Inputs are those of ``ProjectedLSTM``: gates (T, B, 4 * lstm_dim), h, c, weight_hh, weight_projection or None, the
    two clips and ``batch_sizes``. It gives outputs (T, B, D) and the last h and c.
    """

    @staticmethod
    def forward(
        ctx: Any,
        gates: Tensor,
        h: Tensor,
        c: Tensor,
        weight_hh: Tensor,
        projection: Tensor | None,
        cell_clip: float | None,
        projection_clip: float | None,
        batch_sizes: Sequence[int] | None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Run, and keep the gates, cells and outputs of every step."""
        dtype = gates.dtype  # narrower than the weights under autocast
        narrow = None if projection is None else projection.to(dtype)
        weights = RunTimeWeights(weight_hh.to(dtype), narrow, cell_clip, projection_clip)
        gates = gates.clone()
        outputs = gates.new_zeros((*gates.shape[:2], weight_hh.shape[1]))
        cells = c.new_zeros((*gates.shape[:2], c.shape[1]))
        last_h, last_c = h.to(dtype, copy=True), c.clone()
        run(gates, last_h, last_c, weights, outputs, cells, batch_sizes)
        ctx.save_for_backward(gates, h, c, weight_hh, projection, outputs, cells)
        ctx.clips, ctx.batch_sizes = (cell_clip, projection_clip), batch_sizes
        return outputs, last_h.to(h.dtype), last_c

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_outputs: Tensor, d_last_h: Tensor, d_last_c: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients of gates, h, c, weight_hh and weight_projection."""
        gates, h0, c0, weight_hh, projection, outputs, cells = ctx.saved_tensors
        cell_clip, projection_clip = ctx.clips
        dtype, width = gates.dtype, cells.shape[2]
        from_gates = PackedProduct(weight_hh.to(dtype).t())
        from_output = None if projection is None else PackedProduct(projection.to(dtype).t())
        d_gates, d_projected = torch.zeros_like(gates), torch.zeros_like(outputs)
        dh, dc = d_last_h.to(dtype, copy=True), d_last_c.clone()
        for t in reversed(range(len(gates))):
            rows = slice(None if ctx.batch_sizes is None else ctx.batch_sizes[t])
            i, f, g, o = gates[t, rows].chunk(4, dim=1)
            d_i, d_f, d_g, d_o = d_gates[t, rows].chunk(4, dim=1)
            cell, before = cells[t, rows], (cells[t - 1] if t > 0 else c0)[rows].to(dtype)
            d_output = pass_within(dh[rows] + d_outputs[t, rows].to(dtype), outputs[t, rows], projection_clip)
            d_projected[t, rows] = d_output
            d_cell_output = d_output if from_output is None else from_output(d_output)
            squashed = torch.tanh(cell.to(dtype))
            torch.mul(d_cell_output * squashed, o * (1 - o), out=d_o)
            d_cell = pass_within(dc[rows] + d_cell_output * o * (1 - squashed.square()), cell, cell_clip)
            narrow = d_cell.to(dtype)
            torch.mul(narrow * g, i * (1 - i), out=d_i)
            torch.mul(narrow * before, f * (1 - f), out=d_f)
            torch.mul(narrow * i, 1 - g.square(), out=d_g)
            dc[rows] = d_cell * f
            dh[rows] = from_gates(d_gates[t, rows])
        h_before = torch.cat([h0.to(dtype)[None], outputs[:-1]]) if len(gates) else outputs
        d_weight_hh = d_gates.view(-1, 4 * width).t() @ h_before.reshape(-1, h_before.shape[2])
        d_projection = None
        if projection is not None:
            cell_outputs = torch.tanh(cells.to(dtype)).mul_(gates[..., 3 * width :])
            d_projection = (d_projected.view(-1, dh.shape[1]).t() @ cell_outputs.view(-1, width)).to(projection.dtype)
        return (
            d_gates,
            dh.to(h0.dtype),
            dc.to(c0.dtype),
            d_weight_hh.to(weight_hh.dtype),
            d_projection,
            None,
            None,
            None,
        )


def pass_within(gradient: Tensor, clipped: Tensor, bound: float | None) -> Tensor:
    """The gradient before a clip: nothing comes from values that the bound stopped."""
    return gradient if bound is None else gradient.masked_fill(clipped.abs() >= bound, 0)
