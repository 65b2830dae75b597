"""One layer of ``torch.nn.LSTM``, ``GRU`` or ``RNN``, in the precision of autocast on a GPU too."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_FUNCTIONS: dict[str, Callable[..., tuple[Tensor, ...]]] = {
    "LSTM": torch.lstm,
    "GRU": torch.gru,
    "RNN_TANH": torch.rnn_tanh,
    "RNN_RELU": torch.rnn_relu,
}

_ROWS = 16
"""A number of rows that suits oneDNN's LSTM in bfloat16."""


def run_layer(rnn: nn.RNNBase, inputs: Tensor, state: Sequence[Tensor] | None) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Run a layer over sequences.

    Args:
        rnn: A module of one layer and one direction.
        inputs: Inputs (T, B, D), or (B, T, D) if the module is batch-first.
        state: Parts of the state, each (B, H): h, of an LSTM also c. Defaults to zeros.

    Returns:
        Outputs, with H in place of D, and the state after position T.
    """
    if inputs.is_cuda and torch.is_autocast_enabled("cuda"):
        with torch.autocast("cuda", enabled=False):
            return run_layer_in(rnn, inputs, state, torch.get_autocast_dtype("cuda"))
    if extra := _missing_rows(rnn, inputs):
        padding = (0, 0, 0, 0, 0, extra) if rnn.batch_first else (0, 0, 0, extra)
        padded = None if state is None else [F.pad(part, (0, 0, 0, extra)) for part in state]
        outputs, last = run_layer(rnn, F.pad(inputs, padding), padded)
        return outputs.narrow(0 if rnn.batch_first else 1, 0, len(last[0]) - extra), tuple(h[:-extra] for h in last)
    has_cell = rnn.mode == "LSTM"
    before = None if state is None else tuple(part[None].to(inputs.dtype) for part in state)
    outputs, after = rnn(inputs, before if has_cell or before is None else before[0])
    return outputs, tuple(part[0] for part in (after if has_cell else [after]))


def _missing_rows(rnn: nn.RNNBase, inputs: Tensor) -> int:
    """Number of rows to add to those of a batch.

    On the CPU in bfloat16, oneDNN's LSTM takes five to eight times as long with a prime number of rows as with a
    multiple of 16 (torch 2.13), as if it computed blocks of rows whose size divides their number.
    """
    rows = inputs.shape[0 if rnn.batch_first else 1]
    if rnn.mode != "LSTM" or inputs.device.type != "cpu" or rows <= 2 * _ROWS:
        return 0
    dtype = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else inputs.dtype
    return -rows % _ROWS if dtype == torch.bfloat16 else 0


def run_layer_in(
    rnn: nn.RNNBase, inputs: Tensor, state: Sequence[Tensor] | None, dtype: torch.dtype
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Run a layer in a data type of its own; see ``run_layer``.

    Autocast runs cuDNN's layers in float16 even if its own type is bfloat16. The gradients of a mean over many words
    are too small for float16.
    """
    parameters = list(rnn.parameters())
    flat = torch.cat([parameter.flatten() for parameter in parameters]).to(dtype)  # one block, as cuDNN wants them
    parts = torch.split(flat, [parameter.numel() for parameter in parameters])
    weights = [part.view_as(parameter) for part, parameter in zip(parts, parameters, strict=True)]
    has_cell, rows = rnn.mode == "LSTM", inputs.shape[0 if rnn.batch_first else 1]
    zeros = inputs.new_zeros(rows, rnn.hidden_size)
    before = [part[None].to(dtype) for part in state or [zeros] * (2 if has_cell else 1)]
    outputs, *after = _FUNCTIONS[rnn.mode](
        inputs.to(dtype), before if has_cell else before[0], weights, True, 1, 0.0, rnn.training, False, rnn.batch_first
    )
    return outputs, tuple(part[0] for part in after)
