"""Vectors of words in several parts, such as word vectors and the layers of an encoder, read as if side by side.

A product with vectors side by side has a gradient with respect to all of them, even where a part is frozen. Part by
part, what is frozen costs the product alone.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Parts = Tensor | Sequence[Tensor]
"""Vectors (..., D), or parts of them, (..., D_i) each, in the order of the dimensions."""


def parts_of(vectors: Parts) -> list[Tensor]:
    """The parts; a tensor is one."""
    return [vectors] if isinstance(vectors, Tensor) else list(vectors)


def side_by_side(vectors: Parts) -> Tensor:
    """The vectors (..., D), whose parts are joined."""
    parts = parts_of(vectors)
    return parts[0] if len(parts) == 1 else torch.cat(parts, dim=-1)


def linear(vectors: Parts, weight: Tensor, bias: Tensor | None) -> Tensor:
    """``torch.nn.functional.linear`` of vectors in parts, (..., D) to (..., N), with weight (N, D) and bias (N,)."""
    first, *others = parts_of(vectors)
    of_first, *of_others = torch.split(weight, [first.shape[-1], *(part.shape[-1] for part in others)], dim=1)
    outputs = F.linear(first, of_first, bias)
    for part, of_part in zip(others, of_others, strict=True):
        outputs = outputs + F.linear(part, of_part)
    return outputs


class Linear(nn.Linear):
    """``torch.nn.Linear`` of vectors in parts."""

    def forward(self, vectors: Parts) -> Tensor:
        """Map vectors (..., D) to (..., N)."""
        return linear(vectors, self.weight, self.bias)
