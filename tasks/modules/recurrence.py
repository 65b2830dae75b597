"""The recurrence of several LSTMs at once, with a backward pass of its own.

As in ``torch.nn.LSTM`` (Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al. 2000):

    i, f, o = sigmoid(...)    g = tanh(...)    c_t = f * c_{t-1} + i * g    h_t = o * tanh(c_t)

The products with the inputs are computed before, for all words at once. What remains for each step is one product of
the states with the recurrent weights, and element-wise operations. The backward pass has one such product for each
step, too; everything that does not depend on the step after it is computed for all steps at once. The recurrence of
``elmo_lite.nn`` is that of one direction, with the projection and the clips of published weights.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


class Recurrence(torch.autograd.Function):
    """The outputs (T, K, B, H) of K LSTMs that start from zero states.

    Its inputs are the products with the inputs, biases included, (T, K, B, 4H) in the order i, f, g, o of
    ``torch.nn.LSTM``, and the recurrent weights (K, 4H, H). It computes in the data type of the weights, even if that
    of the products is bfloat16: for the few rows of a step, products in bfloat16 are no faster, and element-wise
    operations are slower. The products may be overwritten.
    """

    @staticmethod
    def forward(ctx: Any, products: Tensor, weights: Tensor) -> Tensor:
        """Run over all steps."""
        width = weights.shape[2]
        into_gates = weights.transpose(1, 2).contiguous()  # (K, H, 4H)
        # tanh x = 2 sigmoid(2x) - 1, so that one call computes all gates
        gates = products.detach().to(weights.dtype)
        gates[..., 2 * width : 3 * width] *= 2
        into_gates[..., 2 * width : 3 * width] *= 2
        cells = gates.new_empty((*gates.shape[:3], width))
        outputs = torch.empty_like(cells)
        for t, (gate, cell) in enumerate(zip(gates.unbind(), cells.unbind(), strict=True)):
            if t:
                gate.baddbmm_(outputs[t - 1], into_gates)
            i, f, g, o = gate.sigmoid_().chunk(4, dim=2)
            g.mul_(2).sub_(1)
            torch.mul(i, g, out=cell)
            if t:
                cell.addcmul_(f, cells[t - 1])
            torch.mul(o, cell.tanh(), out=outputs[t])
        ctx.save_for_backward(gates, cells, outputs, weights)
        ctx.dtype = products.dtype
        return outputs

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_outputs: Tensor) -> tuple[Tensor, Tensor]:
        """Gradients of the products and of the weights."""
        gates, cells, outputs, weights = ctx.saved_tensors
        i, f, g, o = gates.chunk(4, dim=3)
        squashed = cells.tanh()
        before = torch.cat([torch.zeros_like(cells[:1]), cells[:-1]])
        # Factors of the gradient of c_t in those of i, f, g, and of the gradient of h_t in those of c_t and o.
        to_i, to_f, to_g = g * i * (1 - i), before * f * (1 - f), i * (1 - g * g)
        to_cell, to_o = o * (1 - squashed * squashed), squashed * o * (1 - o)
        d_products = torch.empty_like(gates)
        d_i, d_f, d_g, d_o = d_products.chunk(4, dim=3)
        d_output, d_cell = d_outputs[-1], torch.zeros_like(cells[0])
        for t in reversed(range(len(gates))):
            d_cell.addcmul_(d_output, to_cell[t])
            torch.mul(to_i[t], d_cell, out=d_i[t])
            torch.mul(to_f[t], d_cell, out=d_f[t])
            torch.mul(to_g[t], d_cell, out=d_g[t])
            torch.mul(to_o[t], d_output, out=d_o[t])
            if t:
                d_cell *= f[t]
                d_output = torch.baddbmm(d_outputs[t - 1], d_products[t], weights)
        d_products = d_products.to(ctx.dtype)
        into, out_of = (steps.transpose(0, 1).flatten(1, 2) for steps in (d_products[1:], outputs[:-1].to(ctx.dtype)))
        return d_products, (into.transpose(1, 2) @ out_of).to(weights.dtype)
