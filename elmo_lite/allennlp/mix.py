"""AllenNLP's mixture of layers: its parameters, and its layer norm over a whole batch."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from elmo_lite.errors import ConfigError


class ScalarMix(nn.Module):
    """gamma * sum_l softmax(w)_l * tensors[l] (Peters et al. 2018, equation 1).

    Names and shapes of the parameters are AllenNLP's, one of shape (1,) for each layer, so that checkpoints and
    patterns over parameter names fit. ``elmo_lite.ScalarMix`` is the one for new work.
    """

    def __init__(
        self,
        mixture_size: int,
        do_layer_norm: bool = False,
        initial_scalar_parameters: Sequence[float] | None = None,
        trainable: bool = True,
    ) -> None:
        """Make the mixture.

        Args:
            mixture_size: L, the token layer included.
            do_layer_norm: bring each layer to mean 0 and variance 1 over all unmasked numbers of the batch together.
            initial_scalar_parameters: w before the softmax, L numbers; zeros where None.
            trainable: whether w and gamma learn.

        Raises:
            ConfigError: another number of parameters than layers.
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
            tensors: L of (B, T, 2D).
            mask: (B, T) bool, needed with layer norm.

        Returns:
            (B, T, 2D).

        Raises:
            ConfigError: another number of tensors than layers, or no mask for the layer norm.
        """
        if len(tensors) != self.mixture_size:
            raise ConfigError(f"tensors: expected {self.mixture_size} layers, found {len(tensors)}")
        if self.do_layer_norm:
            if mask is None:
                raise ConfigError("mask: expected one, as do_layer_norm is on, found None")
            tensors = [_normalised(tensor, mask) for tensor in tensors]
        shares = torch.softmax(torch.cat(list(self.scalar_parameters)), dim=0)
        mixed = torch.stack([share * tensor for share, tensor in zip(shares, tensors, strict=True)]).sum(dim=0)
        return self.gamma * mixed


def _normalised(tensor: Tensor, mask: Tensor) -> Tensor:
    """(B, T, D) with mean 0 and variance 1 over all unmasked numbers together."""
    unmasked = tensor[mask]
    smallest = 1e-4 if tensor.dtype == torch.float16 else 1e-13  # what AllenNLP adds to the variance
    return (tensor - unmasked.mean()) / torch.sqrt(unmasked.var(correction=0) + smallest)
