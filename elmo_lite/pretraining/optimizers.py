"""Optimizer of the dense encoder and of the sparse softmax table, and gradient clipping.

Several processes have the same gradients, so each makes the whole update, Muon's orthogonalisation included, and sends
none of it.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn

from elmo_lite.pretraining.muon import Muon


class CombinedOptimizer(torch.optim.Optimizer):
    """Several optimizers combined: a trainer counts one step, and a scheduler sees all parameter groups."""

    def __init__(self, optimizers: Sequence[torch.optim.Optimizer]) -> None:
        """Combine ``optimizers``, whose parameters must not overlap."""
        self.optimizers = list(optimizers)
        super().__init__([group for optimizer in self.optimizers for group in optimizer.param_groups], {})

    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Run the closure once, then step every optimizer."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for optimizer in self.optimizers:
            optimizer.step()
        return loss

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Reset all gradients."""
        for optimizer in self.optimizers:
            optimizer.zero_grad(set_to_none=set_to_none)

    def state_dict(self) -> dict[str, Any]:
        """State of all optimizers."""
        return {"optimizers": [optimizer.state_dict() for optimizer in self.optimizers]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the state of all optimizers; parameter groups are shared again, as loading replaces them."""
        for optimizer, state in zip(self.optimizers, state_dict["optimizers"], strict=True):
            optimizer.load_state_dict(state)
        self.param_groups = [group for optimizer in self.optimizers for group in optimizer.param_groups]


def make_optimizer(
    encoder: nn.Module,
    table: Iterable[nn.Parameter],
    *,
    name: str,
    learning_rate: float,
    table_learning_rate: float,
    weight_decay: float,
    betas: tuple[float, float],
    precision: Literal["float32", "bfloat16"] = "float32",
) -> CombinedOptimizer:
    """Build the optimizer of a pretraining run.

    Args:
        encoder: Encoder. Weight decay, and Muon if chosen, apply to its weight matrices alone.
        table: Parameters of the softmax, with sparse gradients; only rows that have a gradient are updated.
        name: Optimizer of the encoder, "adamw" or "muon".
        learning_rate: Peak learning rate of the encoder.
        table_learning_rate: Peak learning rate of the table.
        weight_decay: Decoupled weight decay.
        betas: Decay rates of Adam's moments.
        precision: Precision of Muon's matrix products.
    """
    trained = [(key, value) for key, value in encoder.named_parameters() if value.requires_grad]
    is_matrix = {key: value.ndim == 2 and "embedding" not in key for key, value in trained}
    matrices = [value for key, value in trained if is_matrix[key]]
    others = [value for key, value in trained if not is_matrix[key]]
    optimizers: list[torch.optim.Optimizer] = []
    if name == "muon":
        dtype = torch.bfloat16 if precision == "bfloat16" else torch.float32
        muon = Muon(matrices, lr=learning_rate, weight_decay=weight_decay, dtype=dtype)
        optimizers = [muon, torch.optim.AdamW(others, lr=learning_rate, betas=betas, weight_decay=0.0, fused=True)]
    else:
        groups = [{"params": matrices, "weight_decay": weight_decay}, {"params": others, "weight_decay": 0.0}]
        optimizers = [torch.optim.AdamW(groups, lr=learning_rate, betas=betas, fused=True)]
    optimizers.append(torch.optim.SparseAdam(table, lr=table_learning_rate, betas=betas))
    return CombinedOptimizer(optimizers)


def _values(gradient: Tensor) -> Tensor:
    return gradient._values() if gradient.is_sparse else gradient


def clip_gradients(parameters: Iterable[nn.Parameter], max_norm: float) -> float:
    """Scale dense and sparse gradients together so that their global norm is at most ``max_norm``.

    ``torch.nn.utils.clip_grad_norm_`` does not accept sparse gradients. Sparse gradients must be coalesced.

    Returns:
        The norm before clipping. If any gradient is not finite, neither is the norm, and nothing is scaled.
    """
    gradients = [_values(p.grad) for p in parameters if p.grad is not None]
    if not gradients:
        return 0.0
    norm: Tensor = torch.linalg.vector_norm(torch.stack([torch.linalg.vector_norm(g) for g in gradients]))
    value = float(norm)  # a GPU is waited for once
    if math.isfinite(value) and value > max_norm:
        torch._foreach_mul_(gradients, (max_norm / norm).to(gradients[0].dtype))
    return value


def num_parameters(*modules: nn.Module) -> int:
    """Number of trainable parameters of modules."""
    return sum(p.numel() for p in itertools.chain(*(module.parameters() for module in modules)) if p.requires_grad)
