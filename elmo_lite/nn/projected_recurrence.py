"""The recurrence of an LSTM with projection and clipping, with a backward pass of its own.

Each step computes one product with the recurrent weight, one with the projection, and element-wise operations. The
backward pass does the same per step: it computes the gradients of the two weights as one product each over all steps,
while autograd would compute one product per step.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from elmo_lite.nn.packed_linear import PackedProduct

ProjectedState = tuple[Tensor, Tensor]
"""The recurrent state of a direction: output h (B, D) and cell state c (B, lstm_dim)."""


class RunTimeWeights:
    """The packed weights of a step, and its clipping bounds."""

    def __init__(
        self, weight_hh: Tensor, projection: Tensor | None, cell_clip: float | None, projection_clip: float | None
    ) -> None:
        """Pack weight_hh (4 * lstm_dim, D) and projection (D, lstm_dim), which is None without a projection."""
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
    """Run over all positions, in place.

    Args:
        gates: Input products with bias, (T, B, 4 * lstm_dim). Overwritten with the gate values i, f, tanh(g), o.
        h: Output before the first position, (B, D). Overwritten with the last output of each row.
        c: Cell state before the first position, (B, lstm_dim). Overwritten with the last cell state of each row.
        weights: Packed weights and clipping bounds.
        outputs: Tensor (T, B, D) to fill with the outputs.
        cells: Tensor (T, B, lstm_dim) to fill with the cell state after each position. Defaults to not storing it.
        batch_sizes: T sizes in descending order: only the first ``batch_sizes[t]`` rows have a position t; the others
            are not modified. Defaults to all rows.
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
    """Compute the hyperbolic tangent in place.

    In float32 on the CPU, ``Tensor.tanh_`` takes five times as long as ``Tensor.sigmoid_``, about a tenth of the total
    time here. This function uses the sigmoid instead and differs by at most 2e-7.
    """
    if values.dtype != torch.float32 or values.device.type != "cpu":
        return values.tanh_()
    return values.mul_(2).sigmoid_().mul_(2).sub_(1)  # tanh x = 2 sigmoid(2x) - 1


def clip_(values: Tensor, bound: float | None) -> Tensor:
    """Clip to [-bound, bound] in place. No clipping if ``bound`` is None."""
    return values if bound is None else values.clamp_(-bound, bound)


class Recurrence(torch.autograd.Function):
    """``run`` as an autograd function.

    Its inputs are gates (T, B, 4 * lstm_dim), h (B, D), c (B, lstm_dim), the weight_hh and weight_projection of
    ``ProjectedLSTM``, the two clipping bounds and ``batch_sizes``. It returns outputs (T, B, D) and the last h and c.
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
        """Run, and save the gates, cell states and outputs of all steps."""
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
    """The gradient of the input of a clip, which is zero for clipped values."""
    return gradient if bound is None else gradient.masked_fill(clipped.abs() >= bound, 0)
