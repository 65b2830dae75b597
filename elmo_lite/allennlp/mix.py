"""AllenNLP's scalar mix of layers: its parameters, and its layer norm over a whole batch."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from elmo_lite.errors import ConfigError


class ScalarMix(nn.Module):
    """Weighted sum of layers: gamma * sum_l softmax(w)_l * tensors[l] (Peters et al. 2018, equation 1).

    Parameters have AllenNLP's names and shapes, one of shape (1,) for each layer, so that checkpoints and patterns over
    parameter names still match. Use ``elmo_lite.ScalarMix`` in new code.
    """

    def __init__(
        self,
        mixture_size: int,
        do_layer_norm: bool = False,
        initial_scalar_parameters: Sequence[float] | None = None,
        trainable: bool = True,
    ) -> None:
        """Initialise the parameters.

        Args:
            mixture_size: Number of layers L, the token layer included.
            do_layer_norm: Whether to normalise each layer to mean 0 and variance 1 over all unmasked values of the
                batch. Defaults to False.
            initial_scalar_parameters: Initial w before the softmax, L numbers. Defaults to zeros.
            trainable: Whether w and gamma are trainable. Defaults to True.

        Raises:
            ConfigError: The number of parameters is not the number of layers.
        """
        super().__init__()
        initial = [0.0] * mixture_size if initial_scalar_parameters is None else list(initial_scalar_parameters)
        if len(initial) != mixture_size:
            raise ConfigError(f"scalar_mix_parameters: expected {mixture_size} numbers, found {initial!r}")
        self.mixture_size = mixture_size
        self.do_layer_norm = do_layer_norm
        self.scalar_parameters = nn.ParameterList(
            nn.Parameter(torch.tensor([float(value)]), requires_grad=trainable) for value in initial
        )
        self.gamma = nn.Parameter(torch.ones(1), requires_grad=trainable)

    def forward(self, tensors: Sequence[Tensor], mask: Tensor | None = None) -> Tensor:
        """Mix L tensors.

        Args:
            tensors: L tensors (B, T, 2D).
            mask: (B, T) bool, required for layer norm.

        Returns:
            The mixture (B, T, 2D).

        Raises:
            ConfigError: The number of tensors is not the number of layers, or layer norm has no mask.
        """
        if len(tensors) != self.mixture_size:
            raise ConfigError(f"tensors: expected {self.mixture_size} layers, found {len(tensors)}")
        if self.do_layer_norm:
            if mask is None:
                raise ConfigError("mask: expected one, as do_layer_norm is true, found None")
            tensors = [_normalised(tensor, mask) for tensor in tensors]
        shares = torch.softmax(torch.cat(list(self.scalar_parameters)), dim=0)
        mixed = torch.stack([share * tensor for share, tensor in zip(shares, tensors, strict=True)]).sum(dim=0)
        return self.gamma * mixed


def _normalised(tensor: Tensor, mask: Tensor) -> Tensor:
    """Normalise a tensor (B, T, D) to mean 0 and variance 1 over all unmasked values."""
    unmasked = tensor[mask]
    smallest = 1e-4 if tensor.dtype == torch.float16 else 1e-13  # AllenNLP's epsilon
    return (tensor - unmasked.mean()) / torch.sqrt(unmasked.var(correction=0) + smallest)
