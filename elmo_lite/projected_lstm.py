"""The LSTM engine with projection and clipping, as published ELMo weights need it: one layer, one direction."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

ProjectedState = tuple[Tensor, Tensor]
"""What a direction carries on: output h (B, D) and cell c (B, lstm_dim)."""


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
        weight_projection: (dim, lstm_dim).
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
    ) -> None:
        """Make the weights and draw them.

        Args:
            input_dim: width of an input vector.
            dim: D, width of the output and of the recurrent input.
            lstm_dim: width of the cell.
            cell_clip: bound on the absolute value of the cell, positive; None for no bound.
            projection_clip: bound on the absolute value of the output, positive; None for no bound.
            forget_bias: constant added to the forget gate at run time.
        """
        super().__init__()
        self.input_dim, self.dim, self.lstm_dim = input_dim, dim, lstm_dim
        self.cell_clip, self.projection_clip = cell_clip, projection_clip
        self.forget_bias = float(forget_bias)
        self.weight_ih = nn.Parameter(torch.empty(4 * lstm_dim, input_dim))
        self.weight_hh = nn.Parameter(torch.empty(4 * lstm_dim, dim))
        self.bias = nn.Parameter(torch.empty(4 * lstm_dim))
        self.weight_projection = nn.Parameter(torch.empty(dim, lstm_dim))
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

    def forward(self, inputs: Tensor, state: ProjectedState | None = None) -> tuple[Tensor, ProjectedState]:
        """Run over all positions, left to right.

        Args:
            inputs: (B, T, input_dim).
            state: h (B, D) and c (B, lstm_dim) before the first position; zeros where None. It is not modified.

        Returns:
            The outputs (B, T, D), and the state after position T.
        """
        h, c = self._zero_state(inputs) if state is None else state
        # All input products at once: only the recurrent product has to wait for the step before.
        gates = F.linear(inputs.transpose(0, 1), self.weight_ih, self._run_time_bias())  # (T, B, 4 * lstm_dim)
        if torch.is_grad_enabled() and any(t.requires_grad for t in (gates, h, c, *self.parameters())):
            return self._run_recorded(gates, h, c)
        return self._run_in_place(gates, h, c)

    def extra_repr(self) -> str:
        """The numbers shown by ``print``."""
        return (
            f"{self.input_dim}, {self.dim}, {self.lstm_dim}, cell_clip={self.cell_clip}, "
            f"projection_clip={self.projection_clip}, forget_bias={self.forget_bias}"
        )

    def _zero_state(self, inputs: Tensor) -> ProjectedState:
        batch = inputs.shape[0]
        return self.weight_hh.new_zeros(batch, self.dim), self.weight_hh.new_zeros(batch, self.lstm_dim)

    def _run_time_bias(self) -> Tensor:
        if self.forget_bias == 0:
            return self.bias
        constant = torch.zeros_like(self.bias)
        constant[self.lstm_dim : 2 * self.lstm_dim] = self.forget_bias
        return self.bias + constant

    def _run_recorded(self, gates: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, ProjectedState]:
        """The loop as autograd records it; gates (T, B, 4 * lstm_dim) hold the input products."""
        recurrent = self.weight_hh.t().contiguous()  # (D, 4 * lstm_dim)
        projection = self.weight_projection.t().contiguous()  # (lstm_dim, D)
        outputs = []
        for step in gates.unbind(0):
            i, f, g, o = (step + h @ recurrent).chunk(4, dim=1)
            c = _clip(torch.addcmul(f.sigmoid() * c, i.sigmoid(), g.tanh()), self.cell_clip)
            h = _clip((o.sigmoid() * c.tanh()) @ projection, self.projection_clip)
            outputs.append(h)
        stacked = torch.stack(outputs, dim=1) if outputs else gates.new_zeros(gates.shape[1], 0, self.dim)
        return stacked, (h, c)

    def _run_in_place(self, gates: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, ProjectedState]:
        """The same loop without a graph: every step writes into ``gates`` and into one tensor of outputs."""
        width = self.lstm_dim
        # Under autocast the input products come narrower than the weights, and in-place products do not cast.
        recurrent = self.weight_hh.t().to(gates.dtype).contiguous()
        projection = self.weight_projection.t().to(gates.dtype).contiguous()
        outputs = gates.new_empty(gates.shape[0], gates.shape[1], self.dim)  # (T, B, D)
        c, cell_output = c.clone(), gates.new_empty(gates.shape[1], width)
        narrow_h = h.to(gates.dtype)
        for step, output in zip(gates.unbind(0), outputs.unbind(0), strict=True):
            step.addmm_(narrow_h, recurrent)
            step[:, : 2 * width].sigmoid_()
            step[:, 3 * width :].sigmoid_()
            i, f, g, o = step.chunk(4, dim=1)
            c.mul_(f).addcmul_(i, g.tanh_())
            _clip_in_place(c, self.cell_clip)
            torch.tanh(c.to(gates.dtype), out=cell_output).mul_(o)
            torch.mm(cell_output, projection, out=output)
            narrow_h = _clip_in_place(output, self.projection_clip)
        # The last output alone is kept as state: a view would hold on to all T of them.
        return outputs.transpose(0, 1), (narrow_h.to(h.dtype, copy=True), c)


def _clip(values: Tensor, bound: float | None) -> Tensor:
    return values if bound is None else values.clamp(-bound, bound)


def _clip_in_place(values: Tensor, bound: float | None) -> Tensor:
    return values if bound is None else values.clamp_(-bound, bound)
